/* planwarning.c - see planwarning.h. */
#include "reconciler/plan/planwarning.h"

#include <string.h>

#include "common/clock.h"
#include "common/macros.h"
#include "common/value/duration.h"

/* Stored, so that it is seen and said, and then left alone. */
static const struct {
    const char *path, *what;
} not_acted_on[] = {
    {"spec.when.githubIssues.reporting", "nothing is written back to GitHub"},
    {"spec.when.githubPullRequests.reporting", "nothing is written back to GitHub"},
    {"spec.taskTemplate.contextSources",
     "nothing is fetched, templates have no .Context"},
};

static const json_t *
at(const struct spawner_view *s, const char *path)
{
    static const char when[] = "spec.when.", task[] = "spec.taskTemplate.";

    if (strncmp(path, when, sizeof when - 1) == 0)
        return json_at(s->when, path + sizeof when - 1);
    return json_at(s->template_, path + sizeof task - 1);
}

/* What is switched off is not missed. */
static bool
is_wanted(const json_t *value)
{
    size_t n = json_object_size(value);

    if (n == 1 && json_is_false(json_object_get(value, "enabled")))
        return false;
    return n + json_array_size(value) > 0;
}

static const char *
interval(const struct spawner_view *s, struct pool *a)
{
    int64_t ns;

    if (s->source == SOURCE_CRON)
        return NULL;
    switch (duration_poll_parse(s->poll_interval, &ns)) {
    case DURATION_POLL_GOOD:
        return NULL;
    case DURATION_POLL_UNREAD:
        return pool_printf(
            a,
            "spec.pollInterval: \"%s\" is not a duration such as 30s or 5m, five "
            "minutes are used",
            s->poll_interval);
    case DURATION_POLL_NEGATIVE:
        break;
    }
    return pool_printf(a,
                       "spec.pollInterval: \"%s\" is not above zero, one second is used",
                       s->poll_interval);
}

struct plan_warning
plan_config_warning(const struct spawner_view *s, struct pool *a)
{
    struct plan_warning w = {"PollInterval", interval(s, a)};

    for (size_t i = 0; i < ARRAY_LEN(not_acted_on); i++) {
        if (!is_wanted(at(s, not_acted_on[i].path)))
            continue;
        if (w.text == NULL)
            w.reason = "NotActedOn";
        w.text = pool_printf(a, "%s%s%s: not acted on, %s", w.text != NULL ? w.text : "",
                             w.text != NULL ? "; " : "", not_acted_on[i].path,
                             not_acted_on[i].what);
    }
    return w;
}

const char *
plan_quota_warning(const struct plan_quota *q, struct pool *a)
{
    char until[RFC3339_SIZE] = "it is renewed";

    if (q->limit <= 0 || q->left < 0 || q->left * 10 >= q->limit)
        return NULL;
    if (q->reset_ms > 0)
        rfc3339_format(q->reset_ms, until);
    return pool_printf(
        a,
        "less than a tenth of the credential's %lld requests is left until %s: "
        "the source is asked half as often",
        (long long)q->limit, until);
}
