/* cmd_install.c - kelos install: the controller on a cluster. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/install/apply.h"
#include "cli/install/bundle.h"
#include "cli/print.h"
#include "common/clock.h"
#include "common/value/duration.h"
#include "version.h"

static const struct flag flags[] = {
    {.name = "dry-run", .type = FLAG_BOOL, .help = "print the manifests, ask no cluster"},
    {.name = "version",
     .type = FLAG_STRING,
     .value = "TAG",
     .complete = COMPLETE_NOTHING,
     .help = "tag of all images (default: this program's version)"},
    {.name = "image-pull-policy",
     .type = FLAG_STRING,
     .value = "POLICY",
     .complete = COMPLETE_NOTHING,
     .help = "Always, IfNotPresent or Never, for every image"},
    {.name = "with-axon",
     .type = FLAG_BOOL,
     .help = "serve the older group axon.io, too"},
    {.name = "spawner-isolation",
     .type = FLAG_STRING,
     .value = "MODE",
     .complete = COMPLETE_NOTHING,
     .help =
         "pod: each TaskSpawner polls in a Pod of its own; process: those that ask for "
         "it (default: none, and no rights for it)"},
    {.name = "watch-secrets",
     .type = FLAG_BOOL,
     .help =
         "a changed Secret takes effect at once; adds the right to list and watch all "
         "Secrets (default: within a minute, and no right for it)"},
    {.name = "disable-heartbeat",
     .type = FLAG_BOOL,
     .help =
         "accepted for old scripts: there is no heartbeat, and one that is there goes"},
    {.name = "wait",
     .type = FLAG_BOOL,
     .help = "return when the controller is ready (default; --wait=false does not wait)"},
    {.name = "timeout",
     .type = FLAG_STRING,
     .value = "DURATION",
     .complete = COMPLETE_NOTHING,
     .help = "how long to wait, e.g. 10m (default 5m)"},
};

static int
read_timeout(const struct args *a, int64_t *ms, struct err *e)
{
    const char *text = args_string(a, "timeout");
    int64_t ns;

    *ms = 300000;
    if (!args_given(a, "timeout"))
        return 0;
    if (duration_parse(text, &ns) < 0 || ns <= 0)
        return err_set(e, ERR_INVALID, "--timeout \"%s\": expected e.g. 90s or 10m",
                       text);
    *ms = ns / 1000000;
    return 0;
}

static int
print_all(const struct bundle *b, struct err *e)
{
    const json_t *const lists[] = {b->crds, b->controller};
    SCOPED(buf) struct buf out = BUF_INIT;
    size_t i;
    json_t *object;

    for (size_t n = 0; n < ARRAY_LEN(lists); n++)
        json_array_foreach((json_t *)lists[n], i, object)
        {
            if (n + i > 0)
                buf_add_str(&out, "---\n");
            if (print_object(PRINT_YAML, object, &out, e) < 0)
                return -1;
        }
    return print_flush(&out, e);
}

static int
install(struct cli *c, const struct bundle *b, const char *version, struct err *e)
{
    int64_t timeout_ms, deadline_ms;
    bool wait = !args_given(c->args, "wait") || args_bool(c->args, "wait");

    if (read_timeout(c->args, &timeout_ms, e) < 0 || cli_kube(c, e) == NULL)
        return -1;
    deadline_ms = clock_mono_ms() + timeout_ms;
    printf("Installing the definitions\n");
    if (install_apply(c, b->crds, deadline_ms, e) < 0 ||
        install_wait_crds(c, b->crds, deadline_ms, e) < 0)
        return -1;
    printf("Installing the controller, version %s\n", version);
    if (install_apply(c, b->controller, deadline_ms, e) < 0 || install_prune(c, b, e) < 0)
        return -1;
    if (wait && install_wait_rollout(c, b->controller, deadline_ms, e) < 0)
        return -1;
    printf("Kelos is installed\n");
    return 0;
}

static int
run_install(struct cli *c, struct err *e)
{
    const char *version = args_string(c->args, "version");
    struct bundle_wish wish = {
        .version = version[0] != '\0' ? version : KELOS_VERSION,
        .pull_policy = args_string(c->args, "image-pull-policy"),
        .axon = args_bool(c->args, "with-axon"),
        .isolation = args_string(c->args, "spawner-isolation"),
        .secrets = args_bool(c->args, "watch-secrets"),
    };
    SCOPED(bundle) struct bundle b = {NULL, NULL};
    bool isolation = wish.isolation[0] != '\0';

    if (isolation && strcmp(wish.isolation, "pod") != 0 &&
        strcmp(wish.isolation, "process") != 0)
        return err_set(e, ERR_INVALID, "--spawner-isolation \"%s\": is process or pod",
                       wish.isolation);
    if (bundle_read((wish.axon ? BUNDLE_AXON : 0) | (isolation ? BUNDLE_ISOLATION : 0) |
                        (wish.secrets ? BUNDLE_SECRETS : 0),
                    &b, e) < 0)
        return -1;
    bundle_tailor(&b, &wish);
    return args_bool(c->args, "dry-run") ? print_all(&b, e)
                                         : install(c, &b, wish.version, e);
}

const struct command command_install = {
    .name = "install",
    .summary = "Install or upgrade the controller on a cluster",
    .examples = "  kelos install\n"
                "  kelos install --dry-run > kelos.yaml\n"
                "  kelos install --version v1.2.0 --image-pull-policy IfNotPresent\n",
    .flags = FLAGS(flags),
    .no_config = false,
    .run = run_install,
};
