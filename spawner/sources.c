/* sources.c - the table of sources. */
#include <string.h>

#include "spawner/source.h"
#include "spawner/source_cron.h"
#include "spawner/source_github.h"
#include "spawner/source_jira.h"

const struct source_type *const source_types[] = {&source_github, &source_jira,
                                                  &source_cron, NULL};

const struct source_type *
source_type(const char *name)
{
    /* As a TaskSpawner spells it. */
    if (strcmp(name, "githubIssues") == 0 || strcmp(name, "githubPullRequests") == 0)
        return &source_github;
    for (size_t i = 0; source_types[i] != NULL; i++)
        if (strcmp(source_types[i]->name, name) == 0)
            return source_types[i];
    return NULL;
}
