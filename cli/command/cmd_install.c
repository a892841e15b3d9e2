/* cmd_install.c - kelos install: the controller on a cluster. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/install/apply.h"
#include "cli/install/bundle.h"
#include "cli/install/report.h"
#include "cli/install/wish.h"
#include "cli/print.h"
#include "common/clock.h"
#include "common/data/json.h"

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

/* What the heartbeat would send of this cluster now. */
static int
show_heartbeat(struct cli *c, const json_t *values, struct err *e)
{
    SCOPED(string) char *text = NULL;

    if (!json_bool_or(values, "telemetry.enabled", false))
        return 0;
    text = report_text(c, "kelos-system",
                       json_str_or(values, "telemetry.environment", ""), false, e);
    if (text == NULL)
        return err_wrap(e, "what the heartbeat sends");
    printf("The heartbeat sends this to %s, at \"%s\":\n%s\n",
           json_str_or(values, "telemetry.endpoint", ""),
           json_str_or(values, "telemetry.schedule", ""), text);
    return 0;
}

static int
install(struct cli *c, const struct bundle *b, const json_t *values, struct err *e)
{
    int64_t timeout_ms, deadline_ms;
    bool wait = !args_given(c->args, "wait") || args_bool(c->args, "wait");

    if (install_timeout(c->args, &timeout_ms, e) < 0 || cli_kube(c, e) == NULL)
        return -1;
    deadline_ms = clock_mono_ms() + timeout_ms;
    printf("Installing the definitions\n");
    if (install_apply(c, b->crds, deadline_ms, e) < 0 ||
        install_wait_crds(c, b->crds, deadline_ms, e) < 0)
        return -1;
    printf("Installing the controller, version %s\n",
           json_str_or(values, "image.tag", ""));
    if (install_apply(c, b->controller, deadline_ms, e) < 0 || install_prune(c, b, e) < 0)
        return -1;
    if (show_heartbeat(c, values, e) < 0)
        return -1;
    if (wait && install_wait_rollout(c, b->controller, deadline_ms, e) < 0)
        return -1;
    printf("Kelos is installed\n");
    return 0;
}

static int
run_install(struct cli *c, struct err *e)
{
    SCOPED(values) struct values v = {NULL, NULL};
    SCOPED(bundle) struct bundle b = {NULL, NULL};

    if (wish_read(c->args, &v, e) < 0 || bundle_read(v.root, &b, e) < 0)
        return -1;
    bundle_tailor(&b, v.root);
    return args_bool(c->args, "dry-run") ? print_all(&b, e) : install(c, &b, v.root, e);
}

const struct command command_install = {
    .name = "install",
    .summary = "Install or upgrade the controller on a cluster",
    .examples =
        "  kelos install\n"
        "  kelos install --dry-run > kelos.yaml\n"
        "  kelos install --version v1.2.0 --image-pull-policy IfNotPresent\n"
        "  kelos install --network-policies team-a,team-b --replicas 2\n"
        "  kelos install -f values.yaml --set controller.resources.limits.cpu=1\n",
    .flags = {install_flags, INSTALL_FLAGS},
    .no_config = true,
    .cluster_only = true,
    .run = run_install,
};
