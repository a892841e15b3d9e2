/* volume.c - see volume.h. */
#include "local/runner/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/runner/env.h"
#include "local/runner/refs.h"

#define FILES_MAX 512
#define PATH_BYTES 4096

struct file {
    char path[512]; /* below the volume */
    int mode;
    struct buf bytes;
};

/* The files that a volume is to hold. */
struct files {
    struct file *items;
    size_t count;
};

static void
files_scoped_free(struct files *f)
{
    for (size_t i = 0; i < f->count; i++)
        buf_wipe(&f->items[i].bytes);
    free(f->items);
}

/* Formats a path of PATH_BYTES; one that is too long becomes "", which names nothing. */
static void PRINTF_LIKE(2, 3) place(char *out, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(out, PATH_BYTES, fmt, ap);
    va_end(ap);
    if (n >= PATH_BYTES)
        out[0] = '\0';
}

/* ---- collecting ---- */

/* A path below the volume: relative, no step "..", none that begins so. */
static bool
path_good(const char *path)
{
    if (*path == '/' || *path == '\0' || strlen(path) >= sizeof((struct file *)0)->path)
        return false;
    for (const char *s = path; *s != '\0';) {
        size_t size = strcspn(s, "/");
        if (size == 0 || strncmp(s, "..", 2) == 0 || (size == 1 && *s == '.'))
            return false;
        s += size;
        s += *s == '/';
    }
    return true;
}

static struct file *
add_file(struct files *f, const char *path, int64_t mode, struct err *e)
{
    struct file *grown;

    if (!path_good(path)) {
        err_set(e, ERR_INVALID, "file path \"%s\" must be relative and without \"..\"",
                path);
        return NULL;
    }
    if (f->count == FILES_MAX ||
        (grown = realloc(f->items, (f->count + 1) * sizeof *grown)) == NULL) {
        err_set(e, ERR_LIMIT, "FILES_MAX: a volume holds at most %d files", FILES_MAX);
        return NULL;
    }
    f->items = grown;
    struct file *file = &grown[f->count++];
    *file = (struct file){.mode = (int)(mode & 0777)};
    snprintf(file->path, sizeof file->path, "%s", path);
    return file;
}

struct each {
    struct files *files;
    int64_t mode;
    struct err *e;
};

static int
add_each(void *arg, const char *key, const char *bytes, size_t size)
{
    const struct each *a = arg;
    struct file *file = add_file(a->files, key, a->mode, a->e);

    return file != NULL ? buf_add(&file->bytes, bytes, size) : -1;
}

/* The keys of a Secret or ConfigMap, all or those in `items`. */
static int
add_object(struct files *f, const json_t *source, const char *name, enum ref_kind kind,
           int64_t mode, const json_t *values, struct err *e)
{
    const json_t *object = refs_object(values, kind, name),
                 *items = json_object_get(source, "items");
    bool optional = json_bool_or(source, "optional", false);
    struct each all = {f, mode, e};
    size_t i;
    json_t *item;

    if (object == NULL && optional)
        return 0;
    if (object == NULL)
        return err_set(e, ERR_NOT_FOUND, "%s \"%s\" not found",
                       kind == REF_SECRET ? "secret" : "configmap", name);
    if (json_array_size(items) == 0)
        return refs_each(object, kind, add_each, &all);
    json_array_foreach(items, i, item)
    {
        const char *key = json_str_or(item, "key", "");
        struct file *file = add_file(f, json_str_or(item, "path", ""),
                                     json_int_or(item, "mode", mode), e);
        if (file == NULL)
            return -1;
        if (refs_value(object, kind, key, &file->bytes))
            continue;
        if (!optional)
            return err_set(e, ERR_NOT_FOUND, "references non-existent %s key: %s",
                           kind == REF_SECRET ? "secret" : "config", key);
        buf_free(&f->items[--f->count].bytes);
    }
    return 0;
}

static int
add_downward(struct files *f, const json_t *source, int64_t mode, const json_t *pod,
             struct err *e)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(source, "items"), i, item)
    {
        struct file *file = add_file(f, json_str_or(item, "path", ""),
                                     json_int_or(item, "mode", mode), e);
        if (file == NULL || env_field(pod, json_str_or(item, "fieldRef.fieldPath", ""),
                                      &file->bytes, e) < 0)
            return -1;
    }
    return 0;
}

