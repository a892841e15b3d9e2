#include "local/forge/state.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"

int
fields_check(json_t *object, const char *where, const char *const *allowed, struct err *e)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "%s: must be an object", where);
    json_object_foreach(object, key, value)
    {
        size_t i = 0;

        while (allowed[i] != NULL && strcmp(allowed[i], key) != 0)
            i++;
        if (allowed[i] == NULL)
            return err_set(e, ERR_INVALID, "%s: unknown field \"%s\"", where, key);
    }
    return 0;
}

struct state *
state_new(const char *base)
{
    struct state *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    strncpy(s->base, base, sizeof(s->base) - 1);
    s->tokens = json_object();
    s->apps = json_object();
    s->teams = json_object();
    s->anonymous = true;
    s->rate_limit = 5000;
    s->app_token_ms = 3600 * 1000;
    s->next_id = 1000;
    return s;
}

static void
issue_free(struct issue *i)
{
    json_decref(i->doc);
    json_decref(i->comments);
    json_decref(i->reviews);
    json_decref(i->review_comments);
    json_decref(i->files);
    json_decref(i->pull);
    free(i);
}

void
state_free(struct state *s)
{
    if (s == NULL)
        return;
    for (size_t k = 0; k < s->n_repos; k++) {
        for (size_t n = 0; n < s->repos[k]->n_issues; n++)
            issue_free(s->repos[k]->issues[n]);
        free(s->repos[k]->issues);
        free(s->repos[k]->full);
        json_decref(s->repos[k]->roles);
        free(s->repos[k]);
    }
    free(s->repos);
    json_decref(s->tokens);
    json_decref(s->apps);
    json_decref(s->teams);
    free(s);
}

struct repo *
state_repo(const struct state *s, const char *owner, const char *name)
{
    size_t split = strlen(owner);

    for (size_t k = 0; k < s->n_repos; k++) {
        const char *full = s->repos[k]->full;

        if (strncasecmp(full, owner, split) == 0 && full[split] == '/' &&
            strcasecmp(full + split + 1, name) == 0)
            return s->repos[k];
    }
    return NULL;
}

struct issue *
repo_issue(const struct repo *r, int64_t number)
{
    for (size_t n = 0; n < r->n_issues; n++)
        if (r->issues[n]->number == number)
            return r->issues[n];
    return NULL;
}

const char *
state_login(const struct state *s, const char *token, int64_t now)
{
    json_t *entry = json_object_get(s->tokens, token);
    int64_t expires = json_integer_value(json_object_get(entry, "expires"));

    if (entry == NULL || (expires != 0 && expires <= now))
        return NULL;
    return json_string_value(json_object_get(entry, "login"));
}

/* ---- objects in GitHub's shape ---- */

json_t *
state_user(const struct state *s, const char *login)
{
    size_t n = strlen(login);
    bool bot = n > 5 && strcmp(login + n - 5, "[bot]") == 0;

    return json_pack("{s:s, s:s, s:s++, s:b}", "login", login, "type",
                     bot ? "Bot" : "User", "url", s->base, "/users/", login, "site_admin",
                     0);
}

static json_t *
label_docs(json_t *names, const char *where, struct err *e)
{
    SCOPED(json) json_t *out = json_array();
    size_t i;
    json_t *name;

    if (names != NULL && !json_is_array(names)) {
        err_set(e, ERR_INVALID, "%s.labels: must be a list of names", where);
        return NULL;
    }
    json_array_foreach(names, i, name)
    {
        if (!json_is_string(name)) {
            err_set(e, ERR_INVALID, "%s.labels[%zu]: must be a string", where, i);
            return NULL;
        }
        json_array_append_new(out, json_pack("{s:O, s:s, s:b}", "name", name, "color",
                                             "ededed", "default", 0));
    }
    return TAKE(out);
}

static int
set_people(const struct state *s, json_t *doc, json_t *logins, const char *where,
           struct err *e)
{
    SCOPED(json) json_t *out = json_array();
    size_t i;
    json_t *login;

    if (!json_is_array(logins))
        return err_set(e, ERR_INVALID, "%s.assignees: must be a list of logins", where);
    json_array_foreach(logins, i, login)
    {
        if (!json_is_string(login))
            return err_set(e, ERR_INVALID, "%s.assignees[%zu]: must be a string", where,
                           i);
        json_array_append_new(out, state_user(s, json_string_value(login)));
    }
    json_object_set_new(doc, "assignee",
                        json_array_size(out) > 0 ? json_incref(json_array_get(out, 0))
                                                 : json_null());
    json_object_set(doc, "assignees", out);
    return 0;
}

