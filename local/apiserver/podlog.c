/* podlog.c - see podlog.h. logfile.c reads the files. */
#include "local/apiserver/podlog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/logfile.h"
#include "local/apiserver/object.h"

struct logstream {
    struct stream stream; /* first */
    struct podlogs *hub;
    struct logstream *next;
    struct logfile *file; /* owned */
    char pod_uid[64], container[64];
    int wd; /* inotify watch of the directory, -1 */
    bool follow, finished, closing;
    int64_t left; /* bytes of limitBytes, -1: no limit */
};

struct podlogs {
    struct server *s;
    struct loop *loop;
    struct logstream *first;
    int inotify;
    bool dirty;
    void (*woke)(void *arg);
    void *arg;
};

static void
wake(struct logstream *l)
{
    if (l->stream.wake != NULL)
        l->stream.wake(&l->stream);
}

static void
on_growth(void *arg, int fd, int events)
{
    struct podlogs *p = arg;
    char bytes[4096] __attribute__((aligned(8)));
    ssize_t n;

    (void)events;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *ev = (const struct inotify_event *)(void *)at;

            for (struct logstream *l = p->first; l != NULL; l = l->next)
                if (l->wd == ev->wd)
                    wake(l);
            at += sizeof *ev + ev->len;
        }
    }
    if (p->woke != NULL)
        p->woke(p->arg);
}