static int
add_projected(struct files *f, const json_t *sources, int64_t mode, const json_t *pod,
              const json_t *values, struct err *e)
{
    size_t i;
    json_t *s;

    json_array_foreach(sources, i, s)
    {
        const json_t *secret = json_object_get(s, "secret"),
                     *config = json_object_get(s, "configMap");
        const json_t *downward = json_object_get(s, "downwardAPI");
        int rc;
        if (secret != NULL)
            rc = add_object(f, secret, json_str_or(secret, "name", ""), REF_SECRET, mode,
                            values, e);
        else if (config != NULL)
            rc = add_object(f, config, json_str_or(config, "name", ""), REF_CONFIG_MAP,
                            mode, values, e);
        else if (downward != NULL)
            rc = add_downward(f, downward, mode, pod, e);
        else
            rc = err_set(e, ERR_INVALID,
                         "projected source %zu: local mode knows secret, configMap and "
                         "downwardAPI",
                         i);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* ---- writing ---- */

/* Makes `dir` below fd and gives it its owner. */
static int
make_dir(const char *dir, mode_t mode, uid_t owner, struct err *e)
{
    if (mkdir(dir, mode) < 0)
        return errno == EEXIST ? 0 : err_errno(e, "making %s", dir);
    if (chmod(dir, mode) < 0 || (geteuid() == 0 && chown(dir, owner, owner) < 0))
        return err_errno(e, "owner of %s", dir);
    return 0;
}

static int
write_file(const char *dir, const struct file *file, uid_t owner, struct err *e)
{
    char path[PATH_BYTES];

    for (size_t i = 0; file->path[i] != '\0'; i++) {
        if (file->path[i] != '/')
            continue;
        place(path, "%s/%.*s", dir, (int)i, file->path);
        if (make_dir(path, 0755, owner, e) < 0)
            return -1;
    }
    place(path, "%s/%s", dir, file->path);
    SCOPED(fd)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 ||
        write(fd, buf_str(&file->bytes), file->bytes.size) != (ssize_t)file->bytes.size)
        return err_errno(e, "writing %s", path);
    if (fchmod(fd, (mode_t)file->mode) < 0 ||
        (geteuid() == 0 && fchown(fd, owner, owner) < 0))
        return err_errno(e, "mode of %s", path);
    return 0;
}

static uint64_t
hash(const struct files *f)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < f->count; i++) {
        const struct file *file = &f->items[i];
        for (size_t k = 0; k < strlen(file->path) + 1; k++)
            h = (h ^ (unsigned char)file->path[k]) * UINT64_C(1099511628211);
        for (size_t k = 0; k < file->bytes.size; k++)
            h = (h ^ (unsigned char)file->bytes.data[k]) * UINT64_C(1099511628211);
        h = (h ^ (uint64_t)file->mode ^ file->bytes.size << 16) * UINT64_C(1099511628211);
    }
    return h;
}