void
doc_time(json_t *doc, const char *key, int64_t now)
{
    char text[RFC3339_SIZE];

    rfc3339_format(now, text);
    json_object_set_new(doc, key, json_string(text));
}

const char *
field_text(json_t *want, const char *key, const char *fallback, const char *where,
           struct err *e)
{
    json_t *v = json_object_get(want, key);

    if (v == NULL)
        return fallback;
    if (!json_is_string(v)) {
        err_set(e, ERR_INVALID, "%s.%s: must be a string", where, key);
        return NULL;
    }
    return json_string_value(v);
}

static int
set_state(json_t *doc, json_t *v, const char *where, int64_t now, struct err *e)
{
    const char *text = json_string_value(v);

    if (text == NULL || (strcmp(text, "open") != 0 && strcmp(text, "closed") != 0))
        return err_set(e, ERR_INVALID, "%s.state: must be \"open\" or \"closed\"", where);
    json_object_set(doc, "state", v);
    if (strcmp(text, "closed") == 0)
        doc_time(doc, "closed_at", now);
    else
        json_object_set_new(doc, "closed_at", json_null());
    return 0;
}

/* Sets on `doc` what `want` names; the fields were checked before. */
static int
apply_fields(const struct state *s, json_t *doc, json_t *want, const char *where,
             int64_t now, struct err *e)
{
    json_t *v;

    if ((v = json_object_get(want, "title")) != NULL) {
        if (!json_is_string(v))
            return err_set(e, ERR_INVALID, "%s.title: must be a string", where);
        json_object_set(doc, "title", v);
    }
    if ((v = json_object_get(want, "body")) != NULL) {
        if (!json_is_string(v) && !json_is_null(v))
            return err_set(e, ERR_INVALID, "%s.body: must be a string or null", where);
        json_object_set(doc, "body", v);
    }
    if ((v = json_object_get(want, "labels")) != NULL) {
        json_t *labels = label_docs(v, where, e);

        if (labels == NULL)
            return -1;
        json_object_set_new(doc, "labels", labels);
    }
    if ((v = json_object_get(want, "assignees")) != NULL &&
        set_people(s, doc, v, where, e) < 0)
        return -1;
    if ((v = json_object_get(want, "milestone")) != NULL)
        json_object_set(doc, "milestone", v);
    if ((v = json_object_get(want, "state")) != NULL &&
        set_state(doc, v, where, now, e) < 0)
        return -1;
    return 0;
}

static const char *const issue_fields[] = {"number",
                                           "title",
                                           "body",
                                           "state",
                                           "user",
                                           "assignees",
                                           "labels",
                                           "milestone",
                                           "created_at",
                                           "updated_at",
                                           "comments",
                                           "pull",
                                           "author_association",
                                           NULL};
static const char *const edit_fields[] = {"title",  "body",      "state", "assignees",
                                          "labels", "milestone", NULL};
static const char *const comment_fields[] = {"user", "body", "created_at",
                                             "author_association", NULL};

static json_t *
issue_doc(struct state *s, const struct repo *r, int64_t number, const char *user,
          bool pull)
{
    return json_pack(
        "{s:I, s:I, s:o, s:o, s:s, s:n, s:[], s:[], s:n, s:n, s:s, s:n, s:b, s:i, s:o, "
        "s:s}",
        "id", (json_int_t)s->next_id++, "number", (json_int_t)number, "url",
        json_sprintf("%s/repos/%s/issues/%lld", s->base, r->full, (long long)number),
        "html_url",
        json_sprintf("%s/%s/%s/%lld", s->base, r->full, pull ? "pull" : "issues",
                     (long long)number),
        "title", "", "body", "labels", "assignees", "assignee", "milestone", "state",
        "open", "closed_at", "locked", 0, "comments", 0, "user", state_user(s, user),
        "author_association", "NONE");
}

static int
take_times(json_t *doc, json_t *want, const char *where, int64_t now, struct err *e)
{
    static const char *const keys[] = {"created_at", "updated_at"};

    for (size_t k = 0; k < 2; k++) {
        json_t *v = json_object_get(want, keys[k]);
        int64_t at = now;

        if (v != NULL && rfc3339_parse(json_string_value(v), &at) < 0)
            return err_set(e, ERR_INVALID, "%s.%s: must be an RFC 3339 time", where,
                           keys[k]);
        doc_time(doc, keys[k], at);
    }
    return 0;
}

static int64_t
next_number(const struct repo *r)
{
    int64_t most = 0;

    for (size_t n = 0; n < r->n_issues; n++)
        if (r->issues[n]->number > most)
            most = r->issues[n]->number;
    return most + 1;
}

