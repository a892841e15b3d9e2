/* sandbox.c - see sandbox.h. The system call filter is in sandbox_filter.c. */
#include "common/worker/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/log.h"
#include "common/worker/sandbox_filter.h"

/* Debian 12's header ends at ABI 2; the rest by hand. */
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP (1ULL << 0)  /* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

#define GRANTS_MAX 64

struct grant {
    int fd; /* O_PATH; owned */
    bool directory;
    enum sandbox_access access;
};

struct sandbox {
    enum role role;
    enum sandbox_mode mode;
    struct grant grants[GRANTS_MAX];
    size_t n_grants;
};

/* What each role may do with TCP, and whether it is confined at all. Hosts are not for
 * Landlock to tell apart; common/http has its allow-list. */
static const struct {
    bool confined;
    bool tcp_bind;
    bool tcp_connect;
} roles[N_ROLES] = {
    [ROLE_WATCHER] = {true, false, true},   [ROLE_RECONCILER] = {true, false, true},
    [ROLE_SPAWNER] = {true, false, true},   [ROLE_STATUSWRITER] = {true, true, true},
    [ROLE_APISERVER] = {true, true, false},
};

/* What every process needs to run, resolve names and trust certificates. */
static const char *const common_paths[] = {
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/localtime",
    "/etc/timezone",
    "/run/systemd/resolve",
    "/dev/null",
    "/dev/urandom",
    "/proc/self",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
};

int
sandbox_mode_parse(const char *text, enum sandbox_mode *mode)
{
    static const char *const names[] = {"auto", "require", "off"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *mode = (enum sandbox_mode)i;
            return 0;
        }
    return -1;
}

int
sandbox_landlock_abi(void)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi > 0 ? (int)abi : 0;
}

/* A sanitizer writes its report when the process ends, behind the closed door. */
static int
allow_sanitizer_reports(struct sandbox *s, struct err *e)
{
#ifdef KELOS_SANITIZED
    const char *options = getenv("ASAN_OPTIONS");
    const char *path = options != NULL ? strstr(options, "log_path=") : NULL;
    char folder[4096];

    if (path == NULL)
        return 0;
    path += strlen("log_path=");
    snprintf(folder, sizeof folder, "%.*s", (int)strcspn(path, ":"), path);
    if (strrchr(folder, '/') == NULL)
        return 0;
    *strrchr(folder, '/') = '\0';
    return sandbox_allow(s, folder, SANDBOX_WRITE, e);
#else
    (void)s;
    (void)e;
    return 0;
#endif
}

struct sandbox *
sandbox_new(enum role role, enum sandbox_mode mode)
{
    struct sandbox *s = calloc(1, sizeof *s);
    struct err ignored = ERR_INIT;

    if (s == NULL)
        return NULL;
    s->role = role;
    s->mode = mode;
    for (size_t i = 0; i < ARRAY_LEN(common_paths); i++)
        sandbox_allow(s, common_paths[i], SANDBOX_READ, &ignored);
    allow_sanitizer_reports(s, &ignored);
    return s;
}

void
sandbox_free(struct sandbox *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_grants; i++)
        close(s->grants[i].fd);
    free(s);
}

int
sandbox_allow(struct sandbox *s, const char *path, enum sandbox_access access,
              struct err *e)
{
    struct stat st;
    int fd;

    if (s->n_grants == GRANTS_MAX)
        return err_set(e, ERR_LIMIT, "sandbox: more than %d grants", GRANTS_MAX);
    if ((fd = open(path, O_PATH | O_CLOEXEC)) < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
            return 0;
        return err_errno(e, "sandbox: %s", path);
    }
    if (fstat(fd, &st) < 0) {
        close(fd);
        return err_errno(e, "sandbox: %s", path);
    }
    s->grants[s->n_grants++] = (struct grant){fd, S_ISDIR(st.st_mode), access};
    return 0;
}

