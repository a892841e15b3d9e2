/* profile.c - see profile.h. */
#include "reconciler/profile.h"

#include <stddef.h>
#include <string.h>

#include "common/macros.h"

/* Rows in the order of API_PROFILE in proto/kinds.def. */
static const struct profile profiles[] = {
    {
        .group = "kelos.dev",
        .api_version = "kelos.dev/v1alpha1",
        .task_finalizer = "kelos.dev/finalizer",
        .spawner_finalizer = "kelos.dev/taskspawner-finalizer",
        .label_task = "kelos.dev/task",
        .label_spawner = "kelos.dev/taskspawner",
        .note_ordinal = "kelos.dev/ordinal",
        .note_creating = "kelos.dev/creating",
        .note_revision = "kelos.dev/revision",
        .note_isolation = "kelos.dev/isolation",
        .note_bus_mark = "kelos.dev/bus-key",
        .note_cancel = "kelos.dev/cancel",
        .note_kind = "kelos.dev/source-kind",
        .note_number = "kelos.dev/source-number",
        .label_credential = "kelos.dev/spawner-credential",
        .note_sha = "kelos.dev/source-sha",
        .label_name = "kelos",
        .managed_by = "kelos-controller",
        .entrypoint = "/kelos_entrypoint.sh",
        .env_model = NULL,
        .spawner_account = "kelos-spawner",
        .spawner_role = "kelos-spawner-role",
        .task_results = true,
        .task_conditions = true,
        .task_waiting = true,
        .retry_disruption = true,
        .codex_oauth_file = true,
        .events = true,
        .default_images = {"kelos-dev/claude-code:latest", "kelos-dev/codex:latest",
                           "kelos-dev/gemini:latest", "kelos-dev/opencode:latest",
                           "kelos-dev/cursor:latest"},
    },
    {
        .group = "axon.io",
        .api_version = "axon.io/v1alpha1",
        .task_finalizer = "axon.io/finalizer",
        .spawner_finalizer = "axon.io/taskspawner-finalizer",
        .label_task = "axon.io/task",
        .label_spawner = "axon.io/taskspawner",
        .note_ordinal = "axon.io/ordinal",
        .note_creating = "axon.io/creating",
        .note_revision = "axon.io/revision",
        .note_isolation = "axon.io/isolation",
        .note_bus_mark = "axon.io/bus-key",
        .note_cancel = "axon.io/cancel",
        .note_kind = "axon.io/source-kind",
        .note_number = "axon.io/source-number",
        .label_credential = "axon.io/spawner-credential",
        .note_sha = "axon.io/source-sha",
        .label_name = "axon",
        .managed_by = "axon-controller",
        .entrypoint = "/axon_entrypoint.sh",
        .env_model = "AXON_MODEL",
        .spawner_account = "axon-spawner",
        .spawner_role = "axon-spawner-role",
        .task_results = false,
        .task_conditions = false,
        .task_waiting = false,
        .retry_disruption = false,
        .codex_oauth_file = false,
        .events = true,
        .default_images = {"gjkim42/claude-code:latest", "gjkim42/codex:latest",
                           "gjkim42/gemini:latest", "kelos-dev/opencode:latest",
                           "kelos-dev/cursor:latest"},
    },
};

const struct profile *
profile_of(unsigned index)
{
    return index < ARRAY_LEN(profiles) ? &profiles[index] : NULL;
}

unsigned
profile_count(void)
{
    return ARRAY_LEN(profiles);
}

int
profile_by_api_version(const char *api_version)
{
    for (unsigned i = 0; i < ARRAY_LEN(profiles); i++)
        if (api_version != NULL && strcmp(profiles[i].api_version, api_version) == 0)
            return (int)i;
    return -1;
}
