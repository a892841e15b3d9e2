/* control.c - /_control/...: tests and the demo change issues, script faults, read the
 * journal. */
#include <string.h>

#include "local/forge/forge.h"

/* The request's body as JSON; NULL with the reply set. */
static json_t *
body_of(const struct request *q, struct reply *r)
{
    json_error_t why;
    json_t *body = json_loadb(q->body, q->body_size, JSON_REJECT_DUPLICATES, &why);

    if (body == NULL)
        reply_error(r, 400, "body, line %d: %s", why.line, why.text);
    return body;
}

static struct repo *
repo_of(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo =
        state_repo(f->state, request_arg(q, "owner"), request_arg(q, "repo"));

    if (repo == NULL)
        reply_error(r, 404, "no repository %s/%s", request_arg(q, "owner"),
                    request_arg(q, "repo"));
    return repo;
}

static void
post_issue(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    SCOPED(json) json_t *want = repo != NULL ? body_of(q, r) : NULL;
    struct err e = ERR_INIT;
    struct issue *i;

    if (want == NULL)
        return;
    if ((i = repo_add_issue(f->state, repo, want, q->now, &e)) == NULL) {
        reply_error(r, 422, "%s", e.text);
        return;
    }
    r->status = 201;
    r->body = json_incref(i->doc);
}

static struct issue *
issue_of(struct request *q, struct reply *r, struct repo *repo)
{
    struct issue *i =
        repo != NULL ? repo_issue(repo, request_arg_number(q, "number")) : NULL;

    if (repo != NULL && i == NULL)
        reply_error(r, 404, "no issue %s in %s", request_arg(q, "number"), repo->full);
    return i;
}

static void
patch_issue(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    struct issue *i = issue_of(q, r, repo);
    SCOPED(json) json_t *want = i != NULL ? body_of(q, r) : NULL;
    struct err e = ERR_INIT;

    if (want == NULL)
        return;
    if (repo_edit_issue(f->state, repo, i, want, q->now, &e) < 0) {
        reply_error(r, 422, "%s", e.text);
        return;
    }
    r->status = 200;
    r->body = json_incref(i->doc);
}

static void
post_comment(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    struct issue *i = issue_of(q, r, repo);
    SCOPED(json) json_t *want = i != NULL ? body_of(q, r) : NULL;
    struct err e = ERR_INIT;
    json_t *made;

    if (want == NULL)
        return;
    if ((made = repo_add_comment(f->state, repo, i, want, q->now, &e)) == NULL) {
        reply_error(r, 422, "%s", e.text);
        return;
    }
    r->status = 201;
    r->body = json_incref(made);
}

/* A review, or with `lines` a comment on a line, of a pull request. */
static void
post_on_pull(struct forge *f, struct request *q, struct reply *r, bool lines)
{
    struct repo *repo = repo_of(f, q, r);
    struct issue *i = issue_of(q, r, repo);
    SCOPED(json) json_t *want = i != NULL ? body_of(q, r) : NULL;
    struct err e = ERR_INIT;
    json_t *made;

    if (want == NULL)
        return;
    if (i->pull == NULL) {
        reply_error(r, 422, "%s is no pull request", request_arg(q, "number"));
        return;
    }
    made = (lines ? pull_add_line_comment : pull_add_review)(f->state, repo, i, want,
                                                             q->now, &e);
    if (made == NULL) {
        reply_error(r, 422, "%s", e.text);
        return;
    }
    r->status = 201;
    r->body = json_incref(made);
}

static void
post_review(struct forge *f, struct request *q, struct reply *r)
{
    post_on_pull(f, q, r, false);
}

static void
post_line_comment(struct forge *f, struct request *q, struct reply *r)
{
    post_on_pull(f, q, r, true);
}

static void
patch_pull(struct forge *f, struct request *q, struct reply *r)
{
    struct issue *i = issue_of(q, r, repo_of(f, q, r));
    SCOPED(json) json_t *want = i != NULL ? body_of(q, r) : NULL;
    struct err e = ERR_INIT;

    if (want == NULL)
        return;
    if (i->pull == NULL || pull_edit(i, want, q->now, &e) < 0) {
        reply_error(r, 422, "%s", i->pull == NULL ? "is no pull request" : e.text);
        return;
    }
    r->status = 200;
    r->body = json_incref(i->pull);
}

/* {"login": "role", ...}; null: no collaborator any more. */
static void
patch_collaborators(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    SCOPED(json) json_t *want = repo != NULL ? body_of(q, r) : NULL;
    const char *login;
    json_t *v;

    if (want == NULL)
        return;
    json_object_foreach(want, login, v)
    {
        if (json_is_string(v))
            json_object_set(repo->roles, login, v);
        else
            json_object_del(repo->roles, login);
    }
    r->status = 204;
}

