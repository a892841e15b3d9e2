/* planonce.c - see planonce.h. */
#include "reconciler/plan/planonce.h"

#include <string.h>

#include "common/clock.h"
#include "common/http/bearer.h"
#include "common/limits.h"
#include "common/data/apptoken.h"
#include "reconciler/plan/plandoc.h"
#include "reconciler/job/wish.h"

static json_t *
read_input(FILE *in, struct err *e)
{
    SCOPED(buf) struct buf text = {.limit = LIMIT_PLAN_ONCE_BYTES};
    char chunk[65536];
    size_t n;
    json_t *value = NULL;

    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        if (buf_add(&text, chunk, n) < 0) {
            err_set(e, ERR_LIMIT,
                    "the question is longer than %d bytes (PLAN_ONCE_BYTES)",
                    LIMIT_PLAN_ONCE_BYTES);
            return NULL;
        }
    value = json_parse(buf_str(&text), text.size, LIMIT_PLAN_ONCE_BYTES, e);
    buf_wipe(&text);
    return value;
}

/* The view of the member `name`; NULL without an error when it is absent. */
static struct view *
read_view(const json_t *question, const char *name, unsigned kind, struct err *e)
{
    const json_t *object = json_at(question, name);
    int profile = object != NULL
                      ? profile_by_api_version(json_str_or(object, "apiVersion", ""))
                      : 0;
    struct view *v = NULL;

    if (object == NULL)
        return NULL;
    if (profile < 0)
        err_set(e, ERR_INVALID, "apiVersion: \"%s\" is not ours",
                json_str_or(object, "apiVersion", ""));
    else
        v = view_new(kind, (unsigned)profile, object, e);
    if (v == NULL)
        err_wrap(e, "%s", name);
    return v;
}

/* ---- "source" ---- */

static struct secret *
exchange(const json_t *data, const char *api_base, struct err *e)
{
    SCOPED(apptoken) struct apptoken *app = apptoken_new(data, e);
    SCOPED(secret)
    struct secret *jwt = app != NULL ? apptoken_jwt(app, clock_wall_ms(), e) : NULL;
    SCOPED(loop) struct loop *loop = jwt != NULL ? loop_poll_new(e) : NULL;
    SCOPED(http)
    struct http *http = loop != NULL ? http_new(loop, "kelos-reconciler", e) : NULL;
    SCOPED(bearer) struct bearer q = {.authorization = BUF_INIT};
    struct http_result result = {.status = 0};
    struct secret *token = NULL;
    int64_t expires;
    char url[2300];

    if (http == NULL)
        return NULL;
    apptoken_url(app, api_base, url, sizeof url);
    bearer_fill(&q, "POST", url, jwt);
    if (http_wait(http, &q.request, &result, e) == 0)
        token = apptoken_answer(result.status, buf_str(&result.body), result.body.size,
                                &expires, e);
    http_result_free(&result);
    return token;
}

/* Puts "token" and "user" into the request. */
static int
put_credential(json_t *request, const struct spawner_view *v, const json_t *secret,
               const char *api_base, struct err *e)
{
    const json_t *data = json_object_get(secret, "data");
    bool jira = v->source == SOURCE_JIRA;
    const char *key = jira ? "JIRA_TOKEN" : "GITHUB_TOKEN";
    SCOPED(secret) struct secret *token = NULL;
    SCOPED(secret) struct secret *user = jira ? secret_value(data, "JIRA_USER") : NULL;

    if (secret == NULL)
        return 0;
    if (!jira && apptoken_is(data))
        token = exchange(data, api_base, e);
    else if ((token = secret_value(data, key)) == NULL)
        err_set(e, ERR_INVALID, "has no key %s", key);
    if (token == NULL)
        return err_wrap(e, "secret \"%s\"", json_str_or(secret, "metadata.name", ""));
    json_object_set_new(request, "token", json_string(secret_reveal(token)));
    if (user != NULL)
        json_object_set_new(request, "user", json_string(secret_reveal(user)));
    return 0;
}

static json_t *
make_request(const json_t *question, const struct spawner_view *s, struct err *e)
{
    SCOPED(view) struct view *w = read_view(question, "workspace", KIND_WORKSPACE, e);
    struct wish wish;
    char why[512];

    if (w == NULL && e->code != ERR_NONE)
        return NULL;
    if (plan_config_error(s, why, sizeof why)) {
        err_set(e, ERR_INVALID, "%s", why);
        return NULL;
    }
    if (s->workspace != NULL && w == NULL) {
        err_set(e, ERR_NOT_FOUND, "Workspace %s not found", s->workspace);
        return NULL;
    }
    if (wish_make(s, (const struct workspace_view *)w, &wish, e) < 0)
        return NULL;
    SCOPED(json)
    json_t *request =
        json_pack("{s:s, s:s, s:s, s:s, s:O, s:I, s:I, s:I, s:b}", "type",
                  wish_type(s->source), "api_base", wish.api_base, "owner",
                  wish.repo.owner, "repo", wish.repo.name, "when", s->when, "created",
                  (json_int_t)(s->view.meta.created_ms != 0 ? s->view.meta.created_ms
                                                            : clock_wall_ms()),
                  "watermark", (json_int_t)s->discovered_ms, "handed",
                  (json_int_t)s->handed_ms, "explain", 1);
    if (put_credential(request, s, json_at(question, "secret"), wish.api_base, e) < 0)
        return NULL;
    return json_pack("{s:O}", "request", request);
}

/* ---- the two steps ---- */

static json_t *
answer_question(const json_t *question, struct err *e)
{
    SCOPED(view) struct view *v = read_view(question, "spawner", KIND_TASK_SPAWNER, e);
    const char *step = json_str_or(question, "step", "");

    if (v == NULL) {
        if (e->code == ERR_NONE)
            err_set(e, ERR_INVALID, "spawner: is missing");
        return NULL;
    }
    if (strcmp(step, "source") == 0)
        return make_request(question, (const struct spawner_view *)v, e);
    if (strcmp(step, "plan") == 0)
        return plandoc_make((struct spawner_view *)v, json_at(question, "answer"),
                            json_at(question, "tasks"), clock_wall_ms(), e);
    err_set(e, ERR_INVALID, "step: must be source or plan");
    return NULL;
}

int
planonce_run(FILE *in, FILE *out)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *question = read_input(in, &e);
    SCOPED(json) json_t *answer = question != NULL ? answer_question(question, &e) : NULL;
    SCOPED(json) json_t *shown = answer != NULL ? json_incref(answer) : NULL;

    if (shown == NULL)
        shown = json_pack("{s:s}", "error", e.text);
    char *text = json_dump_compact(shown);
    if (text != NULL)
        fprintf(out, "%s\n", text);
    free(text);
    return answer != NULL ? 0 : 2;
}
