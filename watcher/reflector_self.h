/* reflector_self.h - a reflector's inside, shared by reflector*.c and nobody else. */
#ifndef KELOS_WATCHER_REFLECTOR_SELF_H
#define KELOS_WATCHER_REFLECTOR_SELF_H

#include "common/data/jsonframe.h"
#include "common/kube/kubewire.h"
#include "watcher/reflector.h"
#include "watcher/relabel.h"

struct reflector {
    struct shelf *shelf;
    struct kube *kube;
    struct loop *loop;
    const struct reflector_hooks *hooks;
    struct reflect state;
    enum reflect_start start; /* of the attempt that runs */
    struct kube_stream *stream;
    struct relabel *relabel; /* objects that left the selector, being looked at */
    int start_timer, guard_timer;
    struct guard guard;
    uint64_t events;
    bool stopped; /* we ended the stream, and `why` says for what */
    enum reflect_end why;
    int64_t retry_after_ms;
    struct jsonframe frame;
    struct wire_event event;
    struct cache *staging; /* a list that is not complete yet */
    struct wire_list *page;
    char *token; /* of the next page; NULL: the first */
    char list_version[129];
    unsigned page_items;
    bool odd_logged, was_degraded;
};

const char *reflector_plural(const struct reflector *r);

/* Changes of the cache, told to the hooks. */
void reflector_put(struct reflector *r, const struct object_id *id, const void *doc,
                   size_t size);
void reflector_take(struct reflector *r, struct entry *e, const char *version,
                    bool final_unknown);

/* The list that was gathered replaces the cache; or is dropped. */
void reflector_commit(struct reflector *r, const char *version);
void reflector_drop_staging(struct reflector *r);

/* Bytes of a watch and of a list page; -1 ends the stream, and r->why says for what. */
int reflector_on_watch(void *arg, const char *bytes, size_t size);
int reflector_on_page(void *arg, const char *bytes, size_t size);
int reflector_on_item(void *arg, const struct object_id *id, const void *doc, size_t size,
                      struct err *e);

/* What a refusal means for the attempt. */
enum reflect_end reflector_end_of_status(const struct reflector *r,
                                         const struct kube_status *s);

#endif
