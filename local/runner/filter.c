/* filter.c - see filter.h. */
#include "local/runner/filter.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/macros.h"
#include "common/scoped.h"

/* Not namespaced, or a rich source of kernel bugs, and of no use to a build or an agent.
 * Namespaces stay allowed: some agents make a sandbox of their own. */
static const int refused[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(adjtimex),
    SCMP_SYS(bpf),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(clock_settime),
    SCMP_SYS(delete_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(quotactl),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(settimeofday),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(syslog),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vhangup),
    SCMP_SYS(_sysctl),
};

static const int refused_families[] = {AF_PACKET,    AF_VSOCK, AF_ALG, AF_KEY,
                                       AF_BLUETOOTH, AF_CAN,   AF_RDS};

int
filter_build(struct buf *out, struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    SCOPED(fd) int fd = memfd_create("filter", MFD_CLOEXEC);
    int rc = ctx != NULL && fd >= 0 ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(refused); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(refused_families); i++) {
        /* The kernel reads an int: what stands above its 32 bits does not count. */
        const struct scmp_arg_cmp family = {.arg = 0,
                                            .op = SCMP_CMP_MASKED_EQ,
                                            .datum_a = UINT32_MAX,
                                            .datum_b = (uint32_t)refused_families[i]};
        rc = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
                                    1, &family);
    }
    if (rc == 0)
        rc = seccomp_export_bpf(ctx, fd);
    if (ctx != NULL)
        seccomp_release(ctx);
    off_t size = rc == 0 ? lseek(fd, 0, SEEK_END) : 0;
    char *to = size > 0 ? buf_reserve(out, (size_t)size) : NULL;
    if (to == NULL || pread(fd, to, (size_t)size, 0) != size)
        return err_set(e, ERR_SYSTEM, "seccomp filter: %s",
                       strerror(rc < 0 ? -rc : ENOMEM));
    out->size += (size_t)size;
    return 0;
}
