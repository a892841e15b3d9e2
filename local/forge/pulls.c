/* pulls.c - pull requests as GitHub's API shows them: heads, reviews, comments on lines,
 * changed files. */
#include <string.h>

#include "common/clock.h"
#include "common/macros.h"
#include "local/forge/state.h"

static const char *const pull_fields[] = {
    "head",  "base", "sha", "draft", "merged", "reviews", "review_comments",
    "files", NULL};
static const char *const edit_fields[] = {"head", "sha", "draft", NULL};
static const char *const review_fields[] = {"user", "body",         "state",
                                            "sha",  "submitted_at", NULL};
static const char *const line_fields[] = {"user", "body",       "path", "line",
                                          "sha",  "created_at", NULL};
static const char *const file_fields[] = {"filename", "status", NULL};

static const char *
head_sha(const struct issue *i)
{
    return json_str_or(i->pull, "head.sha", "");
}

/* A time of `want`, `now` when absent. -1 with *e set. */
static int
time_field(json_t *want, const char *key, int64_t now, const char *where, int64_t *out,
           struct err *e)
{
    json_t *v = json_object_get(want, key);

    *out = now;
    if (v != NULL && rfc3339_parse(json_string_value(v), out) < 0)
        return err_set(e, ERR_INVALID, "%s.%s: must be an RFC 3339 time", where, key);
    return 0;
}

static json_t *
page_url(const struct state *s, const struct repo *r, const struct issue *i)
{
    return json_sprintf("%s/%s/pull/%lld", s->base, r->full, (long long)i->number);
}

/* ---- reviews ---- */

static bool
is_state(const char *text)
{
    static const char *const known[] = {"APPROVED", "CHANGES_REQUESTED", "COMMENTED",
                                        "DISMISSED", "PENDING"};

    for (size_t k = 0; k < ARRAY_LEN(known); k++)
        if (strcmp(known[k], text) == 0)
            return true;
    return false;
}

json_t *
pull_add_review(struct state *s, const struct repo *r, struct issue *i, json_t *want,
                int64_t now, struct err *e)
{
    char where[300];
    const char *user, *body, *state, *sha;
    int64_t at, id = s->next_id++;
    json_t *doc;

    snprintf(where, sizeof(where), "review of %lld of %s", (long long)i->number, r->full);
    if (fields_check(want, where, review_fields, e) < 0 ||
        (user = field_text(want, "user", "octocat", where, e)) == NULL ||
        (body = field_text(want, "body", "", where, e)) == NULL ||
        (state = field_text(want, "state", "COMMENTED", where, e)) == NULL ||
        (sha = field_text(want, "sha", head_sha(i), where, e)) == NULL ||
        time_field(want, "submitted_at", now, where, &at, e) < 0)
        return NULL;
    if (!is_state(state)) {
        err_set(e, ERR_INVALID,
                "%s.state: \"%s\" is none of APPROVED, CHANGES_REQUESTED, COMMENTED, "
                "DISMISSED, PENDING",
                where, state);
        return NULL;
    }
    doc = json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:s}", "id", (json_int_t)id, "user",
                    state_user(s, user), "body", body, "state", state, "commit_id", sha,
                    "html_url", page_url(s, r, i), "author_association", "NONE");
    /* A draft has not been handed in. */
    if (strcmp(state, "PENDING") != 0)
        doc_time(doc, "submitted_at", at);
    json_array_append_new(i->reviews, doc);
    doc_time(i->doc, "updated_at", now);
    return doc;
}

/* ---- comments on lines ---- */

