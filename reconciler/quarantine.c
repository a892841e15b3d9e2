/* quarantine.c - see quarantine.h. */
#include "reconciler/quarantine.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/condition.h"
#include "reconciler/writes.h"

static const char why[] = "Processing this object ended the controller's process several "
                          "times; it is tried again every 10 minutes";

json_t *
quarantine_patch(const struct view *v, int64_t now_ms)
{
    const struct profile *p = profile_of(v->meta.profile);

    if (v->kind == KIND_TASK ? !p->task_results : !p->task_conditions)
        return NULL;
    SCOPED(json) json_t *list = condition_list(v);
    if (!condition_set(list, QUARANTINE_CONDITION, true, "ProcessDied", why,
                       v->meta.generation, now_ms))
        return NULL;
    return json_pack("{s:{s:o}}", "status", "conditions", TAKE(list));
}

static void
on_told(void *arg, enum write_code code, const char *version, const char *message)
{
    const char *key = arg;

    (void)version;
    if (code == WRITE_REFUSED) /* its next event has a newer view, and tells again */
        log_info(key, "condition %s: %s", QUARANTINE_CONDITION, message);
    free(arg);
}

static void
tell(struct shard *s, const char *key)
{
    char ns[64], name[254];
    unsigned profile, kind;
    bool task;

    if (!shard_parse_key(key, &task, &profile, ns, name))
        return;
    kind = task ? KIND_TASK : KIND_TASK_SPAWNER;
    const struct view *v = store_get(s->store, kind, profile, ns, name);
    if (v == NULL)
        return;
    writes_event(s->writes, kind, &v->meta, true, QUARANTINE_CONDITION, why);
    json_t *patch = quarantine_patch(v, clock_wall_ms());
    if (patch == NULL)
        return;
    /* The list is replaced whole: the server is to say whether it is still the one in view. */
    json_object_set_new(patch, "metadata",
                        json_pack("{s:s}", "resourceVersion", v->meta.version));
    writes_status(s->writes, kind, &v->meta, patch, on_told, strdup(key));
}

bool
quarantine_holds(struct shard *s, const char *key)
{
    int64_t now = clock_mono_ms(), *until = zhashx_lookup(s->held, key);

    if (!worker_quarantined(s->worker, key))
        return false;
    if (until == NULL) {
        if ((until = calloc(1, sizeof *until)) == NULL)
            abort();
        zhashx_insert(s->held, key, until);
        *until = now + QUARANTINE_MS;
        log_error(key,
                  "was being processed at several deaths of this process: left alone for "
                  "10 minutes");
    } else if (now >= *until) {
        *until = now + QUARANTINE_MS;
        return false;
    }
    queue_add_at(s->queue, key, *until);
    tell(s, key);
    return true;
}
