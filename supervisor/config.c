/* config.c - see config.h. */
#include "supervisor/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/flags.h"
#include "common/limits.h"
#include "common/value/resourcelist.h"
#include "common/worker/sandbox.h"
#include "supervisor/heartbeat.h"
#include "supervisor/oldflags.h"

#define SHARDS_MAX 64

/* Read by the reconciler, which makes Jobs. */
static const char *const passed_names[] = {
    "claude-code-image",
    "codex-image",
    "gemini-image",
    "opencode-image",
    "cursor-image",
    "claude-code-image-pull-policy",
    "codex-image-pull-policy",
    "gemini-image-pull-policy",
    "opencode-image-pull-policy",
    "cursor-image-pull-policy",
    "reference-grace",
    "git-image",
    "node-image",
    "git-image-pull-policy",
    "node-image-pull-policy",
    "spawner-image",
    "spawner-image-pull-policy",
    "token-refresher-image",
    "token-refresher-image-pull-policy",
    "spawner-isolation",
    "spawner-resource-requests",
    "spawner-resource-limits",
    "controller-address",
    "pod-security",
    "github-token",
    "refuse-pod-overrides",
    "branch-lock",
    "github-api-url",
};

_Static_assert(ARRAY_LEN(passed_names) <= CONFIG_PASSED_MAX,
               "room for every passed flag");

const char *
config_passed_name(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(passed_names) ? passed_names[i] : NULL;
}

static int
parse(struct config *c, int argc, char **argv, struct err *e)
{
    const struct flag own[] = {
        {"run-dir", FLAG_TEXT, &c->run_dir, "DIR",
         "for the sockets; made with mode 0700"},
        {"kubeconfig", FLAG_TEXT, &c->kubeconfig, "FILE",
         "the cluster; empty: in-cluster"},
        {"shards", FLAG_NUMBER, &c->shards, "N", "number of reconcilers (1)"},
        {"local", FLAG_TEXT, &c->local, "DIR",
         "local mode: API server and runner, data in DIR"},
        {"local-port", FLAG_NUMBER, &c->local_port, "N",
         "of the local API server (0: any)"},
        {"node", FLAG_TEXT, &c->node, "NAME",
         "be a node of the cluster: run its Pods here, with data in --local DIR"},
        {"node-jobs", FLAG_SWITCH, &c->node_jobs, NULL,
         "with --node local: make Pods of Jobs too (a kelos-apiserver's cluster)"},
        {"node-tls", FLAG_TEXT, &c->node_tls, "DIR",
         "node.crt, node.key and ca.crt for the endpoint that serves logs"},
        {"share-dir", FLAG_TEXT, &c->share_dir, "DIR", "CRDs and agents"},
        {"metrics-bind-address", FLAG_TEXT, &c->metrics_address, "ADDR",
         "0: off (:8080)"},
        {"health-probe-bind-address", FLAG_TEXT, &c->health_address, "ADDR",
         "0: off (:8081)"},
        {"bus-port", FLAG_NUMBER, &c->bus_port, "N",
         "where spawners in Pods join: shard 0 listens here, shard 1 at N+1 ... (0: none "
         "may; 7440 with --spawner-isolation pod)"},
        {"sandbox", FLAG_TEXT, &c->sandbox, "MODE", "auto, require or off"},
        {"log-level", FLAG_TEXT, &c->log_level, "LEVEL", "error, warn, info or debug"},
        {"log-format", FLAG_TEXT, &c->log_format, "FORMAT", "text or json"},
        {"notify-fd", FLAG_NUMBER, &c->notify_fd, "FD",
         "where \"ready\" is written once"},
        {"api-groups", FLAG_TEXT, &c->api_groups, "LIST",
         "kelos.dev, axon.io: which of them are served (kelos.dev; both in local mode)"},
        {"leader-elect", FLAG_SWITCH, &c->leader_elect, NULL,
         "several controllers may run; the holder of a Lease acts"},
        {"watch-secrets", FLAG_SWITCH, &c->watch_secrets, NULL,
         "a changed Secret takes effect at once, not within a minute; needs the rights "
         "to "
         "list and watch all Secrets"},
        {"once-check-config", FLAG_SWITCH, &c->check_only, NULL,
         "check the flags and exit"},
    };
    struct flag passed[ARRAY_LEN(passed_names)], old[OLDFLAGS_N];
    struct oldflags given = {.devel = true};
    const struct flag *tables[] = {own, passed, old};
    const size_t counts[] = {ARRAY_LEN(own), ARRAY_LEN(passed), OLDFLAGS_N};
    int rest, rc;

    for (size_t i = 0; i < ARRAY_LEN(passed); i++)
        passed[i] = (struct flag){passed_names[i], FLAG_TEXT, &c->passed[i], "TEXT",
                                  "passed on to the reconciler"};
    oldflags_table(&given, old);
    if ((rc = flags_parse(argc, argv, tables, counts, 3, &rest, e)) < 0)
        return -1;
    if (rc == 1) {
        flags_help("kelos-supervisor --run-dir DIR [flags]", tables, counts, 3);
        return 1;
    }
    if (given.report)
        return heartbeat_exec(c->kubeconfig, given.endpoint, given.environment, e);
    if (oldflags_map(&given, &c->log_level, &c->log_format, e) < 0)
        return -1;
    if (rest < argc)
        return err_set(e, ERR_INVALID,
                       "unexpected argument \"%s\" (--help lists the flags)", argv[rest]);
    return 0;
}