json_t *
pull_add_line_comment(struct state *s, const struct repo *r, struct issue *i,
                      json_t *want, int64_t now, struct err *e)
{
    char where[300];
    const char *user, *body, *path, *sha;
    json_t *doc, *line = json_object_get(want, "line");
    int64_t at, id = s->next_id++;

    snprintf(where, sizeof(where), "comment on a line of %lld of %s",
             (long long)i->number, r->full);
    if (fields_check(want, where, line_fields, e) < 0 ||
        (user = field_text(want, "user", "octocat", where, e)) == NULL ||
        (body = field_text(want, "body", "", where, e)) == NULL ||
        (path = field_text(want, "path", "README.md", where, e)) == NULL ||
        (sha = field_text(want, "sha", head_sha(i), where, e)) == NULL ||
        time_field(want, "created_at", now, where, &at, e) < 0)
        return NULL;
    doc =
        json_pack("{s:I, s:o, s:s, s:s, s:O?, s:s, s:s, s:s, s:o, s:s}", "id",
                  (json_int_t)id, "user", state_user(s, user), "body", body, "path", path,
                  "line", line, "commit_id", sha, "original_commit_id", sha, "side",
                  "RIGHT", "html_url", page_url(s, r, i), "author_association", "NONE");
    if (line == NULL) /* outdated: it stands on no line of the head any more */
        json_object_set_new(doc, "line", json_null());
    doc_time(doc, "created_at", at);
    doc_time(doc, "updated_at", at);
    json_array_append_new(i->review_comments, doc);
    doc_time(i->doc, "updated_at", now);
    return doc;
}

/* ---- files ---- */

static int
add_file(struct issue *i, json_t *want, struct err *e)
{
    const char *name = json_string_value(want), *status = "modified";

    if (name == NULL &&
        (fields_check(want, "files", file_fields, e) < 0 ||
         (name = field_text(want, "filename", "", "files", e)) == NULL ||
         (status = field_text(want, "status", status, "files", e)) == NULL))
        return -1;
    if (*name == '\0')
        return err_set(e, ERR_INVALID, "files: filename is missing");
    json_array_append_new(i->files,
                          json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "sha", head_sha(i),
                                    "filename", name, "status", status, "additions", 1,
                                    "deletions", 0, "changes", 1));
    return 0;
}

/* ---- the pull request ---- */

static int
fill_lists(struct state *s, const struct repo *r, struct issue *i, json_t *pull,
           int64_t now, struct err *e)
{
    size_t k;
    json_t *v;

    i->reviews = json_array();
    i->review_comments = json_array();
    i->files = json_array();
    json_array_foreach(json_object_get(pull, "reviews"), k,
                       v) if (pull_add_review(s, r, i, v, now, e) == NULL) return -1;
    json_array_foreach(json_object_get(pull, "review_comments"), k,
                       v) if (pull_add_line_comment(s, r, i, v, now, e) ==
                              NULL) return -1;
    json_array_foreach(json_object_get(pull, "files"), k,
                       v) if (add_file(i, v, e) < 0) return -1;
    return 0;
}

int
pull_fill(struct state *s, const struct repo *r, struct issue *i, json_t *pull,
          const char *where, int64_t now, struct err *e)
{
    const char *head, *base, *sha;

    if (fields_check(pull, where, pull_fields, e) < 0)
        return -1;
    if ((head = field_text(pull, "head", "feature", where, e)) == NULL ||
        (base = field_text(pull, "base", "main", where, e)) == NULL ||
        (sha = field_text(pull, "sha", "0000000000000000000000000000000000000001", where,
                          e)) == NULL)
        return -1;
    json_object_set_new(i->doc, "pull_request",
                        json_pack("{s:o}", "url",
                                  json_sprintf("%s/repos/%s/pulls/%lld", s->base, r->full,
                                               (long long)i->number)));
    i->pull = json_pack("{s:{s:s, s:s, s:{s:s}}, s:{s:s, s:{s:s}}, s:b, s:b}", "head",
                        "ref", head, "sha", sha, "repo", "full_name", r->full, "base",
                        "ref", base, "repo", "full_name", r->full, "draft",
                        json_is_true(json_object_get(pull, "draft")), "merged",
                        json_is_true(json_object_get(pull, "merged")));
    return fill_lists(s, r, i, pull, now, e);
}

int
pull_edit(struct issue *i, json_t *want, int64_t now, struct err *e)
{
    json_t *head = json_object_get(i->pull, "head"), *v;

    if (fields_check(want, "pull request", edit_fields, e) < 0)
        return -1;
    if ((v = json_object_get(want, "head")) != NULL)
        json_object_set(head, "ref", v);
    if ((v = json_object_get(want, "sha")) != NULL)
        json_object_set(head, "sha", v);
    if ((v = json_object_get(want, "draft")) != NULL)
        json_object_set(i->pull, "draft", v);
    doc_time(i->doc, "updated_at", now);
    return 0;
}