/* The file rights that a Landlock of this ABI knows. */
static uint64_t
known_rights(int abi)
{
    uint64_t rights = (1ULL << 13) - 1;

    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= FS_TRUNCATE;
    if (abi >= 5)
        rights |= FS_IOCTL_DEV;
    return rights;
}

static uint64_t
rights_of(const struct grant *g, uint64_t known)
{
    const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    const uint64_t on_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                              LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
    uint64_t rights = read;

    if (g->access == SANDBOX_EXEC)
        rights |= LANDLOCK_ACCESS_FS_EXECUTE;
    if (g->access == SANDBOX_WRITE)
        rights = known & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
    if (!g->directory)
        rights &= on_files;
    return rights & known;
}

static int
add_grants(const struct sandbox *s, int ruleset, uint64_t known, struct err *e)
{
    for (size_t i = 0; i < s->n_grants; i++) {
        struct landlock_path_beneath_attr rule = {
            .allowed_access = rights_of(&s->grants[i], known),
            .parent_fd = s->grants[i].fd,
        };

        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
                    0) < 0)
            return err_errno(e, "sandbox: landlock_add_rule");
    }
    return 0;
}

/* Returns 1 when the kernel has no Landlock. */
static int
enter_landlock(const struct sandbox *s, struct err *e)
{
    int abi = sandbox_landlock_abi();
    struct ruleset_attr attr = {0};
    size_t size = abi >= 6   ? sizeof attr
                  : abi >= 4 ? 2 * sizeof(uint64_t)
                             : sizeof(uint64_t);
    SCOPED(fd) int ruleset = -1;

    if (abi == 0)
        return 1;
    attr.handled_access_fs = known_rights(abi);
    if (abi >= 4)
        attr.handled_access_net = (roles[s->role].tcp_bind ? 0 : NET_BIND_TCP) |
                                  (roles[s->role].tcp_connect ? 0 : NET_CONNECT_TCP);
    if (abi >= 6)
        attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return err_errno(e, "sandbox: landlock_create_ruleset");
    if (add_grants(s, ruleset, attr.handled_access_fs, e) < 0)
        return -1;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return err_errno(e, "sandbox: landlock_restrict_self");
    return 0;
}

static int
one_thread(struct err *e)
{
    DIR *d = opendir("/proc/self/task");
    struct dirent *entry;
    int threads = 0;

    if (d == NULL)
        return 0; /* without /proc nothing can be counted */
    while ((entry = readdir(d)) != NULL)
        threads += entry->d_name[0] != '.';
    closedir(d);
    if (threads > 1)
        return err_set(e, ERR_INVALID,
                       "sandbox: %d threads already; those would stay free", threads);
    return 0;
}

static int
enter_limits(struct err *e)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return err_errno(e, "sandbox: RLIMIT_CORE");
#ifndef KELOS_SANITIZED /* the leak checker is a tracer of its own process */
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return err_errno(e, "sandbox: PR_SET_DUMPABLE");
#endif
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(e, "sandbox: PR_SET_NO_NEW_PRIVS");
    return 0;
}

/* In mode auto a missing piece is said once and done without. */
static int
missing(const struct sandbox *s, const char *what, struct err *e)
{
    if (s->mode == SANDBOX_REQUIRE)
        return err_set(e, ERR_FORBIDDEN, "--sandbox=require: this kernel has no %s",
                       what);
    log_warn(NULL, "sandbox: this kernel has no %s; going on without it", what);
    return 0;
}

int
sandbox_enter(struct sandbox *s, struct err *e)
{
    int rc;

    if (s->mode == SANDBOX_OFF || !roles[s->role].confined)
        return 0;
    if (one_thread(e) < 0 || enter_limits(e) < 0)
        return -1;
    if ((rc = enter_landlock(s, e)) < 0 || (rc == 1 && missing(s, "Landlock", e) < 0))
        return -1;
    if ((rc = sandbox_filter_enter(s->role, e)) < 0 ||
        (rc == 1 && missing(s, "seccomp filter", e) < 0))
        return -1;
    return 0;
}