/* Keeps the issues in order of their numbers. */
static int
insert_issue(struct repo *r, struct issue *i, struct err *e)
{
    struct issue **more = realloc(r->issues, (r->n_issues + 1) * sizeof(*more));
    size_t at = r->n_issues;

    if (more == NULL)
        return err_errno(e, "issue");
    r->issues = more;
    for (; at > 0 && more[at - 1]->number > i->number; at--)
        more[at] = more[at - 1];
    more[at] = i;
    r->n_issues++;
    return 0;
}

static int
fill_issue(struct state *s, struct repo *r, struct issue *i, json_t *want,
           const char *where, int64_t now, struct err *e)
{
    json_t *pull = json_object_get(want, "pull"),
           *comments = json_object_get(want, "comments");
    const char *user, *who;
    size_t k;
    json_t *c;

    if ((user = field_text(want, "user", "octocat", where, e)) == NULL ||
        (who = field_text(want, "author_association", "NONE", where, e)) == NULL)
        return -1;
    i->doc = issue_doc(s, r, i->number, user, pull != NULL);
    i->comments = json_array();
    json_object_set_new(i->doc, "author_association", json_string(who));
    if (take_times(i->doc, want, where, now, e) < 0 ||
        apply_fields(s, i->doc, want, where, now, e) < 0 ||
        (pull != NULL && pull_fill(s, r, i, pull, where, now, e) < 0))
        return -1;
    json_array_foreach(comments, k,
                       c) if (repo_add_comment(s, r, i, c, now, e) == NULL) return -1;
    return json_object_get(want, "updated_at") != NULL
               ? take_times(i->doc, want, where, now, e)
               : 0;
}

struct issue *
repo_add_issue(struct state *s, struct repo *r, json_t *want, int64_t now, struct err *e)
{
    char where[300];
    json_t *number = json_object_get(want, "number");
    struct issue *i;

    snprintf(where, sizeof(where), "issue %lld of %s",
             (long long)(number != NULL ? json_integer_value(number) : next_number(r)),
             r->full);
    if (fields_check(want, where, issue_fields, e) < 0)
        return NULL;
    if (number != NULL && (json_integer_value(number) < 1 ||
                           repo_issue(r, json_integer_value(number)) != NULL)) {
        err_set(e, ERR_INVALID, "%s: number must be positive and not in use", where);
        return NULL;
    }
    if ((i = calloc(1, sizeof(*i))) == NULL) {
        err_errno(e, "%s", where);
        return NULL;
    }
    i->number = number != NULL ? json_integer_value(number) : next_number(r);
    if (fill_issue(s, r, i, want, where, now, e) < 0 || insert_issue(r, i, e) < 0) {
        issue_free(i);
        return NULL;
    }
    return i;
}

int
repo_edit_issue(struct state *s, struct repo *r, struct issue *i, json_t *want,
                int64_t now, struct err *e)
{
    char where[300];

    snprintf(where, sizeof(where), "issue %lld of %s", (long long)i->number, r->full);
    if (fields_check(want, where, edit_fields, e) < 0 ||
        apply_fields(s, i->doc, want, where, now, e) < 0)
        return -1;
    doc_time(i->doc, "updated_at", now);
    return 0;
}

json_t *
repo_add_comment(struct state *s, struct repo *r, struct issue *i, json_t *want,
                 int64_t now, struct err *e)
{
    char where[300];
    const char *user, *body, *who;
    json_t *doc, *at = json_object_get(want, "created_at");
    int64_t made = now, id = s->next_id++;

    snprintf(where, sizeof(where), "comment on issue %lld of %s", (long long)i->number,
             r->full);
    if (fields_check(want, where, comment_fields, e) < 0 ||
        (user = field_text(want, "user", "octocat", where, e)) == NULL ||
        (body = field_text(want, "body", "", where, e)) == NULL ||
        (who = field_text(want, "author_association", "NONE", where, e)) == NULL)
        return NULL;
    if (at != NULL)
        (void)rfc3339_parse(json_string_value(at), &made);
    doc = json_pack(
        "{s:I, s:s, s:o, s:s, s:o, s:o}", "id", (json_int_t)id, "body", body, "user",
        state_user(s, user), "author_association", who, "issue_url",
        json_sprintf("%s/repos/%s/issues/%lld", s->base, r->full, (long long)i->number),
        "html_url",
        json_sprintf("%s/%s/issues/%lld#issuecomment-%lld", s->base, r->full,
                     (long long)i->number, (long long)id));
    doc_time(doc, "updated_at", made);
    /* A time given as text is kept as it is, also a broken one: a test may want it so. */
    if (json_is_string(at))
        json_object_set(doc, "created_at", at);
    else
        doc_time(doc, "created_at", made);
    json_array_append_new(i->comments, doc);
    json_object_set_new(i->doc, "comments",
                        json_integer((json_int_t)json_array_size(i->comments)));
    doc_time(i->doc, "updated_at", now);
    return doc;
}

