#include <criterion/criterion.h>
#include <stdio.h>

#include "common/macros.h"
#include "local/forge/forge.h"

static const int64_t now = INT64_C(1767225600000);

static const char state_text[] =
    "{\"repos\": {\"demo/repo\": {\"issues\": ["
    " {\"number\": 1, \"title\": \"One\", \"labels\": [\"bug\", \"p1\"], \"user\": "
    "\"alice\", \"assignees\": [\"bob\"],"
    "  \"created_at\": \"2025-12-01T00:00:00Z\", \"updated_at\": "
    "\"2025-12-02T00:00:00Z\","
    "  \"comments\": [{\"user\": \"c\", \"body\": \"hey\", \"created_at\": "
    "\"2025-12-01T01:00:00Z\"}]},"
    " {\"number\": 2, \"title\": \"Two\", \"labels\": [\"bug\"], \"created_at\": "
    "\"2025-12-03T00:00:00Z\"},"
    " {\"number\": 3, \"title\": \"A pull\", \"pull\": {\"head\": \"x\"}, "
    "\"created_at\": \"2025-12-04T00:00:00Z\"},"
    " {\"number\": 4, \"title\": \"Done\", \"state\": \"closed\", \"created_at\": "
    "\"2025-12-05T00:00:00Z\"}]}},"
    " \"tokens\": {\"T\": \"kelos\"}, \"anonymous\": false, \"rateLimit\": 10,"
    " \"apps\": {\"7\": {\"installations\": [\"42\"]}}}";

struct world {
    struct forge forge;
    struct request q;
    struct reply r;
};

static void
world_open(struct world *w)
{
    SCOPED(json) json_t *root = json_loads(state_text, 0, NULL);
    struct err e = ERR_INIT;

    cr_assert(root != NULL);
    *w = (struct world){0};
    w->forge.state = state_new("http://forge");
    journal_init(&w->forge.journal);
    cr_assert_eq(state_fill(w->forge.state, root, now, &e), 0, "%s", e.text);
}

static void
world_close(struct world *w)
{
    request_free(&w->q);
    reply_free(&w->r);
    faults_clear(&w->forge.faults);
    journal_free(&w->forge.journal);
    state_free(w->forge.state);
}

static void
add(struct pair *rows, size_t *n, const char *name, const char *value)
{
    rows[(*n)++] = (struct pair){strdup(name), strdup(value)};
}

/* Asks with that token and the usual headers; `query` is "a=b&c=d". */
static int
ask_as(struct world *w, const char *token, const char *method, const char *path,
       const char *query, const char *body)
{
    char authorization[100];
    char copy[512];
    char *save = NULL;

    request_free(&w->q);
    reply_free(&w->r);
    snprintf(w->q.method, sizeof(w->q.method), "%s", method);
    request_set_path(&w->q, path);
    snprintf(copy, sizeof(copy), "%s", query);
    for (char *p = strtok_r(copy, "&", &save); p != NULL;
         p = strtok_r(NULL, "&", &save)) {
        char *value = strchr(p, '=');

        *value = '\0';
        add(w->q.query, &w->q.n_query, p, value + 1);
    }
    add(w->q.headers, &w->q.n_headers, "Accept", "application/vnd.github.v3+json");
    add(w->q.headers, &w->q.n_headers, "User-Agent", "test");
    snprintf(authorization, sizeof authorization, "token %s", token);
    add(w->q.headers, &w->q.n_headers, "Authorization", authorization);
    w->q.body = body;
    w->q.body_size = strlen(body);
    w->q.now = now;
    forge_answer(&w->forge, &w->q, &w->r);
    return w->r.status;
}

static int
ask(struct world *w, const char *method, const char *path, const char *query,
    const char *body)
{
    return ask_as(w, "T", method, path, query, body);
}

static const char *
header(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->r.n_headers; i++)
        if (strcmp(w->r.headers[i].name, name) == 0)
            return w->r.headers[i].value;
    return "";
}

