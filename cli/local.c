/* local.c - see local.h. */
#include "cli/local.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/scoped.h"

char *
local_path(const char *dir, const char *name)
{
    char *out = NULL;

    return asprintf(&out, "%s/%s", dir, name) < 0 ? NULL : out;
}

char *
local_dir(const char *given, struct err *e)
{
    const char *named =
        given != NULL && given[0] != '\0' ? given : getenv("KELOS_LOCAL_DIR");
    const char *home = getenv("HOME");
    char cwd[PATH_MAX];

    if (named == NULL || named[0] == '\0') {
        if (home == NULL || home[0] == '\0') {
            err_set(e, ERR_INVALID,
                    "HOME is not set; name the data directory with --data");
            return NULL;
        }
        return local_path(home, ".kelos/local");
    }
    if (named[0] == '/')
        return strdup(named);
    if (getcwd(cwd, sizeof(cwd)) == NULL) {
        err_errno(e, "current directory");
        return NULL;
    }
    return local_path(cwd, named);
}

/* Whether the process is a supervisor of this directory: pids come back as others. */
static bool
is_supervisor(pid_t pid, const char *dir)
{
    char path[64], line[8192];
    size_t size, at = 0;
    bool program = false, data = false;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    size = fread(line, 1, sizeof(line) - 1, f);
    fclose(f);
    line[size] = '\0';
    while (at < size) {
        const char *word = line + at;

        program = program || (at == 0 && strstr(word, "kelos-supervisor") != NULL);
        data = data || strcmp(word, dir) == 0;
        at += strlen(word) + 1;
    }
    return program && data;
}

pid_t
local_running(const char *dir)
{
    SCOPED(string) char *path = local_path(dir, "supervisor.pid");
    FILE *f = path != NULL ? fopen(path, "re") : NULL;
    int pid = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%d", &pid) != 1 || pid <= 1)
        pid = 0;
    fclose(f);
    return pid != 0 && is_supervisor(pid, dir) ? pid : 0;
}

char *
local_kubeconfig(void)
{
    struct err e = ERR_INIT;
    SCOPED(string) char *dir = local_dir(NULL, &e);

    if (dir == NULL || local_running(dir) == 0)
        return NULL;
    char *path = local_path(dir, "kubeconfig");
    if (path != NULL && access(path, R_OK) != 0) {
        free(path);
        return NULL;
    }
    return path;
}

/* The folder of this program, without a slash at its end. */
static int
own_folder(char *out, size_t size, struct err *e)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);

    if (n <= 0)
        return err_errno(e, "/proc/self/exe");
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL)
        *slash = '\0';
    return 0;
}

/* The first of two places that exists. */
static char *
first_of(const char *one, const char *two, const char *name, int mode, struct err *e)
{
    char folder[PATH_MAX];
    const char *const places[] = {one, two};
    char *path = NULL;

    if (own_folder(folder, sizeof(folder), e) < 0)
        return NULL;
    for (int i = 0; i < 2; i++) {
        if (asprintf(&path, "%s/%s%s", folder, places[i], name) < 0)
            return NULL;
        if (access(path, mode) == 0)
            return path;
        free(path);
    }
    err_set(e, ERR_NOT_FOUND, "%s not found in %s/%s nor %s/%s: build or install it",
            name, folder, one, folder, two);
    return NULL;
}

char *
local_program(const char *name, struct err *e)
{
    return first_of("", "../libexec/kelos/", name, X_OK, e);
}

char *
local_share(const char *name, struct err *e)
{
    return first_of("../share/kelos/", "../../share/kelos/", name, R_OK, e);
}
