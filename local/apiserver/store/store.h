/* store.h - objects and their change log in one SQLite file.
 *
 * Every write takes the next resourceVersion of one counter and is kept twice in the same
 * transaction: as the object's newest state and as a row of the change log, which watches,
 * continued lists and lists at an exact version read. Bodies are the object's JSON text as
 * clients get it. A transaction is opened by the first write and ended by store_commit, so
 * that all writes of one turn of the event loop share one fsync. */
#ifndef KELOS_LOCAL_APISERVER_STORE_H
#define KELOS_LOCAL_APISERVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"

struct store;

/* Opens or creates the file. A directory that cannot be written gives one sentence that
 * says so. Returns a store the caller owns, or NULL. */
struct store *store_open(const char *path, struct err *e);
void store_free(struct store *s);
SCOPED_DEFINE(store)

/* One object, or one state of it in the change log; text is borrowed during the callback. */
struct row {
    int64_t rv;
    char type; /* 'A' added, 'M' modified, 'D' deleted; 'A' for plain reads */
    const char *resource, *ns, *name, *uid;
    const char *body;
    size_t size;
    const char *prev; /* the state before, where the log needs it, else NULL */
    size_t prev_size;
};

/* Gives 0 to go on, 1 to stop (the reading function then returns 1), -1 to fail. */
typedef int row_fn(void *ctx, const struct row *row);

/* Reads one object. Returns 1 after the callback, 0 when absent, -1 with *e. */
int store_get(struct store *s, const char *resource, const char *ns, const char *name,
              row_fn *fn, void *ctx, struct err *e);
int store_get_uid(struct store *s, const char *uid, row_fn *fn, void *ctx, struct err *e);

/* Which part of a collection to read: of a namespace (NULL: all), behind the name `after`
 * of namespace `after_ns` (NULL: from the start), as it was at version `at` (0: now). */
struct span {
    const char *resource, *ns, *after_ns, *after;
    int64_t at;
};

/* Calls fn in the order of namespace and name. Returns 0 at the end, 1 when fn stopped, -1. */
int store_list(struct store *s, const struct span *span, row_fn *fn, void *ctx,
               struct err *e);

/* Number of objects of a resource (ns NULL: in all namespaces), -1 with *e. */
int64_t store_count(struct store *s, const char *resource, const char *ns, struct err *e);

/* Changes of a resource after version `after`, oldest first (ns NULL: all). */
int store_changes(struct store *s, const char *resource, const char *ns, int64_t after,
                  row_fn *fn, void *ctx, struct err *e);

/* Objects that name `owner_uid` as an owner. */
int store_dependents(struct store *s, const char *owner_uid, row_fn *fn, void *ctx,
                     struct err *e);

/* Everything in a namespace; Returns as store_list. */
int store_in_namespace(struct store *s, const char *ns, row_fn *fn, void *ctx,
                       struct err *e);

/* The version of the last write, the next one (taken by the caller for one store_write),
 * and the oldest version that a watch can resume from. */
int64_t store_version(const struct store *s);
int64_t store_next_version(struct store *s);
int64_t store_compacted(const struct store *s);

/* A write: `row` as it shall be ('A' insert, 'M' replace, 'D' remove; rv from
 * store_next_version, body the state to tell of). For 'M', row->prev is kept in the log when
 * `keep_prev` says that selectors may see a difference. `owners` are the owner uids, count
 * of them (ignored for 'D'). Returns 0 or -1; after a failure nothing of the open
 * transaction is kept and store_commit fails too. */
int store_write(struct store *s, const struct row *row, bool keep_prev, int64_t now_ms,
                const char *const *owners, size_t owner_count, struct err *e);

/* True while writes wait for store_commit. */
bool store_dirty(const struct store *s);
/* Makes the waiting writes durable. On failure they are all undone: -1 with *e. */
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);
/* Undoes what one request wrote and keeps the others of the same turn. */
int store_mark(struct store *s, struct err *e);
void store_release(struct store *s, bool undo);

/* Small durable values ("port", "token") and sets of work ("gc": uids). Values are copied
 * into out; returns 1 found, 0 absent, -1. */
int store_meta_get(struct store *s, const char *key, char *out, size_t size,
                   struct err *e);
int store_meta_set(struct store *s, const char *key, const char *value, struct err *e);
int store_work_add(struct store *s, const char *kind, const char *item, struct err *e);
int store_work_done(struct store *s, const char *kind, const char *item, struct err *e);
/* The first item of a kind: 1 with out filled, 0 none, -1. */
int store_work_next(struct store *s, const char *kind, char *out, size_t size,
                    struct err *e);

/* Drops log rows that are both older than keep_ms and more than keep_rows behind. */
int store_prune(struct store *s, int64_t now_ms, int64_t keep_ms, int64_t keep_rows,
                struct err *e);

#endif
