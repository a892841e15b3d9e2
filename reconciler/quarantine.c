/* quarantine.c - see quarantine.h. */
#include "reconciler/quarantine.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/condition.h"
#include "reconciler/writes.h"

/* Instead of a time: it was tried, and went well. */
#define FREE_MS 0

static const char why_unread[] =
    "Reading this object ended the controller's process several times: it is as if it "
    "were not there; it is read again with its next change, 10 minutes later at the "
    "earliest";
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

/* Until when the key is left alone (monotonic), or -1: it may be tried now. */
static int64_t
left_alone(struct shard *s, const char *key)
{
    int64_t now = clock_mono_ms(), *until;

    if (!worker_quarantined(s->worker, key))
        return -1;
    if ((until = zhashx_lookup(s->held, key)) == NULL) {
        if ((until = calloc(1, sizeof *until)) == NULL)
            abort();
        zhashx_insert(s->held, key, until);
        *until = now + QUARANTINE_MS;
        log_error(key,
                  "was being processed at several deaths of this process: left alone for "
                  "10 minutes");
    } else if (now >= *until) {
        if (*until != FREE_MS)
            *until = now + QUARANTINE_MS;
        return -1;
    }
    return *until;
}

bool
quarantine_holds(struct shard *s, const char *key)
{
    int64_t until = left_alone(s, key);

    if (until < 0)
        return false;
    queue_add_at(s->queue, key, until);
    tell(s, key);
    return true;
}

/* ---- reading ---- */

const char *
quarantine_read_key(char *out, const struct msg_object *o)
{
    snprintf(out, SHARD_KEY_MAX, "read %s/%u/%s/%s",
             object_kind_plural((enum object_kind)o->kind), (unsigned)o->profile, o->ns,
             o->name);
    return out;
}

bool
quarantine_unread(struct shard *s, const char *read_key, const struct msg_object *o)
{
    const struct meta meta = {
        .profile = (unsigned)o->profile, .ns = o->ns, .name = o->name, .uid = o->uid};

    if (left_alone(s, read_key) < 0)
        return false;
    if (s->leader && object_kind_ours((enum object_kind)o->kind))
        writes_event(s->writes, (unsigned)o->kind, &meta, true, QUARANTINE_CONDITION,
                     why_unread);
    return true;
}

void
quarantine_was_read(struct shard *s, const char *read_key)
{
    int64_t *until = zhashx_lookup(s->held, read_key);

    if (until != NULL)
        *until = FREE_MS;
}
