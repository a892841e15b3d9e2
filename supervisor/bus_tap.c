/* bus_tap.c - kelos-bus: asks a running supervisor, shows the live traffic, keeps and
 * reads records of it. */
#include <czmq.h>
#include <jansson.h>
#include <sys/un.h>

#include "common/bus/bus.h"
#include "common/flags.h"
#include "common/log.h"

#define ANSWER_MS 5000
#define MAGIC "kelos-bus-record 1\n"

struct tool {
    const char *run_dir, *kind, *record;
    bool json, markdown;
    char default_dir[4096];
    FILE *out_file; /* --record */
    struct bus *bus;
    zloop_t *loop;
    struct message question; /* asked when connected */
    bool tap, answered, failed;
    uint64_t dropped; /* as the last record told */
};

/* ---- records: what the tap shows ---- */

/* One line: time, who to whom, the message itself. */
static void
show(const struct msg_tapped *t)
{
    struct message m;
    struct message_fault fault;
    char time[16] = "";
    time_t seconds;

    if (message_decode(&m, t->envelope.data, t->envelope.size, t->body.data, t->body.size,
                       &fault) < 0) {
        printf("%s %s %s: %s%s%s\n", t->worker, t->sent ? "->" : "<-", t->peer,
               fault.field, fault.field[0] != '\0' ? ": " : "", fault.why);
        return;
    }
    seconds = (time_t)(m.envelope.wall_ms / 1000);
    strftime(time, sizeof time, "%H:%M:%S", gmtime(&seconds));
    printf("%s.%03d %s %s %s ", time, (int)(m.envelope.wall_ms % 1000), t->worker,
           t->sent ? "->" : "<-", t->peer);
    message_dump(&m, stdout);
    fflush(stdout);
    message_free(&m);
}

static bool
kind_wanted(const char *kinds, uint64_t kind)
{
    const char *name = message_name((enum message_kind)kind), *at = kinds;
    size_t size = name != NULL ? strlen(name) : 0;

    if (*kinds == '\0')
        return true;
    while (name != NULL && (at = strstr(at, name)) != NULL) {
        if ((at == kinds || at[-1] == ',') && (at[size] == ',' || at[size] == '\0'))
            return true;
        at += size;
    }
    return false;
}

static void
put_block(FILE *f, const void *data, size_t size)
{
    unsigned char head[4] = {(unsigned char)(size >> 24), (unsigned char)(size >> 16),
                             (unsigned char)(size >> 8), (unsigned char)size};

    fwrite(head, 1, sizeof head, f);
    fwrite(data, 1, size, f);
}

static int
keep(struct tool *t, const struct message *m)
{
    struct message_fault fault;
    void *envelope, *body;
    size_t envelope_size, body_size;

    if (message_encode(m, &envelope, &envelope_size, &body, &body_size, &fault) < 0)
        return -1;
    put_block(t->out_file, envelope, envelope_size);
    put_block(t->out_file, body, body_size);
    fflush(t->out_file);
    free(envelope);
    free(body);
    return ferror(t->out_file) ? -1 : 0;
}

