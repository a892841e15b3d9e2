/* pod.c - see pod.h. */
#include "spawner/pod.h"

#include <stdlib.h>
#include <string.h>

#include "common/castore.h"
#include "common/data/json.h"
#include "common/log.h"
#include "common/worker/worker.h"
#include "spawner/alive.h"
#include "spawner/engine.h"
#include "spawner/podtoken.h"

enum {
    ONE_SHOT_MS = 30000,     /* for the acknowledgement */
    WHEN_MAX = 262144 + 8192 /* bytes of a `when` with the arguments' values in it */
};

struct pod {
    /* flags */
    const char *controller, *name, *ns, *owner, *repo, *api_base;
    const char *jira_base, *jira_project, *jira_jql;
    bool one_shot;

    struct bus_keys keys;
    char key[BUSKEY_SOURCE_SIZE]; /* of our source */
    struct podtoken token;
    struct secret *key_text; /* KELOS_BUS_KEY, until it was read */
    char type[17];           /* of the source, "" : not assigned yet */
    struct worker *worker;
    struct bus *bus;
    struct loop *loop;
    struct http *http;
    struct castore *castore;
    struct engine *engine;
    struct alive *alive; /* NULL: the probe cannot be answered */
    int deadline;        /* of --one-shot: timer */
    bool waiting;        /* for the token */
    bool failed, finished;
};

bool
pod_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--controller", 12) == 0 &&
            (argv[i][12] == '=' || argv[i][12] == '\0'))
            return true;
    return false;
}

/* ---- the bus ---- */

static int
send_to_shard(void *arg, unsigned shard, const struct message *m)
{
    struct pod *p = arg;
    struct err e = ERR_INIT;

    (void)shard;
    if (m->kind == MSG_SOURCE_ERROR)
        p->failed = true;
    if (bus_send(p->bus, NULL, m, &e) == 0)
        return 0;
    log_warn(NULL, "%s: %s", message_name(m->kind), e.text);
    /* What the tables refuse would be refused again. */
    return e.code == ERR_LIMIT || e.code == ERR_FORBIDDEN ? 0 : -1;
}

/* The answer is an assignment. */
static void
say_join(struct pod *p)
{
    const struct message m = {.kind = MSG_SOURCE_JOIN, .body.source.key = p->key};
    struct err e = ERR_INIT;

    engine_rejoined(p->engine, 0);
    if (bus_send(p->bus, NULL, &m, &e) < 0)
        log_warn(NULL, "source.join: %s", e.text);
}

static void
on_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    struct pod *p = arg;

    (void)bus;
    (void)peer;
    log_info(NULL, "joined %s", p->controller);
    say_join(p);
}

static void
on_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    struct pod *p = arg;

    (void)bus;
    (void)peer;
    log_warn(NULL, "lost %s, joining again", p->controller);
}

static void
set_text(json_t *at, const char *name, const char *value)
{
    if (*value != '\0')
        json_object_set_new(at, name, json_string(value));
    else
        json_object_del(at, name);
}

/* `when` with what the arguments say about Jira, as text; NULL: as it came. */
static char *
when_of(const struct pod *p, const char *text)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *when = NULL;
    json_t *jira;

    if (*p->jira_base == '\0' ||
        (when = json_parse(text, strlen(text), WHEN_MAX, &e)) == NULL ||
        (jira = json_object_get(when, "jira")) == NULL)
        return NULL;
    set_text(jira, "baseUrl", p->jira_base);
    set_text(jira, "project", p->jira_project);
    set_text(jira, "jql", p->jira_jql);
    return json_dump_canonical(when);
}

static const char *
base_of(const struct pod *p, const struct msg_assign *m)
{
    bool jira = strcmp(m->type, "jira") == 0, cron = strcmp(m->type, "cron") == 0;

    if (jira && *p->jira_base != '\0')
        return p->jira_base;
    return !jira && !cron && *p->api_base != '\0' ? p->api_base : m->api_base;
}

/* The controller says which filters, when and what it holds; where the source is and who we are
 * there say our own arguments and credential. */
static int
assign(struct pod *p, const struct msg_assign *from, struct err *e)
{
    struct msg_assign m = *from;
    struct msg_spawn spawn = {0};
    SCOPED(string) char *when = NULL;

    if (m.spawns.count > 1 ||
        (m.spawns.count == 1 && (strcmp(m.spawns.items[0].ns, p->ns) != 0 ||
                                 strcmp(m.spawns.items[0].name, p->name) != 0)))
        return err_set(e, ERR_INVALID, "source.assign is not for %s/%s alone", p->ns,
                       p->name);
    m.api_base = base_of(p, from);
    m.user = podtoken_user(&p->token, m.type);
    m.token = podtoken_token(&p->token, m.type);
    m.one_shot = p->one_shot;
    if (m.spawns.count == 1) {
        spawn = m.spawns.items[0];
        if (*p->owner != '\0') {
            spawn.owner = p->owner;
            spawn.repo = p->repo;
        }
        if ((when = when_of(p, spawn.when)) != NULL)
            spawn.when = when;
        if (p->one_shot) /* an answer is wanted though nothing is due */
            spawn.digest = "";
        m.spawns.items = &spawn;
    }
    snprintf(p->type, sizeof p->type, "%s", m.type);
    return engine_assign(p->engine, 0, &m, e);
}

