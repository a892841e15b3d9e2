/* cgroup_make.c - see cgroup.h: the half that the runner uses. */
#include "local/runner/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/value/quantity.h"

#define MOUNT "/sys/fs/cgroup"
#define CPU_PERIOD_US 100000

/* ---- where we are ---- */

/* Our own group of a controller (version 1), or of the one tree ("", version 2). */
static bool
own_group(const char *controller, char *out, size_t room)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[4096];
    bool found = false;

    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
        char *list = strchr(line, ':'),
             *path = list != NULL ? strchr(list + 1, ':') : NULL;
        if (path == NULL)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        found = strcmp(list + 1, controller) == 0;
        if (found)
            snprintf(out, room, "%s%s%s%s", MOUNT, *controller != '\0' ? "/" : "",
                     controller, strcmp(path, "/") == 0 ? "" : path);
    }
    if (f != NULL)
        fclose(f);
    return found;
}

/* ---- limits ---- */

enum { V1, V2 };

struct limit {
    const char *controller, *file[2];
    char value[2][48];
};

/* A quantity: bytes (milli 1000) or thousandths. 0: not given. */
static int
read_limit(const json_t *limits, const char *name, bool milli, int64_t *out,
           struct err *e)
{
    const json_t *v = json_object_get(limits, name);
    char number[32];
    const char *text = json_string_value(v);
    struct quantity q;

    *out = 0;
    if (v == NULL)
        return 0;
    if (json_is_integer(v)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
        text = number;
    }
    if (quantity_parse(text, &q) < 0)
        return err_set(e, ERR_INVALID, "resources.limits.%s: not a quantity", name);
    *out = milli ? quantity_milli(&q) : quantity_value(&q);
    return 0;
}

static int
make_group(const struct limit *limit, const char *name, struct launch *l)
{
    char own[2048], dir[4096];
    int version = own_group(limit->controller, own, sizeof own) ? V1 : V2;

    if (version == V2) {
        char enable[32];
        if (!own_group("", own, sizeof own))
            return -1;
        /* It is an error where it is on already, or where we are not alone: then the
         * limit's file is missing and that is what counts. */
        snprintf(enable, sizeof enable, "+%s", limit->controller);
        cgroup_put(own, "cgroup.subtree_control", enable);
    }
    snprintf(dir, sizeof dir, "%s/kelos-%s", own, name);
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return -1;
    if (cgroup_put(dir, limit->file[version], limit->value[version]) < 0) {
        rmdir(dir);
        return -1;
    }
    for (size_t i = 0; i < l->cgroups.count; i++)
        if (strcmp(l->cgroups.items[i], dir) == 0)
            return 0;
    return launch_add(&l->cgroups, dir);
}

int
cgroup_make(const json_t *limits, const char *name, struct launch *l, struct err *e)
{
    int64_t bytes, milli;
    struct limit rows[2];
    size_t count = 0;

    if (read_limit(limits, "memory", false, &bytes, e) < 0 ||
        read_limit(limits, "cpu", true, &milli, e) < 0)
        return -1;
    if (bytes > 0) {
        struct limit *r = &rows[count++];
        *r = (struct limit){.controller = "memory",
                            .file = {"memory.limit_in_bytes", "memory.max"}};
        snprintf(r->value[V1], sizeof r->value[V1], "%" PRId64, bytes);
        snprintf(r->value[V2], sizeof r->value[V2], "%" PRId64, bytes);
    }
    if (milli > 0) {
        struct limit *r = &rows[count++];
        int64_t quota = milli * CPU_PERIOD_US / 1000;
        *r = (struct limit){.controller = "cpu", .file = {"cpu.cfs_quota_us", "cpu.max"}};
        snprintf(r->value[V1], sizeof r->value[V1], "%" PRId64,
                 quota < 1000 ? 1000 : quota);
        snprintf(r->value[V2], sizeof r->value[V2], "%" PRId64 " %d",
                 quota < 1000 ? 1000 : quota, CPU_PERIOD_US);
    }
    for (size_t i = 0; i < count; i++)
        if (make_group(&rows[i], name, l) < 0)
            err_set(e, ERR_SYSTEM,
                    "resources.limits: no %s control group can be made here",
                    rows[i].controller);
    return e->code == ERR_NONE ? 0 : -1;
}