static void
post_fault(struct forge *f, struct request *q, struct reply *r)
{
    SCOPED(json) json_t *want = body_of(q, r);
    struct err e = ERR_INIT;

    if (want == NULL)
        return;
    if (faults_add(&f->faults, want, &e) < 0) {
        reply_error(r, 422, "%s", e.text);
        return;
    }
    r->status = 201;
    r->body = json_pack("{s:I}", "faults", (json_int_t)f->faults.n);
}

static void
delete_faults(struct forge *f, struct request *q, struct reply *r)
{
    (void)q;
    faults_clear(&f->faults);
    r->status = 204;
}

static void
get_requests(struct forge *f, struct request *q, struct reply *r)
{
    (void)q;
    r->status = 200;
    r->body = json_incref(f->journal.requests);
}

static void
delete_requests(struct forge *f, struct request *q, struct reply *r)
{
    (void)q;
    journal_clear(&f->journal);
    r->status = 204;
}

static void
get_counts(struct forge *f, struct request *q, struct reply *r)
{
    (void)q;
    r->status = 200;
    r->body = json_incref(f->journal.counts);
}

/* Tokens that come and go: {"add": {"token": "login"}, "remove": ["token"]}. */
static void
patch_tokens(struct forge *f, struct request *q, struct reply *r)
{
    static const char *const fields[] = {"add", "remove", NULL};
    SCOPED(json) json_t *want = body_of(q, r);
    struct err e = ERR_INIT;
    const char *token;
    size_t k;
    json_t *v;

    if (want == NULL)
        return;
    if (fields_check(want, "tokens", fields, &e) < 0) {
        reply_error(r, 422, "%s", e.text);
        return;
    }
    json_object_foreach(json_object_get(want, "add"), token, v) json_object_set_new(
        f->state->tokens, token, json_pack("{s:O, s:i}", "login", v, "expires", 0));
    json_array_foreach(json_object_get(want, "remove"), k, v) if (json_is_string(v))
        json_object_del(f->state->tokens, json_string_value(v));
    r->status = 204;
}

/* What is left of a token's hour: {"token": T, "remaining": N, "reset_in": seconds}. */
static void
patch_quota(struct forge *f, struct request *q, struct reply *r)
{
    static const char *const fields[] = {"token", "remaining", "limit", "reset_in", NULL};
    SCOPED(json) json_t *want = body_of(q, r);
    struct err e = ERR_INIT;
    const char *token;
    struct quota *row;
    json_t *v;

    if (want == NULL)
        return;
    if (fields_check(want, "quota", fields, &e) < 0) {
        reply_error(r, 422, "%s", e.text);
        return;
    }
    token = json_string_value(json_object_get(want, "token"));
    row = quota_of(&f->quotas, token != NULL ? token : "", f->state->rate_limit, q->now);
    if ((v = json_object_get(want, "limit")) != NULL)
        row->limit = json_integer_value(v);
    if ((v = json_object_get(want, "remaining")) != NULL)
        row->used = row->limit - json_integer_value(v);
    if ((v = json_object_get(want, "reset_in")) != NULL)
        row->reset = q->now + json_integer_value(v) * 1000;
    r->status = 204;
}

/* clang-format off */
static const struct route routes[] = {
    {"POST",   "/_control/repos/:owner/:repo/issues", "", post_issue},
    {"PATCH",  "/_control/repos/:owner/:repo/issues/:number", "", patch_issue},
    {"POST",   "/_control/repos/:owner/:repo/issues/:number/comments", "", post_comment},
    {"POST",   "/_control/repos/:owner/:repo/pulls/:number/reviews", "", post_review},
    {"POST",   "/_control/repos/:owner/:repo/pulls/:number/comments", "", post_line_comment},
    {"PATCH",  "/_control/repos/:owner/:repo/pulls/:number", "", patch_pull},
    {"PATCH",  "/_control/repos/:owner/:repo/collaborators", "", patch_collaborators},
    {"POST",   "/_control/faults", "", post_fault},
    {"DELETE", "/_control/faults", "", delete_faults},
    {"GET",    "/_control/requests", "", get_requests},
    {"DELETE", "/_control/requests", "", delete_requests},
    {"GET",    "/_control/counts", "", get_counts},
    {"PATCH",  "/_control/tokens", "", patch_tokens},
    {"PATCH",  "/_control/quota", "", patch_quota},
};
/* clang-format on */

void
control_run(struct forge *f, struct request *q, struct reply *r)
{
    routes_run(routes, ARRAY_LEN(routes), f, q, r);
}
