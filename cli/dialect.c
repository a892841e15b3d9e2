/* dialect.c - see dialect.h. */
#include "cli/dialect.h"

#include <stddef.h>
#include <string.h>

static const struct dialect kelos = {
    .program = "kelos",
    .config = ".kelos/config.yaml",
    .config_variable = "KELOS_CONFIG",
    .credential_secret = "kelos-credentials",
    .workspace = "kelos-workspace",
    .workspace_secret = "kelos-workspace-credentials",
};
static const struct dialect axon = {
    .program = "axon",
    .config = ".axon/config.yaml",
    .config_variable = "AXON_CONFIG",
    .credential_secret = "axon-credentials",
    .workspace = "axon-workspace",
    .workspace_secret = "axon-workspace-credentials",
    .older = true,
};
static const struct dialect *chosen = &kelos;

void
dialect_choose(const char *argv0)
{
    const char *slash = argv0 != NULL ? strrchr(argv0, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argv0;

    chosen = name != NULL && strcmp(name, axon.program) == 0 ? &axon : &kelos;
}

const struct dialect *
dialect(void)
{
    return chosen;
}

const struct kube_resource *
dialect_res(enum kube_res id)
{
    if (chosen->older)
        switch ((int)id) {
        case KUBE_TASKS:
            return kube_res(KUBE_AXON_TASKS);
        case KUBE_WORKSPACES:
            return kube_res(KUBE_AXON_WORKSPACES);
        case KUBE_TASK_SPAWNERS:
            return kube_res(KUBE_AXON_TASK_SPAWNERS);
        }
    return kube_res(id);
}
