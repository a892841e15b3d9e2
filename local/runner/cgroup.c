/* cgroup.c - see cgroup.h: the half that a monitor uses. */
#include "local/runner/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/macros.h"

int
cgroup_put(const char *dir, const char *file, const char *text)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    close(fd);
    return n < 0 ? -1 : 0;
}

void
cgroup_join(const struct launch *l, pid_t pid)
{
    char number[24];

    snprintf(number, sizeof number, "%d\n", (int)pid);
    for (size_t i = 0; i < l->cgroups.count; i++)
        cgroup_put(l->cgroups.items[i], "cgroup.procs", number);
}

/* "oom_kill N" in the group's own words. */
static bool
was_killed(const char *dir)
{
    static const char *const files[] = {"memory.events", "memory.oom_control"};
    char path[4200], line[256];
    long long n = 0;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        FILE *f = fopen(path, "re");
        while (f != NULL && n == 0 && fgets(line, sizeof line, f) != NULL)
            if (strncmp(line, "oom_kill ", 9) == 0)
                n = strtoll(line + 9, NULL, 10);
        if (f != NULL)
            fclose(f);
    }
    return n > 0;
}

bool
cgroup_end(const struct launch *l)
{
    bool killed = false;

    for (size_t i = 0; i < l->cgroups.count; i++) {
        killed = was_killed(l->cgroups.items[i]) || killed;
        rmdir(l->cgroups.items[i]);
    }
    return killed;
}
