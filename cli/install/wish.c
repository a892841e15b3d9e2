/* wish.c - see wish.h. */
#include "cli/install/wish.h"

#include <stdio.h>
#include <string.h>

#include "cli/dialect.h"
#include "cli/install/report.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "version.h"

#define TEXT(flag, word, words)                                                          \
    {                                                                                    \
        .name = (flag), .type = FLAG_STRING, .value = (word),                            \
        .complete = COMPLETE_NOTHING, .help = (words)                                    \
    }
#define SWITCH(flag, words)                                                              \
    {                                                                                    \
        .name = (flag), .type = FLAG_BOOL, .help = (words)                               \
    }
#define SETTINGS(flag, word, words)                                                      \
    {                                                                                    \
        .name = (flag), .type = FLAG_ARRAY, .value = (word), .help = (words)             \
    }

const struct flag install_flags[] = {
    SWITCH("dry-run", "print the manifests, ask no cluster"),
    TEXT("version", "TAG", "tag of all images (default: this program's version)"),
    TEXT("image-pull-policy", "POLICY", "Always, IfNotPresent or Never, for every image"),
    SWITCH("with-axon", "serve the older group axon.io, too"),
    TEXT("spawner-isolation", "MODE",
         "pod: each TaskSpawner polls in a Pod of its own; process: those that ask for "
         "it (default: none, and no rights for it)"),
    SWITCH("watch-secrets",
           "a changed Secret takes effect at once; adds the right to list and watch all "
           "Secrets (default: within a minute, and no right for it)"),
    TEXT("spawner-resource-requests", "LIST",
         "of a source's Pod, e.g. cpu=5m,memory=16Mi"),
    TEXT("spawner-resource-limits", "LIST", "of a source's Pod, e.g. memory=128Mi"),
    TEXT("replicas", "N", "controllers; all but the leader stand by (default 1)"),
    TEXT("controller-resource-requests", "LIST", "e.g. cpu=50m,memory=64Mi"),
    TEXT("controller-resource-limits", "LIST", "e.g. cpu=1,memory=256Mi"),
    SWITCH("pod-disruption-budget", "a drain takes one controller away at a time"),
    {.name = "network-policies",
     .type = FLAG_SLICE,
     .value = "NAMESPACES",
     .complete = COMPLETE_NOTHING,
     .help = "agents in these namespaces reach DNS, HTTPS and Git outside, nothing else"},
    SWITCH("pod-monitor", "figures for the Prometheus Operator, which has to be there"),
    SWITCH("enable-heartbeat",
           "report counts once a day; prints what is sent (default: nothing is)"),
    SWITCH("enable-telemetry", "the same"),
    SWITCH("disable-heartbeat", "as it is by default; one that is there goes"),
    TEXT("telemetry-endpoint", "URL", "where the heartbeat goes; has no default"),
    {.name = "values",
     .letter = 'f',
     .type = FLAG_ARRAY,
     .value = "FILE",
     .help = "values of the Helm chart, - for standard input; the last one wins"},
    SETTINGS("set", "PATH=VALUE", "one value: image.tag=v1, or several with commas"),
    SETTINGS("set-string", "PATH=TEXT", "likewise, always as text"),
    SETTINGS("set-file", "PATH=FILE", "likewise, the contents of a file"),
    SWITCH("wait",
           "return when the controller is ready (default; --wait=false does not wait)"),
    TEXT("timeout", "DURATION", "how long to wait, e.g. 10m (default 5m)"),
};
_Static_assert(ARRAY_LEN(install_flags) == INSTALL_FLAGS, "the header counts the flags");

/* Flags that are one value each. */
static const struct {
    const char *flag, *path;
} texts[] = {
    {"version", "image.tag"},
    {"image-pull-policy", "image.pullPolicy"},
    {"spawner-isolation", "spawner.isolation"},
    {"telemetry-endpoint", "telemetry.endpoint"},
};
static const struct {
    const char *flag, *path;
    bool value; /* what the flag means */
} switches[] = {
    {"with-axon", "axon.enabled", true},
    {"watch-secrets", "controller.watchSecrets", true},
    {"pod-disruption-budget", "podDisruptionBudget.enabled", true},
    {"pod-monitor", "podMonitor.enabled", true},
    {"enable-heartbeat", "telemetry.enabled", true},
    {"enable-telemetry", "telemetry.enabled", true},
    {"disable-heartbeat", "telemetry.enabled", false},
};
static const struct {
    const char *flag, *path;
} resources[] = {
    {"spawner-resource-requests", "spawner.resources.requests"},
    {"spawner-resource-limits", "spawner.resources.limits"},
    {"controller-resource-requests", "controller.resources.requests"},
    {"controller-resource-limits", "controller.resources.limits"},
};

