/* api.c - the part of GitHub's REST API that sources and agents use. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "local/forge/forge.h"

/* The repository of the path; NULL with the reply set. */
static struct repo *
repo_of(struct forge *f, struct request *q, struct reply *r)
{
    const char *owner = request_arg(q, "owner"), *name = request_arg(q, "repo");
    struct repo *repo = state_repo(f->state, owner, name);

    if (repo == NULL)
        reply_error(r, 404, "repository %s/%s: Not Found", owner, name);
    return repo;
}

static struct issue *
issue_of(struct forge *f, struct request *q, struct reply *r, bool pull)
{
    struct repo *repo = repo_of(f, q, r);
    int64_t number = request_arg_number(q, "number");
    struct issue *i = repo != NULL ? repo_issue(repo, number) : NULL;

    if (repo != NULL && (i == NULL || (pull && i->pull == NULL))) {
        reply_error(r, 404, "%s %s of %s: Not Found", pull ? "pull request" : "issue",
                    request_arg(q, "number"), repo->full);
        return NULL;
    }
    return i;
}

/* ---- filters of a list ---- */

static bool
has_label(json_t *doc, const char *name, size_t size)
{
    size_t k;
    json_t *label;

    json_array_foreach(json_object_get(doc, "labels"), k, label)
    {
        const char *have = json_string_value(json_object_get(label, "name"));

        if (strlen(have) == size && strncasecmp(have, name, size) == 0)
            return true;
    }
    return false;
}

static bool
has_labels(json_t *doc, const char *wanted)
{
    while (wanted != NULL && *wanted != '\0') {
        size_t n = strcspn(wanted, ",");

        if (n > 0 && !has_label(doc, wanted, n))
            return false;
        wanted += n + (wanted[n] == ',');
    }
    return true;
}

static const char *
login_of(json_t *user)
{
    return json_string_value(json_object_get(user, "login"));
}

static bool
has_assignee(json_t *doc, const char *wanted)
{
    json_t *all = json_object_get(doc, "assignees"), *one;
    size_t k;

    if (wanted == NULL || strcmp(wanted, "*") == 0)
        return wanted == NULL || json_array_size(all) > 0;
    if (strcmp(wanted, "none") == 0)
        return json_array_size(all) == 0;
    json_array_foreach(all, k,
                       one) if (strcasecmp(login_of(one), wanted) == 0) return true;
    return false;
}

static bool
is_since(json_t *doc, int64_t since)
{
    int64_t at;

    return rfc3339_parse(json_string_value(json_object_get(doc, "updated_at")), &at) ==
               0 &&
           at >= since;
}

/* A query value out of a set "a|b|c"; NULL with the reply set. */
static const char *
choice(const struct request *q, struct reply *r, const char *key, const char *fallback,
       const char *const *allowed)
{
    const char *v = request_query(q, key);

    if (v == NULL)
        return fallback;
    for (size_t i = 0; allowed[i] != NULL; i++)
        if (strcmp(allowed[i], v) == 0)
            return v;
    reply_error(r, 422,
                "query key %s: \"%s\" is not one of the values it knows (%s, %s, ...)",
                key, v, allowed[0], allowed[1]);
    return NULL;
}

static const char *const states[] = {"open", "closed", "all", NULL};
static const char *const sorts[] = {"created", "updated", "comments", NULL};
static const char *const pull_sorts[] = {"created", "updated", "popularity",
                                         "long-running", NULL};
static const char *const line_sorts[] = {"created", "updated", NULL};
static const char *const directions[] = {"asc", "desc", NULL};

static int64_t
sort_value(json_t *doc, const char *key)
{
    json_t *v = json_object_get(doc, key);
    int64_t at = 0;

    if (json_is_integer(v))
        return json_integer_value(v);
    (void)rfc3339_parse(json_string_value(v), &at);
    return at;
}

static int
compare(json_t *a, json_t *b, const char *key)
{
    int64_t x = sort_value(a, key), y = sort_value(b, key);

    if (x == y) {
        x = sort_value(a, "id");
        y = sort_value(b, "id");
    }
    return x < y ? -1 : x > y;
}