/* Returns the block (free it), NULL at the end; *bad when the file is cut or lies. */
static void *
get_block(FILE *f, size_t *size, bool *bad)
{
    unsigned char head[4];
    size_t n = fread(head, 1, sizeof head, f);
    void *data;

    *bad = n != 0;
    if (n != sizeof head)
        return NULL;
    *size =
        (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (*size > MESSAGE_MAX_BYTES || (data = malloc(*size + 1)) == NULL)
        return NULL;
    if (fread(data, 1, *size, f) != *size) {
        free(data);
        return NULL;
    }
    *bad = false;
    return data;
}

static int
replay(const char *path, const char *kinds)
{
    FILE *f = fopen(path, "re");
    char magic[sizeof MAGIC] = "";
    bool bad = false;
    int n = 0;

    if (f == NULL || fread(magic, 1, sizeof magic - 1, f) != sizeof magic - 1 ||
        strcmp(magic, MAGIC) != 0) {
        log_error(NULL, "%s: %s", path,
                  f == NULL ? strerror(errno) : "not a record of kelos-bus");
        if (f != NULL)
            fclose(f);
        return 1;
    }
    for (;;) {
        size_t envelope_size, body_size;
        void *envelope = get_block(f, &envelope_size, &bad);
        void *body = envelope != NULL ? get_block(f, &body_size, &bad) : NULL;
        struct message m;
        struct message_fault fault;

        if (body == NULL) {
            bad |= envelope != NULL;
            free(envelope);
            break;
        }
        if (message_decode(&m, envelope, envelope_size, body, body_size, &fault) < 0 ||
            m.kind != MSG_TAP_RECORD)
            bad = true;
        else if (kind_wanted(kinds, m.body.tapped.kind))
            show(&m.body.tapped);
        message_free(&m);
        free(envelope);
        free(body);
        n++;
        if (bad)
            break;
    }
    fclose(f);
    if (bad)
        log_error(NULL, "%s: record %d is damaged", path, n + 1);
    return bad;
}

/* ---- status for people ---- */

static void
print_status(const char *text)
{
    json_t *root = json_loads(text, 0, NULL), *workers = json_object_get(root, "workers"),
           *w;
    json_t *complaint;
    size_t i;

    if (root == NULL) {
        puts(text);
        return;
    }
    printf("supervisor pid %lld, %s%s%s\n",
           json_integer_value(json_object_get(root, "pid")),
           json_is_true(json_object_get(root, "ready")) ? "ready" : "not ready: ",
           json_string_value(json_object_get(root, "reason")) != NULL
               ? json_string_value(json_object_get(root, "reason"))
               : "",
           "");
    printf("%-24s %-9s %8s %6s %9s %9s  %s\n", "WORKER", "STATE", "PID", "START",
           "RESTARTS", "PSS KIB", "LAST EXIT");
    json_array_foreach(workers, i, w)
        printf("%-24s %-9s %8lld %6lld %9lld %9lld  %s\n",
               json_string_value(json_object_get(w, "id")),
               json_string_value(json_object_get(w, "state")),
               json_integer_value(json_object_get(w, "pid")),
               json_integer_value(json_object_get(w, "incarnation")),
               json_integer_value(json_object_get(w, "restarts")),
               json_integer_value(json_object_get(w, "pssKiB")),
               json_string_value(json_object_get(w, "lastExit")));
    json_array_foreach(json_object_get(root, "degraded"), i, complaint)
        printf("degraded: %s\n", json_string_value(complaint));
    json_decref(root);
}

/* ---- the conversation ---- */

static void
on_say(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct tool *t = arg;
    const struct msg_admin_say *say = &m->body.admin_say;

    (void)bus;
    (void)from;
    t->answered = true;
    t->failed = !say->ok;
    if (!say->ok)
        log_error(NULL, "%s", say->json);
    else if (t->question.kind == MSG_ADMIN_ASK && t->json)
        puts(say->json);
    else if (t->question.kind == MSG_ADMIN_ASK)
        print_status(say->json);
}

static void
on_record(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct tool *t = arg;

    (void)bus;
    (void)from;
    if (m->body.tapped.dropped > t->dropped)
        log_warn(NULL, "%llu messages of %s were not copied",
                 (unsigned long long)(m->body.tapped.dropped - t->dropped),
                 m->body.tapped.worker);
    t->dropped = m->body.tapped.dropped;
    if (!kind_wanted(t->kind, m->body.tapped.kind))
        return;
    show(&m->body.tapped);
    if (t->out_file != NULL && keep(t, m) < 0) {
        log_error(NULL, "--record: %s: %s", t->record, strerror(errno));
        t->failed = true;
    }
}

static void
on_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    struct tool *t = arg;
    struct err e = ERR_INIT;

    (void)peer;
    if (bus_send(bus, NULL, &t->question, &e) < 0) {
        log_error(NULL, "%s", e.text);
        t->failed = true;
    }
}

static int
on_end(void *arg)
{
    const struct tool *t = arg;

    return t->failed || (t->answered && !t->tap) || zsys_interrupted ? -1 : 0;
}

static int
on_timeout(zloop_t *loop, int timer, void *arg)
{
    struct tool *t = arg;

    (void)loop;
    (void)timer;
    if (t->answered)
        return 0;
    log_error(NULL, "%s: the supervisor did not answer within %d s", t->run_dir,
              ANSWER_MS / 1000);
    t->failed = true;
    return -1;
}

/* Is anybody listening? A stale socket would only be retried. */
static int
probe(const char *run_dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    SCOPED(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/admin", run_dir);

    if (n < 0 || (size_t)n >= sizeof address.sun_path) {
        log_error(NULL, "--run-dir: %s: too long for a socket's path", run_dir);
        return -1;
    }
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        log_error(NULL, "%s: no supervisor runs here (%s)", run_dir, strerror(errno));
        return -1;
    }
    return 0;
}

static int
converse(struct tool *t)
{
    static const struct handler rows[] = {{MSG_ADMIN_SAY, on_say},
                                          {MSG_TAP_RECORD, on_record}};
    char endpoint[4200], pid[16];
    struct peer self;
    struct bus_config config = {
        .name = "admin",
        .endpoint = endpoint,
        .listener = -1,
        .self = &self,
        .binder = ROLE_SUPERVISOR,
        .calls = {.rows = rows, .n_rows = ARRAY_LEN(rows), .joined = on_joined, .arg = t},
        .end = on_end,
        .hook_arg = t};
    struct err e = ERR_INIT;

    if (probe(t->run_dir) < 0)
        return 1;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/admin", t->run_dir);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    peer_format(&self, ROLE_ADMIN, pid, 0);
    t->loop = zloop_new();
    if (t->loop == NULL || (t->bus = bus_connect(t->loop, &config, &e)) == NULL) {
        log_error(NULL, "%s", t->loop == NULL ? "out of memory" : e.text);
        zloop_destroy(&t->loop);
        return 1;
    }
    zloop_timer(t->loop, ANSWER_MS, 1, on_timeout, t);
    zloop_start(t->loop);
    bus_free(t->bus);
    zloop_destroy(&t->loop);
    return t->failed || !t->answered;
}