/* Passed flags that take one of a few words. */
static const struct {
    const char *name, *words[4];
} choices[] = {
    {"pod-security", {"default", "restricted"}},
    {"spawner-isolation", {"process", "pod"}},
    {"spawner-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"token-refresher-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"github-token", {"env", "file"}},
    {"branch-lock", {"workspace", "repository"}},
    {"claude-code-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"codex-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"gemini-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"opencode-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"cursor-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"git-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
    {"node-image-pull-policy", {"Always", "IfNotPresent", "Never", ""}},
};

static int
check_choice(const char *name, const char *value, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        const char *const *words = choices[i].words;
        size_t n = 0;
        if (strcmp(name, choices[i].name) != 0)
            continue;
        while (n < ARRAY_LEN(choices[i].words) && words[n] != NULL &&
               strcmp(words[n], value) != 0)
            n++;
        if (n == ARRAY_LEN(choices[i].words) || words[n] == NULL)
            return err_set(e, ERR_INVALID, "--%s: \"%s\" is not %s, %s%s%s", name, value,
                           words[0], words[1], words[2] != NULL ? ", " : "",
                           words[2] != NULL ? words[2] : "");
    }
    return 0;
}

static int
check_url(const char *name, const char *value, struct err *e)
{
    const char *host = strstr(value, "://");
    size_t size = strlen(value);

    if (strcmp(name, "github-api-url") != 0 || size == 0)
        return 0;
    if ((strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0) ||
        host[3] == '\0' || host[3] == '/' || value[size - 1] == '/' ||
        strpbrk(value, " ?#") != NULL)
        return err_set(e, ERR_INVALID,
                       "--%s: \"%s\" is not like https://HOST/PATH, without a slash at "
                       "its end",
                       name, value);
    return 0;
}

static const char *
passed(const struct config *c, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(passed_names); i++)
        if (strcmp(passed_names[i], name) == 0)
            return c->passed[i];
    return NULL;
}

/* Said here, where somebody reads it, and not by a reconciler that does not start. */
static int
check_resources(const struct config *c, struct err *e)
{
    static const char *const flags[] = {"spawner-resource-requests",
                                        "spawner-resource-limits"};
    struct resource_list lists[ARRAY_LEN(flags)] = {{.n = 0}};

    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        const char *text = passed(c, flags[i]);

        if (text != NULL && resource_list_parse(text, &lists[i], e) < 0)
            return err_wrap(e, "--%s", flags[i]);
    }
    return resource_list_within(&lists[0], &lists[1], e) < 0
               ? err_wrap(e, "--%s", flags[0])
               : 0;
}

/* Sources in Pods need a port to join. */
static void
default_bus_port(struct config *c)
{
    const char *mode = passed(c, "spawner-isolation");

    if (mode != NULL && strcmp(mode, "pod") == 0 && c->bus_port == 0)
        c->bus_port = CONFIG_BUS_PORT;
}