/* Nothing is asked before the token is there. */
static void
wait_for_token(struct pod *p, const struct msg_assign *m)
{
    char why[512];

    snprintf(why, sizeof why, "reading token file %.400s: there is no token yet",
             p->token.file);
    log_warn(NULL, "%s", why);
    p->waiting = true;
    for (size_t i = 0; i < m->spawns.count; i++) {
        const struct msg_spawn *s = &m->spawns.items[i];
        const struct message say = {.kind = MSG_SOURCE_ERROR,
                                    .body.source_fail = {.key = p->key,
                                                         .ns = s->ns,
                                                         .name = s->name,
                                                         .uid = s->uid,
                                                         .reason = "TokenMissing",
                                                         .message = why,
                                                         .quota_left = -1}};
        struct err e = ERR_INIT;

        if (bus_send(p->bus, NULL, &say, &e) < 0)
            log_warn(NULL, "source.error: %s", e.text);
    }
}

static void
on_assign(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct pod *p = arg;
    struct err e = ERR_INIT;

    (void)bus;
    if (podtoken_lacks(&p->token, m->body.assign.type))
        wait_for_token(p, &m->body.assign);
    else if (assign(p, &m->body.assign, &e) < 0)
        log_error(NULL, "source.assign of %s: %s", from->user_id, e.text);
}

static void
on_ack(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct pod *p = arg;

    (void)bus;
    (void)from;
    engine_ack(p->engine, 0, &m->body.source_ack);
}

static const struct handler handlers[] = {
    {MSG_SOURCE_ASSIGN, on_assign},
    {MSG_SOURCE_ACK, on_ack},
};

/* ---- start and end ---- */

static void
on_finished(void *arg)
{
    struct pod *p = arg;

    p->finished = true;
    worker_drained(p->worker);
}

static void
on_deadline(void *arg, struct worker *w)
{
    const struct err late = {
        .code = ERR_TIMEOUT,
        .text = "--one-shot: the controller has not acknowledged anything within 30 s"};

    (void)arg;
    worker_fail(w, &late);
}

static void
on_token(void *arg)
{
    struct pod *p = arg;

    if (p->waiting) {
        p->waiting = false;
        say_join(p);
    }
    if (*p->type == '\0')
        return;
    if (engine_credential(p->engine, podtoken_user(&p->token, p->type),
                          podtoken_token(&p->token, p->type)) < 0)
        log_error(NULL, "out of memory");
}

/* Where there is no probe, nobody misses it: a spawner that was started by hand beside
 * another one of its TaskSpawner. */
static void
answer_probes(struct pod *p)
{
    struct err e = ERR_INIT;

    if ((p->alive = alive_listen(p->loop, p->ns, p->name, &e)) == NULL)
        log_warn(NULL, "%s", e.text);
}

