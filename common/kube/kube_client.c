/* kube_client.c - see kube.h: what a client is made of. */
#include "common/kube/kube_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "version.h"
#include "common/limits.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_CAP_MS = 30000 };

static char *
user_agent(const struct kube_options *o)
{
    struct utsname u;
    char *text;
    const char *os = "linux", *arch = "unknown";

    if (uname(&u) == 0)
        arch = strcmp(u.machine, "x86_64") == 0    ? "amd64"
               : strcmp(u.machine, "aarch64") == 0 ? "arm64"
                                                   : u.machine;
    if (asprintf(&text, "%s/%s (%s/%s)%s%s", o->program != NULL ? o->program : "kelos",
                 KELOS_VERSION, os, arch, o->component != NULL ? " " : "",
                 o->component != NULL ? o->component : "") < 0)
        return NULL;
    return text;
}

static void
set_options(struct kube *k, const struct kube_options *o)
{
    k->actor = o->actor;
    k->allow_plain = o->allow_plain_http;
    k->backoff_first_ms =
        o->backoff_first_ms > 0 ? o->backoff_first_ms : BACKOFF_FIRST_MS;
    k->backoff_cap_ms = o->backoff_cap_ms > 0 ? o->backoff_cap_ms : BACKOFF_CAP_MS;
    k->qps = http_is_loopback(k->server) ? 0 : o->qps; /* never against local mode */
    k->burst = o->burst > 0 ? o->burst : 1;
    k->tokens = k->burst;
    k->refilled_ms = clock_mono_ms();
    k->in_flight_max = LIMIT_KUBE_IN_FLIGHT;
}

void
kube_share(struct kube *k, unsigned n)
{
    size_t part = LIMIT_KUBE_IN_FLIGHT / (n > 0 ? n : 1);

    k->in_flight_max = part > IN_FLIGHT_LEAST ? part : IN_FLIGHT_LEAST;
}

struct kube *
kube_new(struct loop *loop, struct kubeconfig **config, const struct kube_options *o,
         struct err *e)
{
    SCOPED(kube) struct kube *k = calloc(1, sizeof *k);
    SCOPED(string) char *agent = user_agent(o);

    if (k == NULL || agent == NULL) {
        kubeconfig_free(*config);
        *config = NULL;
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    k->loop = loop;
    k->server = strdup((*config)->server);
    k->ns = strdup((*config)->namespace_);
    k->warnings_seen = json_object();
    if ((k->auth = kube_auth_new(config, e)) == NULL)
        return NULL;
    if (k->server == NULL || k->ns == NULL || k->warnings_seen == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    set_options(k, o);
    if ((k->http = http_new(loop, agent, e)) == NULL)
        return NULL;
    return TAKE(k);
}

void
kube_free(struct kube *k)
{
    if (k == NULL)
        return;
    kube_calls_free(k);
    kube_streams_free(k);
    loop_timer_stop(k->loop, k->pump_timer);
    http_free(k->http);
    kube_auth_free(k->auth);
    json_decref(k->warnings_seen);
    free(k->server);
    free(k->ns);
    free(k);
}

const char *
kube_namespace(const struct kube *k)
{
    return k->ns;
}

const char *
kube_server(const struct kube *k)
{
    return k->server;
}

const struct kubeconfig *
kube_config(const struct kube *k)
{
    return kube_auth_config(k->auth);
}

struct http *
kube_http(struct kube *k)
{
    return k->http;
}

bool
kube_waiting(const struct kube *k)
{
    return k->waiting > 0;
}

bool
kube_full(const struct kube *k)
{
    return k->waiting >= k->in_flight_max ||
           k->pending >= PENDING_EACH * k->in_flight_max;
}

void
kube_on_room(struct kube *k, void (*fn)(void *arg), void *arg)
{
    k->on_room = fn;
    k->room_arg = arg;
}

void
kube_observe(struct kube *k, kube_observe_fn *fn, void *arg)
{
    k->observe = fn;
    k->observe_arg = arg;
}

void
kube_credentials(struct kube *k, kube_credential_fn *fn, void *arg)
{
    kube_auth_plugin(k->auth, fn, arg);
}