static const char *
message(const struct world *w)
{
    return json_str_or(w->r.body, "message", "");
}

Test(forge, lists_what_the_query_asks_for)
{
    const struct {
        const char *query;
        size_t n;
        int64_t first;
    } cases[] = {
        {"", 3, 3},
        {"state=all", 4, 4},
        {"state=closed", 1, 4},
        {"labels=bug", 2, 2},
        {"labels=BUG,p1", 1, 1},
        {"assignee=bob", 1, 1},
        {"assignee=none", 2, 3},
        {"assignee=*", 1, 1},
        {"creator=alice", 1, 1},
        {"sort=created&direction=asc", 3, 1},
        {"since=2025-12-31T00:00:00Z", 0, 0},
    };

    struct world w;

    world_open(&w);
    w.forge.state->rate_limit = 1000;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cr_assert_eq(ask(&w, "GET", "/repos/demo/repo/issues", cases[i].query, ""), 200,
                     "%s: %s", cases[i].query, message(&w));
        /* Those without updated_at are as new as the state. */
        if (strstr(cases[i].query, "since") == NULL)
            cr_assert_eq(json_array_size(w.r.body), cases[i].n, "%s", cases[i].query);
        if (cases[i].n > 0)
            cr_assert_eq(json_int_or(json_array_get(w.r.body, 0), "number", 0),
                         cases[i].first, "%s", cases[i].query);
    }
    world_close(&w);
}

Test(forge, says_what_was_wrong)
{
    const struct {
        const char *method, *path, *query;
        int status;
        const char *part;
    } cases[] = {
        {"GET", "/repos/demo/repo/issues", "lables=bug", 422, "lables"},
        {"GET", "/repos/demo/repo/issues", "state=merged", 422, "merged"},
        {"GET", "/repos/demo/repo/issues", "per_page=101", 422, "per_page"},
        {"GET", "/repos/demo/repo/issues", "per_page=x", 422, "per_page"},
        {"GET", "/repos/demo/repo/issues", "page=0", 422, "page"},
        {"GET", "/repos/demo/repo/issues", "since=yesterday", 422, "since"},
        {"GET", "/repos/demo/repo/issues", "state=open&state=all", 422, "twice"},
        {"GET", "/repos/demo/other/issues", "", 404, "demo/other"},
        {"GET", "/repos/demo/repo/issues/99", "", 404, "99"},
        {"GET", "/repos/demo/repo/issues/abc", "", 404, "abc"},
        {"GET", "/repos/demo/repo/pulls/1", "", 404, "pull request 1"},
        {"GET", "/nothing", "", 404, "/nothing"},
        {"POST", "/repos/demo/repo/issues", "", 404, "knows only GET"},
        {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "", 404, "no such path"},
    };
    struct world w;

    world_open(&w);
    w.forge.state->rate_limit = 1000;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cr_assert_eq(ask(&w, cases[i].method, cases[i].path, cases[i].query, ""),
                     cases[i].status, "%s?%s: %s", cases[i].path, cases[i].query,
                     message(&w));
        cr_assert(strstr(message(&w), cases[i].part) != NULL, "%s", message(&w));
    }
    world_close(&w);
}

Test(forge, pages_link_to_one_another)
{
    struct world w;

    world_open(&w);
    cr_assert_eq(ask(&w, "GET", "/api/v3/repos/demo/repo/issues", "per_page=2", ""), 200);
    cr_assert_eq(json_array_size(w.r.body), 2);
    cr_assert_str_eq(
        header(&w, "Link"),
        "<http://forge/api/v3/repos/demo/repo/issues?per_page=2&page=2>; rel=\"next\", "
        "<http://forge/api/v3/repos/demo/repo/issues?per_page=2&page=2>; rel=\"last\"");
    ask(&w, "GET", "/repos/demo/repo/issues", "per_page=2&page=2", "");
    cr_assert_eq(json_array_size(w.r.body), 1);
    cr_assert(strstr(header(&w, "Link"), "rel=\"next\"") == NULL);
    world_close(&w);
}