static json_t *
sorted(json_t *list, const char *key, bool descending)
{
    json_t *out = json_array();
    size_t k;
    json_t *doc;

    json_array_foreach(list, k, doc)
    {
        size_t at = json_array_size(out);

        while (at > 0 &&
               compare(json_array_get(out, at - 1), doc, key) * (descending ? -1 : 1) > 0)
            at--;
        json_array_insert(out, at, doc);
    }
    return out;
}

/* Sorts after the query and answers the page. */
static void
answer_sorted(struct forge *f, struct request *q, struct reply *r, json_t *list,
              const char *const *known, const char *default_direction)
{
    const char *sort = choice(q, r, "sort", "created", known);
    const char *direction = choice(q, r, "direction", default_direction, directions);
    SCOPED(json) json_t *out = NULL;
    char key[32];

    if (sort == NULL || direction == NULL)
        return;
    /* How popular something is or how long it has been idle comes to its comments and age here. */
    if (strcmp(sort, "popularity") == 0)
        sort = "comments";
    else if (strcmp(sort, "long-running") == 0)
        sort = "created";
    snprintf(key, sizeof(key), "%s%s", sort, strcmp(sort, "comments") == 0 ? "" : "_at");
    out = sorted(list, key, strcmp(direction, "desc") == 0);
    reply_page(r, q, f->state->base, out);
}

static void
answer_list(struct forge *f, struct request *q, struct reply *r, json_t *list,
            const char *default_direction)
{
    answer_sorted(f, q, r, list, sorts, default_direction);
}

/* Reads `since`; 0 when absent. Returns -1 with the reply set. */
static int
read_since(const struct request *q, struct reply *r, int64_t *since)
{
    const char *text = request_query(q, "since");

    *since = 0;
    if (text != NULL && rfc3339_parse(text, since) < 0) {
        reply_error(r, 422, "query key since: \"%s\" is not an RFC 3339 time", text);
        return -1;
    }
    return 0;
}

/* ---- routes ---- */

static void
get_repo(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    const char *slash;

    if (repo == NULL)
        return;
    slash = strchr(repo->full, '/');
    r->status = 200;
    r->body = json_pack("{s:s, s:s, s:{s:s%}, s:s, s:b, s:s++}", "full_name", repo->full,
                        "name", slash + 1, "owner", "login", repo->full,
                        (size_t)(slash - repo->full), "default_branch", "main", "private",
                        0, "html_url", f->state->base, "/", repo->full);
}

static void
list_issues(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    const char *want, *creator = request_query(q, "creator");
    SCOPED(json) json_t *list = json_array();
    int64_t since;

    if (repo == NULL || (want = choice(q, r, "state", "open", states)) == NULL ||
        read_since(q, r, &since) < 0)
        return;
    for (size_t n = 0; n < repo->n_issues; n++) {
        json_t *doc = repo->issues[n]->doc;

        if ((strcmp(want, "all") == 0 ||
             strcmp(want, json_string_value(json_object_get(doc, "state"))) == 0) &&
            has_labels(doc, request_query(q, "labels")) &&
            has_assignee(doc, request_query(q, "assignee")) &&
            (creator == NULL ||
             strcasecmp(login_of(json_object_get(doc, "user")), creator) == 0) &&
            is_since(doc, since))
            json_array_append(list, doc);
    }
    answer_list(f, q, r, list, "desc");
}

static void
get_issue(struct forge *f, struct request *q, struct reply *r)
{
    struct issue *i = issue_of(f, q, r, false);

    if (i != NULL) {
        r->status = 200;
        r->body = json_incref(i->doc);
    }
}

static json_t *
since_only(json_t *list, int64_t since)
{
    json_t *out = json_array();
    size_t k;
    json_t *doc;

    json_array_foreach(list, k, doc) if (is_since(doc, since))
        json_array_append(out, doc);
    return out;
}

static void
list_comments(struct forge *f, struct request *q, struct reply *r)
{
    struct issue *i = issue_of(f, q, r, false);
    SCOPED(json) json_t *list = NULL;
    int64_t since;

    if (i == NULL || read_since(q, r, &since) < 0)
        return;
    list = since_only(i->comments, since);
    reply_page(r, q, f->state->base, list);
}

