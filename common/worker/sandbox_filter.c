/* sandbox_filter.c - see sandbox_filter.h.
 *
 * Calls are refused with EPERM rather than by a kill: a library that tries one and can do
 * without goes on, and a worker that cannot says so in its log. */
#include "common/worker/sandbox_filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/socket.h>

#define CALL(name) SCMP_SYS(name)

/* What changes the machine, other processes, or the rules themselves. */
static const int admin_calls[] = {
    CALL(mount),
    CALL(umount2),
    CALL(pivot_root),
    CALL(chroot),
    CALL(setns),
    CALL(unshare),
    CALL(move_mount),
    CALL(open_tree),
    CALL(fsopen),
    CALL(fsconfig),
    CALL(fsmount),
    CALL(fspick),
    CALL(mount_setattr),
    CALL(reboot),
    CALL(swapon),
    CALL(swapoff),
    CALL(kexec_load),
    CALL(kexec_file_load),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(acct),
    CALL(quotactl),
    CALL(sethostname),
    CALL(setdomainname),
    CALL(settimeofday),
    CALL(clock_settime),
    CALL(adjtimex),
    CALL(clock_adjtime),
    CALL(bpf),
    CALL(keyctl),
    CALL(add_key),
    CALL(request_key),
    CALL(userfaultfd),
    CALL(io_uring_setup),
    CALL(io_uring_enter),
    CALL(syslog),
    CALL(io_uring_register),
    CALL(open_by_handle_at),
    CALL(personality),
    CALL(vhangup),
    CALL(mknod),
    CALL(mknodat),
    CALL(perf_event_open),
    CALL(iopl),
    CALL(ioperm),
    CALL(setuid),
    CALL(setgid),
    CALL(setreuid),
    CALL(setregid),
    CALL(setresuid),
    CALL(setresgid),
    CALL(setgroups),
    CALL(setfsuid),
    CALL(setfsgid),
    CALL(capset),
};

static const int trace_calls[] = {
    CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev),
    CALL(kcmp),   CALL(pidfd_getfd),      CALL(process_madvise),
};

static const int exec_calls[] = {CALL(execve), CALL(execveat), CALL(fork), CALL(vfork)};

/* AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK for the resolver; nothing else. */
static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

struct filter_row {
    bool admin, trace, exec, families;
};

static const struct filter_row table[N_ROLES] = {
    [ROLE_WATCHER] = {true, true, true, true},
    [ROLE_RECONCILER] = {true, true, true, true},
    [ROLE_SPAWNER] = {true, true, true, true},
    [ROLE_STATUSWRITER] = {true, true, true, true},
    [ROLE_APISERVER] = {true, true, true, true},
};

/* A call that this architecture lacks (mknod on arm64) is no error. */
static int
refuse_calls(scmp_filter_ctx ctx, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), calls[i], 0);

        if (rc < 0 && rc != -EDOM && rc != -EOPNOTSUPP)
            return rc;
    }
    return 0;
}

static int
refuse_socket(scmp_filter_ctx ctx, enum scmp_compare how, unsigned family)
{
    const struct scmp_arg_cmp family_is = {.arg = 0, .op = how, .datum_a = family};

    return seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  &family_is);
}

static int
refuse_families(scmp_filter_ctx ctx)
{
    int rc = refuse_socket(ctx, SCMP_CMP_GT, AF_NETLINK);

    for (unsigned f = 0; rc == 0 && f < AF_NETLINK; f++) {
        bool allowed = false;

        for (size_t i = 0; i < ARRAY_LEN(families); i++)
            allowed |= families[i] == (int)f;
        if (!allowed)
            rc = refuse_socket(ctx, SCMP_CMP_EQ, f);
    }
    return rc;
}

/* New threads yes, new processes no. The flags of clone3 lie behind a pointer that a
 * filter cannot read; ENOSYS makes libc use clone. */
static int
refuse_processes(scmp_filter_ctx ctx)
{
    int rc = refuse_calls(ctx, exec_calls, ARRAY_LEN(exec_calls));

    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc;
}

static int
add_rules(scmp_filter_ctx ctx, const struct filter_row *row)
{
#ifdef KELOS_SANITIZED
    const bool whole = false; /* the leak checker clones itself a tracer */
#else
    const bool whole = true;
#endif
    int rc = row->admin ? refuse_calls(ctx, admin_calls, ARRAY_LEN(admin_calls)) : 0;

    if (rc == 0 && row->families)
        rc = refuse_families(ctx);
    if (rc == 0 && row->trace && whole)
        rc = refuse_calls(ctx, trace_calls, ARRAY_LEN(trace_calls));
    if (rc == 0 && row->exec && whole)
        rc = refuse_processes(ctx);
    return rc;
}

int
sandbox_filter_enter(enum role role, struct err *e)
{
    const struct filter_row *row = &table[role];
    scmp_filter_ctx ctx;
    int rc;

    if (!row->admin)
        return 0;
    if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
        return err_set(e, ERR_SYSTEM, "sandbox: seccomp_init");
    rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = add_rules(ctx, row);
    if (rc == 0)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    if (rc == -ENOSYS || rc == -EINVAL)
        return 1;
    errno = -rc;
    return rc < 0 ? err_errno(e, "sandbox: seccomp filter of %s", role_name(role)) : 0;
}
