/* launch.h - everything a monitor must know to start one container, as bytes in a memfd.
 *
 * The runner encodes, kelos-monitor decodes. It is never a file: it holds the values of
 * Secrets. A value of each noun below is a plain list of strings that the launch owns. */
#ifndef KELOS_LOCAL_RUNNER_LAUNCH_H
#define KELOS_LOCAL_RUNNER_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/scoped.h"

/* What stands at a place of the container's file system, in the order given. */
enum launch_kind {
    LAUNCH_BIND, /* source (a host path, then `inside` below it, without links) at target */
    LAUNCH_DIR,   /* an empty directory that the container may write */
    LAUNCH_LINK,  /* a symbolic link with the text `source` */
    LAUNCH_TEXT,  /* a small read-only file with the content `source` */
    LAUNCH_TMPFS, /* a tmpfs of its own */
    N_LAUNCH_KINDS
};

enum {
    LAUNCH_WRITABLE = 1, /* binds are read-only without it */
    LAUNCH_OPTIONAL = 2, /* no error when the source does not exist */
    LAUNCH_DEVICE = 4,   /* a device node may be opened through it */
    LAUNCH_PUBLIC = 8    /* a directory for everybody, sticky, as /tmp */
};

struct launch_mount {
    enum launch_kind kind;
    unsigned flags;
    char *target; /* absolute, in the container */
    char *source;
    char *inside; /* subPath, "" for none */
};

struct launch_list {
    char **items; /* ends with NULL; NULL when empty */
    size_t count;
};

struct launch {
    char *dir; /* the container's directory: claim, exit and log files go there */
    char *hostname;
    char *cwd;        /* made when it does not exist */
    int64_t attempt;  /* 0 for the first start; part of the names of claim and exit */
    int64_t inner_id; /* uid and gid that the container sees itself under */
    int64_t
        outer_id; /* what that is on the host; only root may choose another than its own */
    int64_t grace_ms;   /* between SIGTERM and SIGKILL */
    int64_t log_bytes;  /* the log is rotated once at this size */
    int64_t open_files; /* RLIMIT_NOFILE; 0: inherited */
    struct launch_list
        args;               /* argv; args.items[0] is looked up in the container's PATH */
    struct launch_list env; /* "NAME=value" */
    struct launch_list hidden;  /* values of Secrets: the log shows *** in their place */
    struct launch_list cgroups; /* directories whose cgroup.procs the container joins */
    struct launch_mount *mounts;
    size_t mount_count;
    struct buf filter; /* seccomp program: struct sock_filter[], may be empty */
};

void launch_free(struct launch *l);
SCOPED_DEFINE(launch)

/* Returns an empty launch that the caller owns, NULL when memory ran out. */
struct launch *launch_new(void);

/* All copy their texts. 0, or -1 when memory ran out. */
int launch_add(struct launch_list *list, const char *text);
int launch_mount_add(struct launch *l, enum launch_kind kind, unsigned flags,
                     const char *source, const char *inside, const char *target);

/* Appends the encoded launch to *out: 0, or -1 when memory ran out. */
int launch_encode(const struct launch *l, struct buf *out);

/* The caller owns the result. NULL with *e set (ERR_PROTO) when the bytes are not what
 * launch_encode makes. */
struct launch *launch_decode(const void *bytes, size_t size, struct err *e);

#endif