/* ---- commands ---- */

static int
cmd_status(struct tool *t, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    t->question =
        (struct message){.kind = MSG_ADMIN_ASK, .body.admin_ask.what = "status"};
    return converse(t);
}

static int
cmd_tap(struct tool *t, int argc, char **argv)
{
    int rc;

    (void)argc;
    (void)argv;
    if (*t->record != '\0' && (t->out_file = fopen(t->record, "we")) == NULL) {
        log_error(NULL, "--record: %s: %s", t->record, strerror(errno));
        return 1;
    }
    if (t->out_file != NULL)
        fputs(MAGIC, t->out_file);
    t->tap = true;
    t->question = (struct message){.kind = MSG_ADMIN_TAP,
                                   .body.tap = {.on = true, .kinds = t->kind}};
    rc = converse(t);
    if (t->out_file != NULL && fclose(t->out_file) != 0)
        rc = 1;
    return rc;
}

static int
cmd_replay(struct tool *t, int argc, char **argv)
{
    (void)argc;
    return replay(argv[0], t->kind);
}

static int
cmd_level(struct tool *t, int argc, char **argv)
{
    (void)argc;
    t->question = (struct message){.kind = MSG_LOG_LEVEL,
                                   .body.level = {.worker = argv[0], .level = argv[1]}};
    return converse(t);
}

static const struct command {
    const char *name;
    int n_args;
    int (*run)(struct tool *t, int argc, char **argv);
    const char *help;
} commands[] = {
    {"status", 0, cmd_status, "status                  the tree of workers (--json)"},
    {"tap", 0, cmd_tap,
     "tap                     live traffic, secrets masked (--kind, --record)"},
    {"replay", 1, cmd_replay, "replay FILE             the traffic of a record (--kind)"},
    {"log-level", 2, cmd_level,
     "log-level WORKER LEVEL  of one worker, \"all\" or \"supervisor\""},
};

static int
parse(struct tool *t, int argc, char **argv, int *rest)
{
    const struct flag flags[] = {
        {"run-dir", FLAG_TEXT, &t->run_dir, "DIR",
         "of the supervisor (~/.kelos/local/run)"},
        {"kind", FLAG_TEXT, &t->kind, "NAMES",
         "only these message kinds, comma separated"},
        {"record", FLAG_TEXT, &t->record, "FILE", "keep what the tap shows"},
        {"json", FLAG_SWITCH, &t->json, NULL, "status as JSON"},
        {"protocol-markdown", FLAG_SWITCH, &t->markdown, NULL, "print docs/protocol.md"},
    };
    const struct flag *tables[] = {flags};
    const size_t counts[] = {ARRAY_LEN(flags)};
    struct err e = ERR_INIT;
    int rc = flags_parse(argc, argv, tables, counts, 1, rest, &e);

    if (rc < 0)
        log_error(NULL, "%s", e.text);
    if (rc != 1)
        return rc;
    flags_help("kelos-bus [--run-dir DIR] COMMAND", tables, counts, 1);
    printf("\ncommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  %s\n", commands[i].help);
    return 1;
}

static bool
kinds_exist(const char *kinds)
{
    while (*kinds != '\0') {
        size_t size = strcspn(kinds, ",");
        char name[64];

        snprintf(name, sizeof name, "%.*s", (int)size, kinds);
        if (message_by_name(name) == MSG_NONE) {
            log_error(
                NULL,
                "--kind: there is no message \"%s\" (--protocol-markdown lists them)",
                name);
            return false;
        }
        kinds += size + (kinds[size] == ',');
    }
    return true;
}

static void
default_dir(struct tool *t)
{
    const char *local = getenv("KELOS_LOCAL_DIR"), *home = getenv("HOME");

    if (local != NULL)
        snprintf(t->default_dir, sizeof t->default_dir, "%s/run", local);
    else
        snprintf(t->default_dir, sizeof t->default_dir, "%s/.kelos/local/run",
                 home != NULL ? home : "");
    t->run_dir = t->default_dir;
}

int
main(int argc, char **argv)
{
    static struct tool t = {.kind = "", .record = ""};
    int rest = 0, rc, more;

    log_init("kelos-bus", LEVEL_INFO, LOG_TEXT);
    default_dir(&t);
    if ((rc = parse(&t, argc, argv, &rest)) != 0)
        return rc < 0 ? 2 : 0;
    if (t.markdown) {
        message_write_markdown(stdout);
        return 0;
    }
    for (size_t i = 0; rest < argc && i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[rest], commands[i].name) != 0)
            continue;
        /* Flags may stand behind the command too, before its arguments. */
        if ((rc = parse(&t, argc - rest, argv + rest, &more)) != 0)
            return rc < 0 ? 2 : 0;
        if (argc - rest - more != commands[i].n_args || !kinds_exist(t.kind)) {
            log_error(NULL, "usage: kelos-bus %s", commands[i].help);
            return 2;
        }
        return commands[i].run(&t, commands[i].n_args, argv + rest + more);
    }
    log_error(NULL, "%s; kelos-bus --help lists the commands",
              rest < argc ? "unknown command" : "no command");
    return 2;
}