/* The feed of a repository: comments of all issues. */
static void
list_all_comments(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    SCOPED(json) json_t *list = json_array();
    int64_t since;

    if (repo == NULL || read_since(q, r, &since) < 0)
        return;
    for (size_t n = 0; n < repo->n_issues; n++) {
        json_t *some = since_only(repo->issues[n]->comments, since);

        json_array_extend(list, some);
        json_decref(some);
    }
    answer_list(f, q, r, list, "asc");
}

/* A pull request as /pulls shows it: the issue's fields and its own. */
static json_t *
pull_doc(const struct issue *i)
{
    json_t *out = json_copy(i->doc);

    json_object_update(out, i->pull);
    json_object_del(out, "pull_request");
    json_object_del(out, "comments");
    return out;
}

static bool
is_branch(const struct issue *i, const char *end, const char *wanted)
{
    return wanted == NULL ||
           strcmp(json_str_or(json_object_get(i->pull, end), "ref", ""), wanted) == 0;
}

/* "owner:branch"; anything else is not looked at. */
static bool
is_head(const struct issue *i, const char *wanted)
{
    const char *full = json_str_or(i->pull, "head.repo.full_name", "");
    const char *colon = wanted != NULL ? strchr(wanted, ':') : NULL;

    return colon == NULL ||
           (strncasecmp(full, wanted, (size_t)(colon - wanted)) == 0 &&
            full[colon - wanted] == '/' && is_branch(i, "head", colon + 1));
}

static void
list_pulls(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    const char *want, *sort = request_query(q, "sort");
    SCOPED(json) json_t *list = json_array();

    if (repo == NULL || (want = choice(q, r, "state", "open", states)) == NULL)
        return;
    for (size_t n = 0; n < repo->n_issues; n++) {
        const struct issue *i = repo->issues[n];

        if (i->pull != NULL &&
            (strcmp(want, "all") == 0 ||
             strcmp(want, json_string_value(json_object_get(i->doc, "state"))) == 0) &&
            is_branch(i, "base", request_query(q, "base")) &&
            is_head(i, request_query(q, "head")))
            json_array_append_new(list, pull_doc(i));
    }
    answer_sorted(f, q, r, list, pull_sorts,
                  sort == NULL || strcmp(sort, "created") == 0 ? "desc" : "asc");
}

static void
get_pull(struct forge *f, struct request *q, struct reply *r)
{
    struct issue *i = issue_of(f, q, r, true);

    if (i != NULL) {
        r->status = 200;
        r->body = pull_doc(i);
        /* Only the single one is counted. */
        json_object_set(r->body, "comments", json_object_get(i->doc, "comments"));
        json_object_set_new(
            r->body, "review_comments",
            json_integer((json_int_t)json_array_size(i->review_comments)));
        json_object_set_new(r->body, "changed_files",
                            json_integer((json_int_t)json_array_size(i->files)));
    }
}

static void
list_reviews(struct forge *f, struct request *q, struct reply *r)
{
    struct issue *i = issue_of(f, q, r, true);

    if (i != NULL)
        reply_page(r, q, f->state->base, i->reviews);
}

static void
list_review_comments(struct forge *f, struct request *q, struct reply *r)
{
    struct issue *i = issue_of(f, q, r, true);
    SCOPED(json) json_t *list = NULL;
    int64_t since;

    if (i == NULL || read_since(q, r, &since) < 0)
        return;
    list = since_only(i->review_comments, since);
    answer_sorted(f, q, r, list, line_sorts, "asc");
}

static void
list_files(struct forge *f, struct request *q, struct reply *r)
{
    struct issue *i = issue_of(f, q, r, true);

    if (i != NULL)
        reply_page(r, q, f->state->base, i->files);
}

/* What a login in a path is in our tables. */
static void
login_key(const struct request *q, char out[128])
{
    const char *login = request_arg(q, "login");
    size_t n = 0;

    for (; login[n] != '\0' && n < 127; n++)
        out[n] = (char)tolower((unsigned char)login[n]);
    out[n] = '\0';
}

