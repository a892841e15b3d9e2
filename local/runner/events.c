/* events.c - see events.h. */
#include "local/runner/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"

static uint64_t
hash(uint64_t h, const char *s)
{
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return h;
}

static void
on_written(void *arg, const struct kube_result *r)
{
    (void)arg;
    if (r->err.code != ERR_NONE && r->err.code != ERR_EXISTS)
        log_debug(NULL, "event: %s", r->err.text);
}

void
events_warn(struct kube *k, const json_t *pod, const char *reason, const char *message)
{
    const char *ns = json_str_or(pod, "metadata.namespace", "");
    const char *pod_name = json_str_or(pod, "metadata.name", "");
    const char *uid = json_str_or(pod, "metadata.uid", "");
    char name[254], now[RFC3339_SIZE];
    struct err e = ERR_INIT;

    rfc3339_format(clock_wall_ms(), now);
    snprintf(name, sizeof name, "%.200s.%016" PRIx64, pod_name,
             hash(hash(hash(UINT64_C(14695981039346656037), uid), reason), message));
    SCOPED(json)
    json_t *event = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s}, "
                              "s:s, s:s, s:s, s:{s:s}, s:s, s:s, s:i}",
                              "apiVersion", "v1", "kind", "Event", "metadata", "name",
                              name, "namespace", ns, "involvedObject", "apiVersion", "v1",
                              "kind", "Pod", "namespace", ns, "name", pod_name, "uid",
                              uid, "type", "Warning", "reason", reason, "message",
                              message, "source", "component", "kelos-runner",
                              "firstTimestamp", now, "lastTimestamp", now, "count", 1);
    struct kube_request r = {.verb = KUBE_CREATE,
                             .res = kube_res(KUBE_EVENTS),
                             .ns = ns,
                             .name = name,
                             .body = event,
                             .repeat = KUBE_REPEAT_ONCE};
    if (kube_call(k, &r, on_written, NULL, &e) == NULL)
        log_debug(pod_name, "event: %s", e.text);
}