static int
ask_again(struct world *w, const char *etag)
{
    char copy[80];

    snprintf(copy, sizeof(copy), "%s", etag);
    request_free(&w->q);
    reply_free(&w->r);
    snprintf(w->q.method, sizeof(w->q.method), "GET");
    request_set_path(&w->q, "/repos/demo/repo/issues");
    add(w->q.headers, &w->q.n_headers, "Accept", "*/*");
    add(w->q.headers, &w->q.n_headers, "User-Agent", "test");
    add(w->q.headers, &w->q.n_headers, "Authorization", "Bearer T");
    add(w->q.headers, &w->q.n_headers, "If-None-Match", copy);
    w->q.body = "";
    w->q.now = now;
    forge_answer(&w->forge, &w->q, &w->r);
    return w->r.status;
}

Test(forge, an_unchanged_answer_is_free_and_a_changed_one_is_not)
{
    struct world w;

    world_open(&w);
    ask(&w, "GET", "/repos/demo/repo/issues", "", "");
    cr_assert_str_eq(header(&w, "X-RateLimit-Remaining"), "9");
    cr_assert_eq(ask_again(&w, header(&w, "ETag")), 304);
    cr_assert_null(w.r.body);
    cr_assert_str_eq(header(&w, "X-RateLimit-Remaining"), "9");
    {
        char etag[80];

        snprintf(etag, sizeof(etag), "%s", header(&w, "ETag"));
        ask(&w, "PATCH", "/_control/repos/demo/repo/issues/2", "",
            "{\"labels\": [\"x\"]}");
        cr_assert_eq(ask_again(&w, etag), 200);
    }
    cr_assert_str_eq(header(&w, "X-RateLimit-Remaining"), "8");
    world_close(&w);
}

Test(forge, a_quota_ends_and_begins_anew)
{
    struct world w;

    world_open(&w);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(ask(&w, "GET", "/repos/demo/repo", "", ""), 200);
    cr_assert_eq(ask(&w, "GET", "/repos/demo/repo", "", ""), 403);
    cr_assert(strstr(message(&w), "rate limit") != NULL);
    cr_assert_str_eq(header(&w, "X-RateLimit-Remaining"), "0");
    cr_assert_eq(ask(&w, "GET", "/rate_limit", "", ""), 200);
    w.forge.quotas.rows[0].reset = now;
    cr_assert_eq(ask(&w, "GET", "/repos/demo/repo", "", ""), 200);
    world_close(&w);
}

Test(forge, control_makes_changes_and_refuses_slips)
{
    struct world w;

    world_open(&w);
    cr_assert_eq(ask(&w, "POST", "/_control/repos/demo/repo/issues", "",
                     "{\"title\": \"New\", \"labels\": [\"bug\"]}"),
                 201);
    cr_assert_eq(json_int_or(w.r.body, "number", 0), 5);
    cr_assert_eq(
        ask(&w, "POST", "/_control/repos/demo/repo/issues", "", "{\"titel\": \"New\"}"),
        422);
    cr_assert(strstr(message(&w), "titel") != NULL);
    cr_assert_eq(
        ask(&w, "POST", "/_control/repos/demo/repo/issues", "", "{\"number\": 1}"), 422);
    cr_assert_eq(ask(&w, "POST", "/_control/repos/demo/repo/issues/5/comments", "",
                     "{\"body\": \"/go\"}"),
                 201);
    cr_assert_eq(ask(&w, "PATCH", "/_control/repos/demo/repo/issues/5", "",
                     "{\"state\": \"closed\"}"),
                 200);
    cr_assert_str_eq(json_str_or(w.r.body, "state", ""), "closed");
    cr_assert_eq(json_int_or(w.r.body, "comments", 0), 1);
    cr_assert_eq(ask(&w, "PATCH", "/_control/repos/demo/repo/issues/5", "", "not json"),
                 400);
    world_close(&w);
}