static int
read_files(const struct args *a, struct values *v, struct err *e)
{
    char *const *files;
    size_t n = args_list(a, "values", &files), in = 0;

    for (size_t i = 0; i < n; i++) {
        in += strcmp(files[i], "-") == 0;
        if (in > 1)
            return err_set(e, ERR_INVALID,
                           "--values -: standard input can be read once only");
        if (values_file(v, files[i], e) < 0)
            return -1;
    }
    return 0;
}

/* cpu=50m,memory=64Mi into the map at `path`, what it does not name stays. */
static int
read_quantities(struct values *v, const char *flag, const char *path, const char *text,
                struct err *e)
{
    while (*text != '\0') {
        size_t size = strcspn(text, ","), key = strcspn(text, "=");
        json_t *map = json_at(v->root, path);
        char name[64];

        if (key == 0 || key >= size || key + 1 == size || key >= sizeof(name))
            return err_set(e, ERR_INVALID,
                           "--%s \"%s\": expected e.g. cpu=50m,memory=64Mi", flag, text);
        snprintf(name, sizeof(name), "%.*s", (int)key, text);
        json_object_set_new(map, name, json_stringn(text + key + 1, size - key - 1));
        text += size + (text[size] == ',');
    }
    return 0;
}

static int
read_replicas(const struct args *a, struct values *v, struct err *e)
{
    const char *text = args_string(a, "replicas");
    int64_t n = 0;

    if (!args_given(a, "replicas"))
        return 0;
    if (text[0] == '\0' || strlen(text) > 3 || strspn(text, "0123456789") != strlen(text))
        return err_set(e, ERR_INVALID,
                       "--replicas \"%s\": expected a number from 0 to 100", text);
    for (; *text != '\0'; text++)
        n = n * 10 + (*text - '0');
    values_put(v, "controller.replicas", json_integer(n));
    return 0;
}

static void
read_namespaces(const struct args *a, struct values *v)
{
    char *const *names;
    size_t n = args_list(a, "network-policies", &names);
    json_t *list = json_array();

    if (n == 0) {
        json_decref(list);
        return;
    }
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    values_put(v, "networkPolicies.enabled", json_true());
    values_put(v, "networkPolicies.namespaces", list);
}

static int
read_named(const struct args *a, struct values *v, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (args_given(a, texts[i].flag))
            values_put(v, texts[i].path, json_string(args_string(a, texts[i].flag)));
    for (size_t i = 0; i < ARRAY_LEN(switches); i++)
        if (args_given(a, switches[i].flag))
            values_put(v, switches[i].path,
                       json_boolean(args_bool(a, switches[i].flag) == switches[i].value));
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (read_quantities(v, resources[i].flag, resources[i].path,
                            args_string(a, resources[i].flag), e) < 0)
            return -1;
    read_namespaces(a, v);
    return read_replicas(a, v, e);
}

static int
read_settings(const struct args *a, struct values *v, struct err *e)
{
    static const struct {
        const char *flag;
        enum values_how how;
    } ways[] = {
        {"set", VALUES_TYPED}, {"set-string", VALUES_TEXT}, {"set-file", VALUES_FILE}};

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        char *const *list;
        size_t n = args_list(a, ways[i].flag, &list);

        for (size_t j = 0; j < n; j++)
            if (values_set(v, list[j], ways[i].how, e) < 0)
                return -1;
    }
    return 0;
}

int
wish_read(const struct args *a, struct values *v, struct err *e)
{
    json_t *defaults = values_defaults(e);

    if (defaults == NULL)
        return -1;
    values_start(v, defaults);
    if (dialect()->older)
        values_put(v, "axon.enabled", json_true());
    if (read_files(a, v, e) < 0 || read_named(a, v, e) < 0 ||
        read_settings(a, v, e) < 0 || values_check(v, e) < 0) {
        values_release(v);
        return -1;
    }
    if (json_bool_or(v->root, "telemetry.enabled", false) && report_unwanted()) {
        fprintf(stderr, "DO_NOT_TRACK is set: no heartbeat is installed\n");
        values_put(v, "telemetry.enabled", json_false());
    }
    if (json_str_or(v->root, "image.tag", "")[0] == '\0')
        values_put(v, "image.tag", json_string(KELOS_VERSION));
    return 0;
}
