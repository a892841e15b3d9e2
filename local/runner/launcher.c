/* launcher.c - see launcher.h. */
#include "local/runner/launcher.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/data/json.h"
#include "common/hide.h"
#include "common/limits.h"
#include "common/log.h"
#include "local/runner/cgroup.h"
#include "local/runner/env.h"
#include "local/runner/image.h"
#include "local/runner/volume.h"

#define GRACE_S 30

uid_t
launcher_outer_id(void)
{
    return geteuid() == 0 ? IMAGE_USER : geteuid();
}

/* The user id that the container sees: its own wish, the Pod's, the image's. */
static int64_t
inner_id(const json_t *pod, const struct container *c, const struct image *img)
{
    int64_t id = json_int_or(pod, "spec.securityContext.runAsUser", img->user);

    return json_int_or(c->spec, "securityContext.runAsUser", id);
}

static int
make_places(const struct podentry *entry, const struct container *c, struct launch *l,
            struct err *e)
{
    char dir[4200];

    snprintf(dir, sizeof dir, "%s/%s", entry->dir, c->name);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "making %s", dir);
    l->dir = strdup(dir);
    l->hostname = strndup(entry->state->name, 63);
    return l->dir != NULL && l->hostname != NULL
               ? 0
               : err_set(e, ERR_SYSTEM, "out of memory");
}

static int
make_volumes(struct podentry *entry, const json_t *values, struct err *e)
{
    char dir[4200];

    if (entry->volumes_made)
        return 0;
    snprintf(dir, sizeof dir, "%s/.volumes", entry->dir);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "making %s", dir);
    if (volume_make_all(entry->state->pod, dir, values, launcher_outer_id(), e) < 0)
        return -1;
    entry->volumes_made = true;
    return 0;
}

/* Environment, command line, file system: what needs the image and the values. */
static int
fill(struct podentry *entry, const struct container *c, const struct image *img,
     const json_t *values, struct launch *l, struct err *e)
{
    const struct image_host *host = &entry->pods->o.host;
    const json_t *pod = entry->state->pod;
    SCOPED(json) json_t *base = image_env(host, img);
    char dir[4200];
    const char *name;
    json_t *value;

    json_object_set_new(base, "HOSTNAME", json_string(l->hostname));
    SCOPED(json) json_t *vars = env_build(c->spec, pod, base, values, e);
    if (vars == NULL || env_command(c->spec, img->entrypoint, vars, &l->args, e) < 0)
        return -1;
    json_object_foreach(vars, name, value)
    {
        SCOPED(buf) struct buf line = BUF_INIT;
        buf_printf(&line, "%s=%s", name, json_string_value(value));
        if (launch_add(&l->env, buf_str(&line)) < 0)
            return err_set(e, ERR_SYSTEM, "out of memory");
    }
    l->inner_id = inner_id(pod, c, img);
    l->outer_id = launcher_outer_id();
    l->cwd = strdup(json_str_or(c->spec, "workingDir", img->workdir));
    if (image_mounts(host, img, l->inner_id, l) < 0 || l->cwd == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    snprintf(dir, sizeof dir, "%s/.volumes", entry->dir);
    return volume_mounts(pod, c->spec, dir, l, e);
}

/* Limits that cannot be set here are no reason not to run: it is said once. */
static void
add_limits(struct podentry *entry, const struct container *c, struct launch *l)
{
    char name[128];
    struct err e = ERR_INIT;

    snprintf(name, sizeof name, "%.64s-%.40s-%d", entry->state->uid, c->name,
             (int)c->attempt);
    if (cgroup_make(json_at(c->spec, "resources.limits"), name, l, &e) < 0 &&
        !entry->pods->limits_warned) {
        log_warn(entry->state->name, "container %s: %s; it runs without this limit",
                 c->name, e.text);
        entry->pods->limits_warned = e.code == ERR_SYSTEM;
    }
}

static int
hide_value(void *l, const char *key, const char *bytes, size_t size)
{
    (void)key;
    /* A text of the launch ends at a zero: binary values are not printed as they are. */
    return memchr(bytes, '\0', size) != NULL || size < HIDE_MIN_BYTES
               ? 0
               : launch_add(&((struct launch *)l)->hidden, bytes);
}

/* What the container has from Secrets must not stand in its log. */
static int
hide_secrets(const json_t *values, struct launch *l, struct err *e)
{
    const char *key;
    json_t *object;

    json_object_foreach((json_t *)values, key, object)
    {
        if (strncmp(key, "secret/", 7) == 0 && json_is_object(object) &&
            refs_each(object, REF_SECRET, hide_value, l) < 0)
            return err_set(e, ERR_SYSTEM, "out of memory");
    }
    return 0;
}

struct launch *
launcher_make(struct podentry *entry, const struct container *c, const json_t *values,
              const char **reason, struct err *e)
{
    SCOPED(launch) struct launch *l = launch_new();
    const json_t *pod = entry->state->pod;
    struct image img;

    *reason = "InvalidImageName";
    if (image_find(&entry->pods->o.host, json_str_or(c->spec, "image", ""), &img, e) <
        0) {
        if (e->code == ERR_NOT_FOUND)
            *reason = c->failures > 0 ? "ImagePullBackOff" : "ErrImagePull";
        return NULL;
    }
    *reason = "CreateContainerConfigError";
    int rc =
        l == NULL ? err_set(e, ERR_SYSTEM, "out of memory") : make_places(entry, c, l, e);
    if (rc == 0)
        rc = make_volumes(entry, values, e);
    if (rc == 0)
        rc = fill(entry, c, &img, values, l, e);
    if (rc == 0)
        rc = hide_secrets(values, l, e);
    image_clear(&img);
    if (rc < 0)
        return NULL;
    l->attempt = c->attempt;
    l->grace_ms = json_int_or(pod, "spec.terminationGracePeriodSeconds", GRACE_S) * 1000;
    l->log_bytes = LIMIT_CONTAINER_LOG_BYTES;
    add_limits(entry, c, l);
    buf_add(&l->filter, entry->pods->o.filter.data, entry->pods->o.filter.size);
    return TAKE(l);
}