Test(forge, faults_skip_hit_and_end)
{
    struct faults f = {0};
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *want = json_loads("{\"path\": \"/repos/*/issues\", \"method\": \"GET\", "
                              "\"skip\": 1, \"times\": 2, \"status\": 500}",
                              0, NULL);
    SCOPED(json) json_t *bad = json_loads("{\"path\": \"x\", \"stauts\": 1}", 0, NULL);

    cr_assert_eq(faults_add(&f, want, &e), 0);
    cr_assert_null(faults_hit(&f, "GET", "/repos/a/b/issues"));
    cr_assert_null(faults_hit(&f, "POST", "/repos/a/b/issues"));
    cr_assert_null(faults_hit(&f, "GET", "/repos/a/b"));
    cr_assert_eq(faults_hit(&f, "GET", "/repos/a/b/issues")->status, 500);
    cr_assert_eq(faults_hit(&f, "GET", "/repos/a/b/issues")->status, 500);
    cr_assert_null(faults_hit(&f, "GET", "/repos/a/b/issues"));
    cr_assert_eq(faults_add(&f, bad, &e), -1);
    cr_assert(strstr(e.text, "stauts") != NULL);
    faults_clear(&f);
}

Test(forge, strangers_are_refused)
{
    struct world w;

    world_open(&w);
    ask(&w, "GET", "/repos/demo/repo", "", "");
    free(w.q.headers[2].value);
    w.q.headers[2].value = strdup("token X");
    free(w.q.token);
    w.q.token = NULL;
    reply_free(&w.r);
    forge_answer(&w.forge, &w.q, &w.r);
    cr_assert_eq(w.r.status, 401);
    /* An app's token needs a JWT that says who it is. */
    cr_assert_eq(ask(&w, "POST", "/app/installations/42/access_tokens", "", ""), 401);
    world_close(&w);
}

Test(forge, takes_an_installation_token_back_and_no_other)
{
    struct world w;

    world_open(&w);
    json_object_set_new(w.forge.state->tokens, "ghs_1",
                        json_pack("{s:s, s:I}", "login", "app[bot]", "expires",
                                  (json_int_t)(now + 1000)));
    cr_assert_eq(ask_as(&w, "ghs_1", "GET", "/user", "", ""), 200);
    cr_assert_eq(ask(&w, "DELETE", "/installation/token", "", ""), 403);
    cr_assert_eq(ask_as(&w, "ghs_1", "DELETE", "/installation/token", "", "{}"), 400);
    cr_assert_eq(ask_as(&w, "ghs_2", "DELETE", "/installation/token", "", ""), 401);
    cr_assert_eq(ask_as(&w, "ghs_1", "DELETE", "/installation/token", "", ""), 204);
    cr_assert_eq(ask_as(&w, "ghs_1", "GET", "/user", "", ""), 401);
    cr_assert_eq(ask_as(&w, "ghs_1", "DELETE", "/installation/token", "", ""), 401);
    cr_assert_eq(ask(&w, "GET", "/user", "", ""), 200);
    world_close(&w);
}

Test(forge, a_state_file_with_a_slip_names_the_field)
{
    const char *const bads[] = {
        "{\"repo\": {}}",
        "{\"repos\": {\"noslash\": {}}}",
        "{\"repos\": {\"a/b\": {\"issues\": [{\"titel\": \"x\"}]}}}",
        "{\"repos\": {\"a/b\": {\"issues\": [{\"labels\": [1]}]}}}",
        "{\"rateLimit\": 0}",
        "[]"};
    const char *const parts[] = {"\"repo\"",  "noslash",   "titel",
                                 "labels[0]", "rateLimit", "object"};

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct state *s = state_new("http://forge");
        SCOPED(json) json_t *root = json_loads(bads[i], 0, NULL);
        struct err e = ERR_INIT;

        cr_assert_eq(state_fill(s, root, now, &e), -1, "%s", bads[i]);
        cr_assert(strstr(e.text, parts[i]) != NULL, "%s", e.text);
        state_free(s);
    }
}
