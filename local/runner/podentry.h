/* podentry.h - one Pod while it runs: its state, its runs, what is asked of the server. */
#ifndef KELOS_LOCAL_RUNNER_PODENTRY_H
#define KELOS_LOCAL_RUNNER_PODENTRY_H

#include <stdbool.h>

#include "local/runner/fetch.h"
#include "local/runner/pods.h"
#include "local/runner/podstate.h"
#include "local/runner/run.h"

/* Shared by pods.c and podentry.c. */
struct pods {
    struct kube *kube;
    struct loop *loop;
    struct pods_options o;
    struct _zhashx_t *entries; /* by uid */
    struct follows *follows;   /* owned */
    bool limits_warned;
    struct _zhashx_t *listed; /* uids seen since list_begin, NULL outside of a list */
};

struct podentry;

struct slot { /* what belongs to one container */
    struct podentry *entry;
    size_t index;
    struct run *run;
    struct fetch *fetch;
};

struct podentry {
    struct pods *pods; /* borrowed */
    struct podstate *state;
    struct slot slots[CONTAINERS_MAX + 1]; /* the last one fetches for volumes */
    char dir[4096];
    struct kube_call *call; /* a write of the status, or the deletion */
    struct kube_call *binding;
    json_t *said;   /* the last status that the server has */
    json_t *saying; /* the one in `call` */
    int wake, grace, deadline, refresh, bind_again; /* timers */
    unsigned write_failures;
    bool placed; /* it is on this node, for all that the server knows */
    bool volumes_made, object_gone, done;
    bool files_followed; /* what its volumes are made of: follow.h tells of changes */
    bool files_changed;  /* once more, while they are being fetched */
};

/* Takes a reference of the Pod. The caller owns the entry. */
struct podentry *podentry_new(struct pods *p, json_t *pod, struct err *e);
void podentry_free(struct podentry *entry);

/* Finds what already ran, then goes on. May end with pods_forget of the entry, as all
 * below may. */
void podentry_begin(struct podentry *entry);
/* The object is to be deleted: end within the grace time, then delete it for good. */
void podentry_delete(struct podentry *entry, int64_t grace_s);
/* The object is gone already. */
void podentry_gone(struct podentry *entry);
void podentry_fail(struct podentry *entry, const char *reason, const char *message);

/* pods.c: takes the entry out of the table and frees it. */
void pods_forget(struct pods *p, struct podentry *entry);

#endif