struct podlogs *
podlogs_new(struct server *s, struct loop *loop, struct err *e)
{
    SCOPED(podlogs) struct podlogs *p = calloc(1, sizeof *p);

    if (p == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    p->s = s;
    p->loop = loop;
    p->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (p->inotify < 0) {
        err_errno(e, "inotify");
        return NULL;
    }
    return loop_watch(loop, p->inotify, LOOP_READ, on_growth, p, e) < 0 ? NULL : TAKE(p);
}

void
podlogs_free(struct podlogs *p)
{
    struct err e = ERR_INIT;

    if (p == NULL)
        return;
    if (p->inotify >= 0) {
        loop_watch(p->loop, p->inotify, 0, NULL, NULL, &e);
        close(p->inotify);
    }
    free(p);
}

void
podlogs_mark(struct podlogs *p)
{
    p->dirty = true;
}

void
podlogs_flush(struct podlogs *p)
{
    if (!p->dirty)
        return;
    p->dirty = false;
    for (struct logstream *l = p->first; l != NULL; l = l->next)
        wake(l);
}

void
podlogs_close(struct podlogs *p)
{
    for (struct logstream *l = p->first; l != NULL; l = l->next) {
        l->closing = true;
        wake(l);
    }
}

void
podlogs_on_wake(struct podlogs *p, void (*fn)(void *arg), void *arg)
{
    p->woke = fn;
    p->arg = arg;
}

/* ---- the Pod ---- */

static const json_t *
container_status(const json_t *pod, const char *name)
{
    static const char *const lists[] = {"status.containerStatuses",
                                        "status.initContainerStatuses"};
    size_t i;
    json_t *status;

    for (size_t k = 0; k < 2; k++)
        json_array_foreach(json_at(pod, lists[k]), i,
                           status) if (strcmp(json_str_or(status, "name", ""), name) ==
                                       0) return status;
    return NULL;
}

/* Will nothing more be written? */
static bool
is_finished(struct logstream *l)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    char key[320];
    SCOPED(json)
    json_t *pod = object_load_uid(l->hub->s, l->pod_uid, key, sizeof key, &f);
    const char *phase = json_str_or(pod, "status.phase", "");
    const json_t *status;

    if (pod == NULL || strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
        return true;
    status = container_status(pod, l->container);
    return json_at(status, "state.terminated") != NULL;
}

static long
logstream_read(struct stream *stream, char *out, size_t size)
{
    struct logstream *l = (struct logstream *)stream;

    if (l->left >= 0 && (int64_t)size > l->left)
        size = (size_t)l->left;
    if (size == 0)
        return -1;
    for (;;) {
        long n = logfile_read(l->file, out, size);

        if (n > 0) {
            if (l->left >= 0)
                l->left -= n;
            return n;
        }
        if (n < 0 || !l->follow || l->finished || l->closing)
            return -1;
        /* The end may have been written between our reading and our looking: read once more. */
        l->finished = is_finished(l);
        if (!l->finished)
            return 0;
    }
}

static void
logstream_free(struct stream *stream)
{
    struct logstream *l = (struct logstream *)stream;
    struct logstream **link = &l->hub->first;
    bool shared = false;

    while (*link != NULL && *link != l)
        link = &(*link)->next;
    if (*link == l)
        *link = l->next;
    for (struct logstream *o = l->hub->first; o != NULL; o = o->next)
        shared |= o->wd == l->wd;
    if (l->wd >= 0 && !shared)
        inotify_rm_watch(l->hub->inotify, l->wd);
    logfile_free(l->file);
    free(l);
}

/* ---- starting ---- */

static bool
in_spec(const json_t *pod, const char *name)
{
    static const char *const lists[] = {"spec.containers", "spec.initContainers"};
    size_t i;
    json_t *c;

    for (size_t k = 0; k < 2; k++)
        json_array_foreach(json_at(pod, lists[k]), i,
                           c) if (strcmp(json_str_or(c, "name", ""), name) ==
                                  0) return true;
    return false;
}

static int
choose_container(const struct call *c, const json_t *pod, const char **out,
                 struct fault *f)
{
    const char *wanted = call_param(c, "container");
    json_t *list = json_at(pod, "spec.containers"), *item;
    SCOPED(buf) struct buf names = BUF_INIT;
    size_t i;

    if (wanted != NULL && *wanted != '\0') {
        *out = wanted;
        return in_spec(pod, wanted)
                   ? 0
                   : fault_bad_request(f, "container %s is not valid for pod %s", wanted,
                                       meta_str(pod, "name"));
    }
    if (json_array_size(list) == 1) {
        *out = json_str_or(json_array_get(list, 0), "name", "");
        return 0;
    }
    json_array_foreach(list, i, item)
        buf_printf(&names, "%s%s", i > 0 ? " " : "", json_str_or(item, "name", ""));
    return fault_bad_request(
        f, "a container name must be specified for pod %s, choose one of: [%s]",
        meta_str(pod, "name"), buf_str(&names));
}

static int
count_param(const struct call *c, const char *name, int64_t *out, struct fault *f)
{
    const char *text = call_param(c, name);
    char *end;

    *out = -1;
    if (text == NULL || *text == '\0')
        return 0;
    *out = strtoll(text, &end, 10);
    if (*end != '\0' || *out < 0)
        return fault_bad_request(f, "%s: \"%.100s\" is not a number of 0 or more", name,
                                 text);
    return 0;
}

static int
read_options(struct server *s, const struct call *c, struct logfile_options *o,
             int64_t *limit, struct fault *f)
{
    const char *since = call_param(c, "sinceTime"), *stream = call_param(c, "stream");
    int64_t seconds;

    *o = (struct logfile_options){.stamps = call_flag(c, "timestamps")};
    if (count_param(c, "tailLines", &o->tail, f) < 0 ||
        count_param(c, "sinceSeconds", &seconds, f) < 0 ||
        count_param(c, "limitBytes", limit, f) < 0)
        return -1;
    if (since != NULL && *since != '\0') {
        if (seconds >= 0)
            return fault_bad_request(
                f, "at most one of sinceTime or sinceSeconds may be specified");
        if (rfc3339_parse(since, &o->since_ms) < 0)
            return fault_bad_request(f, "sinceTime: \"%.100s\" is not an RFC 3339 time",
                                     since);
    } else if (seconds >= 0) {
        o->since_ms = s->now_ms() - seconds * 1000;
    }
    o->only = stream == NULL || strcmp(stream, "All") == 0 ? 0
              : strcmp(stream, "Stderr") == 0              ? 'e'
                                                           : 'o';
    return 0;
}

static struct logstream *
logstream_new(struct server *s, const json_t *pod, const char *container,
              const struct logfile_options *o, bool follow, struct fault *f)
{
    struct logstream *l = calloc(1, sizeof *l);
    char dir[4600];
    struct err e = ERR_INIT;

    if (l == NULL) {
        fault_set(f, 500, "InternalError", "out of memory");
        return NULL;
    }
    l->stream = (struct stream){.read = logstream_read, .free = logstream_free};
    l->hub = s->logs;
    l->wd = -1;
    l->left = -1;
    l->follow = follow;
    snprintf(l->pod_uid, sizeof l->pod_uid, "%s", meta_str(pod, "uid"));
    snprintf(l->container, sizeof l->container, "%s", container);
    l->next = s->logs->first;
    s->logs->first = l;
    snprintf(dir, sizeof dir, "%s/%s/%s", s->pods_dir, l->pod_uid, container);
    if (follow) /* before the first read, so that nothing is missed */
        l->wd =
            inotify_add_watch(s->logs->inotify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    if ((l->file = logfile_open(dir, o, &e)) == NULL) {
        if (e.code == ERR_NOT_FOUND)
            fault_bad_request(
                f,
                "container \"%s\" in pod \"%s\" is waiting to start: ContainerCreating",
                container, meta_str(pod, "name"));
        else
            fault_store(f, &e);
        logstream_free(&l->stream);
        return NULL;
    }
    return l;
}

static int
start(struct server *s, const struct call *c, const struct target *t, struct reply *r,
      struct fault *f)
{
    struct logfile_options o;
    struct logstream *l;
    const char *container = "";
    int64_t limit;
    SCOPED(json) json_t *pod = object_load(s, t->resource, t->ns, t->name, f);

    if (pod == NULL)
        return f->code != 0 ? -1 : fault_not_found(f, t->group, t->plural, t->name);
    if (choose_container(c, pod, &container, f) < 0 ||
        read_options(s, c, &o, &limit, f) < 0)
        return -1;
    if (call_flag(c, "previous"))
        return fault_bad_request(
            f, "previous terminated container \"%s\" in pod \"%s\" not found", container,
            t->name);
    if (s->logs == NULL || s->pods_dir == NULL)
        return fault_set(f, 500, "InternalError", "this server has no logs");
    const json_t *status = container_status(pod, container);
    const char *waiting = json_str_or(status, "state.waiting.reason", "");
    if (*waiting != '\0' && json_int_or(status, "restartCount", 0) == 0)
        return fault_bad_request(f,
                                 "container \"%s\" in pod \"%s\" is waiting to start: %s",
                                 container, t->name, waiting);
    if ((l = logstream_new(s, pod, container, &o, call_flag(c, "follow"), f)) == NULL)
        return -1;
    l->left = limit;
    r->code = 200;
    r->content_type = "text/plain";
    r->stream = &l->stream;
    return 0;
}

void
podlog_start(struct server *s, const struct call *c, const struct target *t,
             struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    if (start(s, c, t, r, &f) < 0)
        reply_fault(r, &f);
}
