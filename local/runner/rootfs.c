/* rootfs.c - see rootfs.h. */
#include "local/runner/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/macros.h"

#define COMPONENT_BYTES 256
#define TMPFS_OPTIONS "mode=0755,size=2g"

/* ---- places inside the new root ---- */

/* Opens the directory `name` below fd, made when it is missing. A link is an error. */
static int
step(int fd, const char *name, uid_t owner, struct err *e)
{
    int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (next < 0 && errno == ENOENT) {
        if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
            return err_errno(e, "making directory %s", name);
        next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next >= 0 && fchownat(next, "", owner, owner, AT_EMPTY_PATH) < 0) {
            err_errno(e, "owner of %s", name);
            close(next);
            return -1;
        }
    }
    if (next < 0)
        return err_errno(e, "opening directory %s", name);
    return next;
}

/* Walks to the parent of `path`, making what is missing; `last` gets the last component
 * ("." for the root itself). Returns a descriptor, or -1. */
static int
walk(int root, const char *path, uid_t owner, char *last, struct err *e)
{
    int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

    snprintf(last, COMPONENT_BYTES, ".");
    while (at >= 0) {
        path += strspn(path, "/");
        size_t size = strcspn(path, "/");
        if (size == 0)
            return at;
        if (size >= COMPONENT_BYTES || (size == 2 && path[0] == '.' && path[1] == '.')) {
            close(at);
            return err_set(e, ERR_INVALID, "mount path %s: bad component", path);
        }
        char name[COMPONENT_BYTES];
        memcpy(name, path, size);
        name[size] = '\0';
        path += size;
        if (strcmp(name, ".") == 0)
            continue;
        if (path[strspn(path, "/")] == '\0') {
            memcpy(last, name, size + 1);
            return at;
        }
        int next = step(at, name, owner, e);
        close(at);
        at = next;
    }
    return -1;
}

/* ---- single mounts ---- */

/* A detached copy of the mount at `fd`, with the launch's restrictions on all of it. */
static int
clone_tree(int fd, const struct launch_mount *m, struct err *e)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID};
    int tree = open_tree(
        fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

    if (tree < 0)
        return err_errno(e, "mount of %s", m->source);
    if (!(m->flags & LAUNCH_WRITABLE))
        attr.attr_set |= MOUNT_ATTR_RDONLY;
    if (!(m->flags & LAUNCH_DEVICE))
        attr.attr_set |= MOUNT_ATTR_NODEV;
    if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0) {
        err_errno(e, "mount options of %s", m->source);
        close(tree);
        return -1;
    }
    return tree;
}

/* Opens the source. A path below it that a container may have written follows no link. */
static int
open_source(const struct launch_mount *m, struct err *e)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                      RESOLVE_NO_MAGICLINKS};
    int fd = open(m->source, O_PATH | O_CLOEXEC);

    if (fd >= 0 && m->inside[0] != '\0') {
        int below = (int)syscall(SYS_openat2, fd, m->inside, &how, sizeof how);
        int why = errno;
        close(fd);
        fd = below;
        errno = why;
    }
    if (fd < 0)
        return err_errno(e, "mount source %s%s%s", m->source,
                         m->inside[0] ? " subPath " : "", m->inside);
    return fd;
}