static int
open_parts(struct pod *p, struct worker *w, struct err *e)
{
    const struct bus_calls calls = {.rows = handlers,
                                    .n_rows = ARRAY_LEN(handlers),
                                    .joined = on_joined,
                                    .gone = on_gone,
                                    .arg = p};
    struct engine_config c = {.key = p->key,
                              .metrics = worker_metrics(w),
                              .send = send_to_shard,
                              .finished = on_finished,
                              .arg = p};

    p->worker = w;
    if ((p->loop = loop_worker_new(w, e)) == NULL ||
        (p->http = http_new(p->loop, "kelos-spawner", e)) == NULL)
        return -1;
    http_trust(p->http, castore_use, p->castore);
    answer_probes(p);
    c.loop = p->loop;
    c.http = p->http;
    if ((p->engine = engine_new(&c)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    p->token.changed = on_token;
    p->token.arg = p;
    if (podtoken_start(&p->token, w, e) < 0 ||
        (p->bus = worker_connect_keys(w, p->controller, &p->keys, &calls, e)) == NULL)
        return -1;
    if (p->one_shot)
        p->deadline = worker_after(w, ONE_SHOT_MS, on_deadline, p);
    return worker_ready(w, e);
}

static void
close_parts(struct pod *p)
{
    engine_free(p->engine);
    http_free(p->http);
    alive_free(p->alive);
    loop_free(p->loop);
    castore_free(p->castore);
    podtoken_close(&p->token);
    secret_free(p->key_text);
    explicit_bzero(&p->keys, sizeof p->keys);
}

/* Out of the environment before anything else looks at it. */
static void
take_environment(struct pod *p)
{
    p->key_text = podtoken_env("KELOS_BUS_KEY");
    podtoken_take(&p->token);
}

static int
read_key(struct pod *p, struct err *e)
{
    SCOPED(secret) struct secret *text = TAKE(p->key_text);

    if (text == NULL)
        return err_set(e, ERR_INVALID,
                       "KELOS_BUS_KEY: missing; the controller puts it into the Secret "
                       "<taskspawner>-bus");
    if (buskey_parse(secret_reveal(text), p->keys.server, &p->keys.own, e) < 0)
        return -1;
    buskey_source(p->keys.own.public_key, p->key);
    return 0;
}

static int
check_flags(const struct pod *p, struct err *e)
{
    const char *port = strrchr(p->controller, ':');

    if (*p->name == '\0')
        return err_set(e, ERR_INVALID, "--taskspawner-name: missing");
    if (*p->ns == '\0')
        return err_set(e, ERR_INVALID, "--taskspawner-namespace: missing");
    if (strncmp(p->controller, "tcp://", 6) != 0 || port < p->controller + 7 ||
        strspn(port + 1, "0123456789") != strlen(port + 1) || atoi(port + 1) < 1 ||
        atoi(port + 1) > 65535)
        return err_set(e, ERR_INVALID, "--controller: \"%.200s\" is not tcp://HOST:PORT",
                       p->controller);
    if ((*p->owner == '\0') != (*p->repo == '\0'))
        return err_set(e, ERR_INVALID, "--github-owner and --github-repo: give both");
    return 0;
}

static int
prepare(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e)
{
    struct pod *p = arg;

    (void)w;
    if (check_flags(p, e) < 0 || read_key(p, e) < 0 ||
        podtoken_prepare(&p->token, sandbox, e) < 0 ||
        (p->castore = castore_new(e)) == NULL)
        return -1;
    return 0;
}

static int
run(struct pod *p, int argc, char **argv, struct err *e)
{
    const struct flag flags[] = {
        {"controller", FLAG_TEXT, &p->controller, "tcp://HOST:PORT",
         "where the controller listens (its --bus-port)"},
        {"taskspawner-name", FLAG_TEXT, &p->name, "NAME", "for which TaskSpawner"},
        {"taskspawner-namespace", FLAG_TEXT, &p->ns, "NS", "and where that is"},
        {"github-owner", FLAG_TEXT, &p->owner, "OWNER", "of the repository"},
        {"github-repo", FLAG_TEXT, &p->repo, "REPO", "its name"},
        {"github-api-base-url", FLAG_TEXT, &p->api_base, "URL",
         "GitHub's own when empty"},
        {"github-token-file", FLAG_TEXT, &p->token.file, "FILE",
         "before GITHUB_TOKEN of the environment; read again when it is replaced"},
        {"jira-base-url", FLAG_TEXT, &p->jira_base, "URL",
         "of Jira; JIRA_USER and JIRA_TOKEN come in the environment"},
        {"jira-project", FLAG_TEXT, &p->jira_project, "KEY", "its project"},
        {"jira-jql", FLAG_TEXT, &p->jira_jql, "JQL", "what of it"},
        {"one-shot", FLAG_SWITCH, &p->one_shot, NULL,
         "hand over what is due and end (0: it was taken)"},
    };
    const struct worker_spec spec = {
        .role = ROLE_SPAWNER,
        .usage = "kelos-spawner --controller tcp://HOST:PORT --taskspawner-name NAME "
                 "--taskspawner-namespace NS ...",
        .flags = flags,
        .n_flags = ARRAY_LEN(flags),
        .prepare = prepare,
        .arg = p,
        .alone = true};
    int status = 0;

    take_environment(p);
    SCOPED(worker) struct worker *w = worker_join(argc, argv, &spec, e);
    if (w == NULL)
        status = worker_exit(w, e);
    else if (open_parts(p, w, e) < 0 || worker_run(w, e) < 0)
        status = worker_exit(w, e);
    else if (p->one_shot && (p->failed || !p->finished))
        status = 1;
    close_parts(p);
    return status;
}

int
pod_run(int argc, char **argv)
{
    struct err e = ERR_INIT;
    struct pod p = {.controller = "",
                    .name = "",
                    .ns = "",
                    .owner = "",
                    .repo = "",
                    .api_base = "",
                    .jira_base = "",
                    .jira_project = "",
                    .jira_jql = "",
                    .token.file = ""};

    log_init("kelos-spawner", LEVEL_INFO, LOG_TEXT);
    return run(&p, argc, argv, &e);
}