static int
check(struct config *c, struct err *e)
{
    enum sandbox_mode mode;

    default_bus_port(c);
    if (*c->run_dir == '\0')
        return err_set(e, ERR_INVALID,
                       "--run-dir: missing; give a directory for the sockets");
    if (c->shards < 1 || c->shards > SHARDS_MAX)
        return err_set(e, ERR_INVALID, "--shards: %lld is not within 1..%d",
                       (long long)c->shards, SHARDS_MAX);
    if (c->local_port < 0 || c->local_port > 65535)
        return err_set(e, ERR_INVALID, "--local-port: %lld is no port",
                       (long long)c->local_port);
    if (c->bus_port < 0 || c->bus_port + c->shards - 1 > 65535)
        return err_set(e, ERR_INVALID,
                       "--bus-port: %lld leaves no port for each of %lld shards",
                       (long long)c->bus_port, (long long)c->shards);
    if (*c->node != '\0' && (*c->local == '\0' || *c->kubeconfig == '\0'))
        return err_set(e, ERR_INVALID,
                       "--node: give --kubeconfig of the cluster and --local DIR too");
    if (*c->node == '\0' && *c->local != '\0' && *c->kubeconfig != '\0')
        return err_set(e, ERR_INVALID,
                       "--local and --kubeconfig: give one of them; local mode "
                       "writes its own kubeconfig");
    for (size_t i = 0; i < ARRAY_LEN(passed_names); i++)
        if (c->passed[i] != NULL && (check_choice(passed_names[i], c->passed[i], e) < 0 ||
                                     check_url(passed_names[i], c->passed[i], e) < 0))
            return -1;
    if (check_resources(c, e) < 0)
        return -1;
    if (sandbox_mode_parse(c->sandbox, &mode) < 0)
        return err_set(e, ERR_INVALID, "--sandbox: \"%s\" is not auto, require or off",
                       c->sandbox);
    if (log_level_parse(c->log_level, &c->level) < 0)
        return err_set(e, ERR_INVALID,
                       "--log-level: \"%s\" is not error, warn, info or debug",
                       c->log_level);
    if (log_format_parse(c->log_format, &c->format) < 0)
        return err_set(e, ERR_INVALID, "--log-format: \"%s\" is neither text nor json",
                       c->log_format);
    return 0;
}

/* An absolute form of a path that need not exist yet. */
static int
absolute(const char *path, char *out, size_t size, const char *flag, struct err *e)
{
    char cwd[PATH_MAX];
    int n;

    if (path[0] == '/')
        n = snprintf(out, size, "%s", path);
    else if (getcwd(cwd, sizeof cwd) == NULL)
        return err_errno(e, "--%s: working directory", flag);
    else
        n = snprintf(out, size, "%s/%s", cwd, path);
    if (n < 0 || (size_t)n >= size)
        return err_set(e, ERR_INVALID, "--%s: path too long", flag);
    while (n > 1 && out[n - 1] == '/')
        out[--n] = '\0';
    return 0;
}

/* share/kelos beside bin: build/bin → build/share/kelos, libexec/kelos → share/kelos. */
static void
find_share(struct config *c)
{
    static const char *const tries[] = {"../share/kelos", "../../share/kelos"};
    struct stat st;

    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        char path[PATH_MAX + 32];

        snprintf(path, sizeof path, "%s/%s", c->bin_dir, tries[i]);
        if (stat(path, &st) == 0 && realpath(path, c->share_path) != NULL)
            return;
    }
    c->share_path[0] = '\0';
}

static int
derive(struct config *c, struct err *e)
{
    ssize_t n = readlink("/proc/self/exe", c->bin_dir, sizeof c->bin_dir - 1);

    if (n < 0)
        return err_errno(e, "/proc/self/exe");
    c->bin_dir[n] = '\0';
    *strrchr(c->bin_dir, '/') = '\0';
    if (absolute(c->run_dir, c->run_path, sizeof c->run_path, "run-dir", e) < 0)
        return -1;
    /* There the CRDs of both are always installed. */
    if (*c->local != '\0' && c->api_groups == NULL)
        c->api_groups = "kelos.dev,axon.io";
    if (*c->local != '\0') {
        if (absolute(c->local, c->local_path, sizeof c->local_path, "local", e) < 0)
            return -1;
        snprintf(c->kubeconfig_path, sizeof c->kubeconfig_path, "%s/kubeconfig",
                 c->local_path);
    }
    if (*c->kubeconfig != '\0' &&
        absolute(c->kubeconfig, c->kubeconfig_path, PATH_MAX, "kubeconfig", e) < 0)
        return -1;
    if (*c->share_dir != '\0')
        return absolute(c->share_dir, c->share_path, sizeof c->share_path, "share-dir",
                        e);
    find_share(c);
    if (*c->local != '\0' && c->share_path[0] == '\0')
        return err_set(
            e, ERR_NOT_FOUND,
            "--share-dir: no share/kelos beside %s; say where the CRDs and agents are",
            c->bin_dir);
    return 0;
}

int
config_parse(struct config *c, int argc, char **argv, struct err *e)
{
    int rc;

    memset(c, 0, sizeof *c);
    c->run_dir = c->kubeconfig = c->local = c->share_dir = c->node = c->node_tls = "";
    c->metrics_address = ":8080";
    c->health_address = ":8081";
    c->sandbox = "auto";
    c->log_level = "info";
    c->log_format = "text";
    c->shards = 1;
    c->notify_fd = -1;
    if ((rc = parse(c, argc, argv, e)) != 0)
        return rc;
    return check(c, e) < 0 ? -1 : derive(c, e);
}
