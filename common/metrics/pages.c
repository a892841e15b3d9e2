/* pages.c - see pages.h. */
#include "common/metrics/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/scoped.h"

int
page_create(const char *name, struct err *e)
{
    SCOPED(fd) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct page *p;
    int taken;

    if (fd < 0)
        return err_errno(e, "page of %s: memfd_create", name);
    if (ftruncate(fd, sizeof(struct page)) < 0)
        return err_errno(e, "page of %s: ftruncate", name);
    /* A worker that could shrink its page would kill its readers with SIGBUS. */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return err_errno(e, "page of %s: F_ADD_SEALS", name);
    p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_errno(e, "page of %s: mmap", name);
    p->magic = PAGE_MAGIC;
    p->size = sizeof *p;
    munmap(p, sizeof *p);
    taken = fd;
    fd = -1;
    return taken;
}

int
page_read_only(int fd, struct err *e)
{
    char path[64];
    int ro;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if ((ro = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return err_errno(e, "read-only view of a page");
    return ro;
}

struct page *
page_map(int fd, bool writable, struct err *e)
{
    struct stat st;
    struct page *p;

    if (fstat(fd, &st) < 0) {
        err_errno(e, "page descriptor %d", fd);
        return NULL;
    }
    if (st.st_size != (off_t)sizeof *p) {
        err_set(e, ERR_INVALID, "page descriptor %d: not a page of this version", fd);
        return NULL;
    }
    p = mmap(NULL, sizeof *p, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
             fd, 0);
    if (p == MAP_FAILED) {
        err_errno(e, "page descriptor %d: mmap", fd);
        return NULL;
    }
    if (p->magic != PAGE_MAGIC || p->size != sizeof *p) {
        munmap(p, sizeof *p);
        err_set(e, ERR_INVALID, "page descriptor %d: not a page of this version", fd);
        return NULL;
    }
    return p;
}

void
page_unmap(const struct page *p)
{
    if (p != NULL)
        munmap((void *)(uintptr_t)p, sizeof *p);
}