static int
attach(int tree, int parent, const char *name, uid_t owner, bool directory, struct err *e)
{
    SCOPED(fd) int place = -1;

    if (strcmp(name, ".") == 0)
        return err_set(e, ERR_INVALID, "nothing can be mounted at /");
    if (directory) {
        place = step(parent, name, owner, e);
        if (place < 0)
            return -1;
    } else {
        int made =
            openat(parent, name, O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_RDONLY, 0644);
        if (made >= 0)
            close(made);
        place = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (place < 0)
            return err_errno(e, "mount place %s", name);
    }
    if (move_mount(tree, "", place, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return err_errno(e, "mounting at %s", name);
    return 0;
}

static int
put_bind(const struct launch_mount *m, int parent, const char *name, uid_t owner,
         struct err *e)
{
    struct stat st;
    SCOPED(fd) int source = open_source(m, e);

    if (source < 0)
        return -1;
    SCOPED(fd) int tree = clone_tree(source, m, e);
    if (tree < 0 || fstat(source, &st) < 0)
        return -1;
    return attach(tree, parent, name, owner, S_ISDIR(st.st_mode), e);
}

static int
put_text(const struct launch_mount *m, int parent, const char *name, struct err *e)
{
    SCOPED(fd)
    int fd =
        openat(parent, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    size_t size = strlen(m->source);

    if (fd < 0 || write(fd, m->source, size) != (ssize_t)size)
        return err_errno(e, "writing %s", m->target);
    return 0;
}

static int
put_dir(const struct launch_mount *m, int parent, const char *name, uid_t owner,
        struct err *e)
{
    SCOPED(fd) int fd = step(parent, name, owner, e);
    char path[64];

    if (fd < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if ((m->flags & LAUNCH_PUBLIC) && chmod(path, 01777) < 0)
        return err_errno(e, "mode of %s", m->target);
    return 0;
}

static int
put_tmpfs(const struct launch_mount *m, int parent, const char *name, uid_t owner,
          struct err *e)
{
    SCOPED(fd) int fd = step(parent, name, owner, e);
    char path[64];

    if (fd < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=2g") < 0)
        return err_errno(e, "tmpfs at %s", m->target);
    return 0;
}

static int
put(const struct launch_mount *m, int root, uid_t owner, struct err *e)
{
    char last[COMPONENT_BYTES];

    if ((m->flags & LAUNCH_OPTIONAL) && m->kind == LAUNCH_BIND &&
        access(m->source, F_OK) < 0)
        return 0;
    SCOPED(fd) int parent = walk(root, m->target, owner, last, e);
    if (parent < 0)
        return err_wrap(e, "%s", m->target);
    switch (m->kind) {
    case LAUNCH_BIND:
        return put_bind(m, parent, last, owner, e);
    case LAUNCH_DIR:
        return put_dir(m, parent, last, owner, e);
    case LAUNCH_TEXT:
        return put_text(m, parent, last, e);
    case LAUNCH_TMPFS:
        return put_tmpfs(m, parent, last, owner, e);
    case LAUNCH_LINK:
        if (symlinkat(m->source, parent, last) < 0 && errno != EEXIST)
            return err_errno(e, "link %s", m->target);
        return 0;
    case N_LAUNCH_KINDS:
        break;
    }
    return err_set(e, ERR_INVALID, "mount of no known kind");
}

/* ---- the whole ---- */

/* Swaps the root, and lets go of the old one with all its mounts. */
static int
pivot(int root, struct err *e)
{
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return err_errno(e, "changing the root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_errno(e, "leaving the old root");
    return 0;
}

int
rootfs_enter(const struct launch *l, const char *place, uid_t owner, struct err *e)
{
    char proc[128];

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_errno(e, "making mounts private");
    if (mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, TMPFS_OPTIONS) < 0)
        return err_errno(e, "tmpfs for the container's root");
    SCOPED(fd) int root = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || chown(place, owner, owner) < 0)
        return err_errno(e, "the container's root");
    SCOPED(fd) int at = step(root, "proc", owner, e);
    if (at < 0)
        return -1;
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", at);
    if (mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return err_errno(e, "mounting /proc");
    for (size_t i = 0; i < l->mount_count; i++)
        if (put(&l->mounts[i], root, owner, e) < 0)
            return -1;
    return pivot(root, e);
}

int
rootfs_make_cwd(const char *path, struct err *e)
{
    char part[4096];

    if (chdir(path) == 0)
        return 0;
    for (size_t i = 1; i < strlen(path) && i < sizeof part - 1; i++) {
        if (path[i] != '/' && path[i + 1] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)(i + 1), path);
        if (mkdir(part, 0755) < 0 && errno != EEXIST && errno != EROFS)
            return err_errno(e, "workingDir %s", path);
    }
    if (chdir(path) < 0)
        return err_errno(e, "workingDir %s", path);
    return 0;
}