/* Puts a link in place at once. */
static int
put_link(const char *text, const char *path, struct err *e)
{
    char draft[PATH_BYTES];

    place(draft, "%s.new", path);
    unlink(draft);
    if (symlink(text, draft) < 0 || rename(draft, path) < 0)
        return err_errno(e, "link %s", path);
    return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

/* The set that was shown before: an old token need not lie about. */
static void
remove_set(const char *dir, const char *set)
{
    char path[PATH_BYTES];

    place(path, "%s/%s", dir, set);
    if (strncmp(set, "..", 2) != 0 || strchr(set, '/') != NULL || set[2] == '\0')
        return;
    /* Not FTW_MOUNT: on an overlay a file's device is not its folder's. Nothing is mounted in
     * here. */
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The set of files becomes what the volume shows; the same set again changes nothing. */
static int
publish(const struct files *f, const char *dir, uid_t owner, struct err *e)
{
    char set[32], now[64], path[PATH_BYTES], text[600];

    if (make_dir(dir, 0755, owner, e) < 0)
        return -1;
    snprintf(set, sizeof set, "..%016" PRIx64, hash(f));
    place(path, "%s/..data", dir);
    ssize_t n = readlink(path, now, sizeof now - 1);
    now[n > 0 ? n : 0] = '\0';
    if (strcmp(now, set) == 0)
        return 0;
    place(path, "%s/%s", dir, set);
    if (make_dir(path, 0755, owner, e) < 0)
        return -1;
    for (size_t i = 0; i < f->count; i++)
        if (write_file(path, &f->items[i], owner, e) < 0)
            return -1;
    place(path, "%s/..data", dir);
    if (put_link(set, path, e) < 0)
        return -1;
    for (size_t i = 0; i < f->count; i++) {
        int top = (int)strcspn(f->items[i].path, "/");
        place(path, "%s/%.*s", dir, top, f->items[i].path);
        snprintf(text, sizeof text, "..data/%.*s", top, f->items[i].path);
        if (put_link(text, path, e) < 0)
            return -1;
    }
    if (n > 0)
        remove_set(dir, now);
    return 0;
}

/* ---- one volume ---- */

static int
make_volume(const json_t *volume, const json_t *pod, const char *dir,
            const json_t *values, uid_t owner, struct err *e)
{
    SCOPED(files) struct files f = {0};
    const json_t *s;
    int rc;

    if (json_object_get(volume, "emptyDir") != NULL)
        return make_dir(dir, 0777, owner, e);
    if (json_object_get(volume, "hostPath") != NULL)
        return 0;
    if ((s = json_object_get(volume, "secret")) != NULL)
        rc = add_object(&f, s, json_str_or(s, "secretName", ""), REF_SECRET,
                        json_int_or(s, "defaultMode", 0644), values, e);
    else if ((s = json_object_get(volume, "configMap")) != NULL)
        rc = add_object(&f, s, json_str_or(s, "name", ""), REF_CONFIG_MAP,
                        json_int_or(s, "defaultMode", 0644), values, e);
    else if ((s = json_object_get(volume, "downwardAPI")) != NULL)
        rc = add_downward(&f, s, json_int_or(s, "defaultMode", 0644), pod, e);
    else if ((s = json_object_get(volume, "projected")) != NULL)
        rc = add_projected(&f, json_object_get(s, "sources"),
                           json_int_or(s, "defaultMode", 0644), pod, values, e);
    else
        return err_set(e, ERR_INVALID,
                       "local mode knows emptyDir, hostPath, secret, configMap, "
                       "downwardAPI and projected");
    return rc < 0 ? -1 : publish(&f, dir, owner, e);
}

static bool
name_good(const char *name)
{
    return *name != '\0' && *name != '.' && strchr(name, '/') == NULL &&
           strlen(name) < 64;
}

int
volume_make_all(const json_t *pod, const char *dir, const json_t *values, uid_t owner,
                struct err *e)
{
    char path[PATH_BYTES];
    size_t i;
    json_t *volume;

    json_array_foreach(json_at(pod, "spec.volumes"), i, volume)
    {
        const char *name = json_str_or(volume, "name", "");
        if (!name_good(name))
            return err_set(e, ERR_INVALID,
                           "spec.volumes[%zu].name: \"%s\" is not a volume name", i,
                           name);
        place(path, "%s/%s", dir, name);
        if (make_volume(volume, pod, path, values, owner, e) < 0)
            return err_wrap(e, "volume \"%s\"", name);
    }
    return 0;
}

bool
volume_can_change(const json_t *pod)
{
    size_t i;
    json_t *volume;

    json_array_foreach(json_at(pod, "spec.volumes"), i, volume)
    {
        if (json_object_get(volume, "secret") != NULL ||
            json_object_get(volume, "configMap") != NULL ||
            json_object_get(volume, "projected") != NULL)
            return true;
    }
    return false;
}

/* ---- mounts ---- */

static const json_t *
find_volume(const json_t *pod, const char *name)
{
    size_t i;
    json_t *volume;

    json_array_foreach(json_at(pod, "spec.volumes"), i, volume)
    {
        if (strcmp(json_str_or(volume, "name", ""), name) == 0)
            return volume;
    }
    return NULL;
}

static int
add_mount(const json_t *mount, const json_t *volume, const char *dir, struct launch *l,
          struct err *e)
{
    const char *name = json_str_or(mount, "name", ""),
               *target = json_str_or(mount, "mountPath", "");
    const char *sub = json_str_or(mount, "subPath", ""),
               *host = json_str_or(volume, "hostPath.path", NULL);
    char source[PATH_BYTES], inside[PATH_BYTES], set[64];
    bool files = json_object_get(volume, "emptyDir") == NULL && host == NULL;
    unsigned flags =
        json_bool_or(mount, "readOnly", false) || files ? 0 : LAUNCH_WRITABLE;

    if (*target != '/')
        return err_set(e, ERR_INVALID, "mountPath \"%s\" must be absolute", target);
    place(source, "%s%s%s", host != NULL ? "" : dir, host != NULL ? "" : "/",
          host != NULL ? host : name);
    place(inside, "%s", sub);
    if (*sub != '\0' && !path_good(sub))
        return err_set(e, ERR_INVALID,
                       "subPath \"%s\" must be relative and without \"..\"", sub);
    if (*sub != '\0' && files) {
        char link[PATH_BYTES];
        place(link, "%s/..data", source);
        ssize_t n = readlink(link, set, sizeof set - 1);
        set[n > 0 ? n : 0] = '\0';
        place(inside, "%s/%s", set, sub);
    }
    /* A subPath of a writable volume comes into being as a directory. */
    if (*sub != '\0' && !files && strchr(sub, '/') == NULL) {
        SCOPED(fd) int at = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (at >= 0 && mkdirat(at, sub, 0777) == 0 && geteuid() == 0 &&
            fchownat(at, sub, (uid_t)l->outer_id, (gid_t)l->outer_id,
                     AT_SYMLINK_NOFOLLOW) < 0)
            return err_errno(e, "owner of subPath %s", sub);
    }
    if (launch_mount_add(l, LAUNCH_BIND, flags, source, inside, target) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return 0;
}

int
volume_mounts(const json_t *pod, const json_t *container, const char *dir,
              struct launch *l, struct err *e)
{
    size_t i;
    json_t *mount;

    json_array_foreach(json_object_get(container, "volumeMounts"), i, mount)
    {
        const char *name = json_str_or(mount, "name", "");
        const json_t *volume = find_volume(pod, name);
        if (volume == NULL)
            return err_set(e, ERR_INVALID, "volumeMounts[%zu]: there is no volume \"%s\"",
                           i, name);
        if (add_mount(mount, volume, dir, l, e) < 0)
            return err_wrap(e, "volumeMounts[%zu] of volume \"%s\"", i, name);
    }
    return 0;
}