/* The five roles, told by the older word, too, which knows three. */
static void
get_permission(struct forge *f, struct request *q, struct reply *r)
{
    struct repo *repo = repo_of(f, q, r);
    const char *role, *older;
    char login[128];

    if (repo == NULL)
        return;
    if (q->login == NULL) {
        reply_error(r, 401, "Requires authentication");
        return;
    }
    login_key(q, login);
    if ((role = json_string_value(json_object_get(repo->roles, login))) == NULL) {
        reply_error(r, 404, "%s is not a user", request_arg(q, "login"));
        return;
    }
    older = strcmp(role, "maintain") == 0 ? "write"
            : strcmp(role, "triage") == 0 ? "read"
                                          : role;
    r->status = 200;
    r->body = json_pack("{s:s, s:s, s:o}", "permission", older, "role_name", role, "user",
                        state_user(f->state, request_arg(q, "login")));
}

static void
get_membership(struct forge *f, struct request *q, struct reply *r)
{
    char team[300], login[128];
    const char *state;

    if (q->login == NULL) {
        reply_error(r, 401, "Requires authentication");
        return;
    }
    snprintf(team, sizeof(team), "%s/%s", request_arg(q, "org"), request_arg(q, "slug"));
    login_key(q, login);
    state =
        json_string_value(json_object_get(json_object_get(f->state->teams, team), login));
    if (state == NULL) {
        reply_error(r, 404, "Not Found");
        return;
    }
    r->status = 200;
    r->body = json_pack("{s:s, s:s, s:s++}", "state", state, "role", "member", "url",
                        f->state->base, "/teams/", team);
}

static void
get_user(struct forge *f, struct request *q, struct reply *r)
{
    (void)f;
    if (q->login == NULL) {
        reply_error(r, 401, "Requires authentication");
        return;
    }
    r->status = 200;
    r->body = json_pack("{s:s, s:s}", "login", q->login, "type", "User");
}

static void
get_rate_limit(struct forge *f, struct request *q, struct reply *r)
{
    const struct quota *row = quota_of(&f->quotas, q->token != NULL ? q->token : "",
                                       f->state->rate_limit, q->now);

    r->countable = false;
    r->status = 200;
    r->body = json_pack("{s:{s:{s:I, s:I, s:I, s:I}}}", "resources", "core", "limit",
                        (json_int_t)row->limit, "remaining", (json_int_t)quota_left(row),
                        "reset", (json_int_t)(row->reset / 1000), "used",
                        (json_int_t)row->used);
}

/* clang-format off */
static const struct route routes[] = {
    {"GET", "/user", "", get_user},
    {"GET", "/rate_limit", "", get_rate_limit},
    {"GET", "/repos/:owner/:repo", "", get_repo},
    {"GET", "/repos/:owner/:repo/issues",
     " state labels assignee creator since sort direction per_page page ", list_issues},
    {"GET", "/repos/:owner/:repo/issues/comments", " since sort direction per_page page ", list_all_comments},
    {"GET", "/repos/:owner/:repo/issues/:number", "", get_issue},
    {"GET", "/repos/:owner/:repo/issues/:number/comments", " since per_page page ", list_comments},
    {"GET", "/repos/:owner/:repo/pulls", " state head base sort direction per_page page ", list_pulls},
    {"GET", "/repos/:owner/:repo/pulls/:number", "", get_pull},
    {"GET", "/repos/:owner/:repo/pulls/:number/reviews", " per_page page ", list_reviews},
    {"GET", "/repos/:owner/:repo/pulls/:number/comments", " since sort direction per_page page ", list_review_comments},
    {"GET", "/repos/:owner/:repo/pulls/:number/files", " per_page page ", list_files},
    {"GET", "/repos/:owner/:repo/collaborators/:login/permission", "", get_permission},
    {"GET", "/orgs/:org/teams/:slug/memberships/:login", "", get_membership},
    {"POST", "/app/installations/:id/access_tokens", "", apps_issue_token},
    {"DELETE", "/installation/token", "", apps_revoke_token},
};
/* clang-format on */

void
api_run(struct forge *f, struct request *q, struct reply *r)
{
    r->countable = true;
    routes_run(routes, ARRAY_LEN(routes), f, q, r);
}
