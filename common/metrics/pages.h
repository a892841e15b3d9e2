/* pages.h - the shared page of one worker slot: progress and metrics.
 *
 * The supervisor makes one memfd per slot; each incarnation of the worker maps it for
 * writing, the supervisor and the statuswriter read it. So a live but stuck event loop is
 * seen without a message, and counters survive a death. Everything that is read while the
 * worker lives is an atomic; nothing in it is trusted by a reader (a worker may
 * scribble). */
#ifndef KELOS_COMMON_PAGES_H
#define KELOS_COMMON_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define PAGE_MAGIC 0x6b656c6fu
#define PAGE_WORKER_MAX 96
#define PAGE_KEY_MAX 512
#define PAGE_LABELS_MAX 248
#define PAGE_VALUES 16 /* histogram: sum, count, at most 14 buckets */
#define PAGE_SERIES 1024

/* One series. `used` is stored last, so a reader that sees it sees the rest. */
struct page_series {
    _Atomic uint32_t used;
    uint32_t metric;
    char labels[PAGE_LABELS_MAX];         /* values, each ended by 0x1f */
    _Atomic uint64_t values[PAGE_VALUES]; /* bits of a double */
};

struct page {
    uint32_t magic;
    uint32_t size;                    /* sizeof(struct page) */
    char worker[PAGE_WORKER_MAX + 1]; /* written by the supervisor; "" = free slot */
    _Atomic uint64_t incarnation;     /* written by the supervisor */
    _Atomic uint64_t loops;           /* events handled, over all incarnations */
    _Atomic int64_t busy_since_ms;    /* CLOCK_MONOTONIC, 0: the loop waits */
    _Atomic uint64_t keys_done;       /* worker_idle() calls: real work finished */
    _Atomic uint64_t ready_loops;     /* `loops` when this incarnation became ready */
    _Atomic int64_t pss_kib;          /* own proportional set size, 0: unknown */
    _Atomic int64_t
        lease_renewed_ms; /* the watcher's: CLOCK_BOOTTIME, 0: does not lead */
    _Atomic uint32_t has_key;
    char key[PAGE_KEY_MAX + 1]; /* what is being processed; read after a death */
    /* The supervisor's page only: the state of the tree, for /readyz. */
    _Atomic uint32_t tree_ready;
    _Atomic uint32_t tree_degraded;
    char tree_reason[PAGE_KEY_MAX + 1];
    _Atomic uint32_t n_series;
    struct page_series series[PAGE_SERIES];
};

/* A new memfd of one page set, sealed against resizing and named for `ls -l
 * /proc/PID/fd`. Returns the descriptor (close-on-exec), or -1 with *e set. */
int page_create(const char *name, struct err *e);

/* A second descriptor of the same pages that cannot be mapped for writing. */
int page_read_only(int fd, struct err *e);

/* Maps a descriptor. Returns NULL with *e set when it is not a page of this version. */
struct page *page_map(int fd, bool writable, struct err *e);
void page_unmap(const struct page *p);

#endif