/* ---- the state file ---- */

static const char *const root_fields[] = {"tokens",          "apps",      "repos",
                                          "teams",           "anonymous", "rateLimit",
                                          "appTokenSeconds", NULL};
static const char *const repo_fields[] = {"issues", "collaborators", NULL};
static const char *const app_fields[] = {"publicKey", "installations", NULL};

/* {"Login": "text"} with logins in lower case; the caller owns it. */
static json_t *
lower_keys(json_t *from, const char *where, struct err *e)
{
    SCOPED(json) json_t *out = json_object();
    const char *login;
    json_t *v;

    json_object_foreach(from, login, v)
    {
        char key[128];
        size_t n = 0;

        if (!json_is_string(v)) {
            err_set(e, ERR_INVALID, "%s: %s: must be a text", where, login);
            return NULL;
        }
        for (; login[n] != '\0' && n < sizeof(key) - 1; n++)
            key[n] = (char)tolower((unsigned char)login[n]);
        key[n] = '\0';
        json_object_set(out, key, v);
    }
    return TAKE(out);
}

static int
fill_repo(struct state *s, const char *full, json_t *want, int64_t now, struct err *e)
{
    struct repo **more = realloc(s->repos, (s->n_repos + 1) * sizeof(*more));
    struct repo *r;
    const char *slash = strchr(full, '/');
    size_t k;
    json_t *issue;

    if (more == NULL || (r = calloc(1, sizeof(*r))) == NULL)
        return err_errno(e, "repos");
    s->repos = more;
    more[s->n_repos++] = r;
    r->full = strdup(full);
    if (slash == NULL || slash == full || slash[1] == '\0' ||
        strchr(slash + 1, '/') != NULL)
        return err_set(e, ERR_INVALID, "repos.\"%s\": must be owner/name", full);
    if (fields_check(want, full, repo_fields, e) < 0)
        return -1;
    if ((r->roles = lower_keys(json_object_get(want, "collaborators"), full, e)) == NULL)
        return -1;
    json_array_foreach(json_object_get(want, "issues"), k,
                       issue) if (repo_add_issue(s, r, issue, now, e) == NULL) return -1;
    return 0;
}

static int
fill_access(struct state *s, json_t *root, struct err *e)
{
    const char *key;
    json_t *v;

    json_object_foreach(json_object_get(root, "tokens"), key, v)
    {
        if (!json_is_string(v))
            return err_set(e, ERR_INVALID, "tokens: each value must be a login");
        json_object_set_new(s->tokens, key,
                            json_pack("{s:O, s:i}", "login", v, "expires", 0));
    }
    json_object_foreach(json_object_get(root, "apps"), key, v)
    {
        if (fields_check(v, "apps", app_fields, e) < 0)
            return -1;
        json_object_set(s->apps, key, v);
    }
    json_object_foreach(json_object_get(root, "teams"), key, v)
    {
        json_t *members = lower_keys(v, key, e);

        if (members == NULL)
            return -1;
        json_object_set_new(s->teams, key, members);
    }
    if ((v = json_object_get(root, "anonymous")) != NULL)
        s->anonymous = json_is_true(v);
    if ((v = json_object_get(root, "rateLimit")) != NULL) {
        if (json_integer_value(v) < 1)
            return err_set(e, ERR_INVALID, "rateLimit: must be a positive number");
        s->rate_limit = json_integer_value(v);
    }
    if ((v = json_object_get(root, "appTokenSeconds")) != NULL) {
        if (json_integer_value(v) < 1)
            return err_set(e, ERR_INVALID, "appTokenSeconds: must be a positive number");
        s->app_token_ms = json_integer_value(v) * 1000;
    }
    return 0;
}

int
state_fill(struct state *s, json_t *root, int64_t now, struct err *e)
{
    const char *full;
    json_t *repo;

    if (fields_check(root, "state", root_fields, e) < 0 || fill_access(s, root, e) < 0)
        return -1;
    json_object_foreach(json_object_get(root, "repos"), full,
                        repo) if (fill_repo(s, full, repo, now, e) < 0) return -1;
    return 0;
}

int
state_load(struct state *s, const char *path, int64_t now, struct err *e)
{
    json_error_t why;
    SCOPED(json) json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

    if (root == NULL)
        return err_set(e, ERR_INVALID, "%s:%d: %s", path, why.line, why.text);
    if (state_fill(s, root, now, e) < 0)
        return err_wrap(e, "%s", path);
    return 0;
}
