/* planconfig.c - what a TaskSpawner's spec says of itself: whether it can work, how often it polls. */
#include "reconciler/plan/plan.h"

#include <string.h>

#include "common/value/cronexpr.h"
#include "common/value/duration.h"

/* Below it a source would be asked in a busy loop. */
#define POLL_FLOOR_MS 1000

bool
plan_config_error(const struct spawner_view *s, char *out, size_t room)
{
    struct err e = ERR_INIT;

    if (s->view.wrong != NULL) {
        snprintf(out, room, "%s", s->view.wrong);
        return true;
    }
    if (s->n_sources != 1) {
        snprintf(out, room,
                 "spec.when: holds %zu sources, exactly one of githubIssues, "
                 "githubPullRequests, jira and cron is needed",
                 s->n_sources);
        return true;
    }
    if (strlen(s->view.meta.name) > 63) {
        snprintf(out, room,
                 "metadata.name: has %zu characters, the label of its Tasks may have 63",
                 strlen(s->view.meta.name));
        return true;
    }
    if (source_is_github(s->source) && s->workspace == NULL) {
        snprintf(out, room, "taskTemplate.workspaceRef is required when using %s source",
                 source_kind_name(s->source));
        return true;
    }
    if (s->source != SOURCE_CRON)
        return false;
    SCOPED(cronexpr)
    struct cronexpr *c = cronexpr_parse_in(s->schedule != NULL ? s->schedule : "",
                                           s->time_zone != NULL ? s->time_zone : "",
                                           CRONEXPR_DESCRIPTORS, &e);
    if (c == NULL)
        snprintf(out, room, "parsing cron schedule \"%s\": %s",
                 s->schedule != NULL ? s->schedule : "", e.text);
    return c == NULL;
}

int64_t
plan_poll_ms(const struct spawner_view *s)
{
    int64_t ns = DURATION_POLL_DEFAULT_NS;

    duration_poll_parse(s->poll_interval, &ns);
    return ns / 1000000 > POLL_FLOOR_MS ? ns / 1000000 : POLL_FLOOR_MS;
}
