/* image.c - see image.h. */
#include "local/runner/image.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/data/json.h"
#include "common/macros.h"

/* What a program of this host needs to run, and nothing that says who its user is. */
static const char *const host_trees[] = {"/usr",   "/bin",   "/sbin",  "/lib",
                                         "/lib32", "/lib64", "/libx32"};
static const char *const host_files[] = {
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/mime.types",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/terminfo",
    "/etc/python3",
    "/etc/perl",
    "/etc/bash.bashrc",
    "/etc/profile",
    "/etc/inputrc",
    "/etc/magic",
};
static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full",
                                      "/dev/random", "/dev/urandom"};
static const struct {
    const char *target, *text;
} links[] = {
    {"/dev/fd", "/proc/self/fd"},
    {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},
};

/* ---- finding ---- */

/* The directory name that an image name stands for. */
static int
component(const char *image_name, char *out, size_t room, struct err *e)
{
    const char *slash = strrchr(image_name, '/');
    const char *from = slash != NULL ? slash + 1 : image_name;
    size_t size = strcspn(from, ":@");

    if (size == 0 || size >= room || from[0] == '.')
        return err_set(e, ERR_INVALID, "image \"%s\": not an image name", image_name);
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)from[i]) && strchr("._-", from[i]) == NULL)
            return err_set(e, ERR_INVALID, "image \"%s\": not an image name", image_name);
    snprintf(out, room, "%.*s", (int)size, from);
    return 0;
}

static void
copy(const json_t *config, const char *key, char *out, size_t room)
{
    const char *s = json_string_value(json_object_get(config, key));

    if (s != NULL && *s != '\0')
        snprintf(out, room, "%s", s);
}

static int
read_config(struct image *img, struct err *e)
{
    char path[4200];
    json_error_t why;

    snprintf(path, sizeof path, "%s/image.json", img->dir);
    if (access(path, F_OK) < 0)
        return 0;
    SCOPED(json) json_t *config = json_load_file(path, 0, &why);
    if (!json_is_object(config))
        return err_set(e, ERR_INVALID, "%s line %d: %s", path, why.line, why.text);
    copy(config, "name", img->name, sizeof img->name);
    copy(config, "home", img->home, sizeof img->home);
    copy(config, "workdir", img->workdir, sizeof img->workdir);
    const json_t *user = json_object_get(config, "user");
    if (json_is_integer(user))
        img->user = json_integer_value(user);
    json_t *entrypoint = json_object_get(config, "entrypoint");
    if (json_is_array(entrypoint))
        img->entrypoint = json_incref(entrypoint);
    return 0;
}

int
image_find(const struct image_host *host, const char *image_name, struct image *out,
           struct err *e)
{
    char name[128];
    struct stat st;
    struct image img = {.user = IMAGE_USER,
                        .name = "agent",
                        .home = "/home/agent",
                        .workdir = "/workspace"};

    if (component(image_name, name, sizeof name, e) < 0)
        return -1;
    snprintf(img.dir, sizeof img.dir, "%s/%s", host->agents_dir, name);
    if (stat(img.dir, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(
            e, ERR_NOT_FOUND,
            "image \"%s\" is not on this machine: in local mode it is the directory %s",
            image_name, img.dir);
    if (read_config(&img, e) < 0)
        return -1;
    *out = img;
    return 0;
}

void
image_clear(struct image *img)
{
    json_decref(img->entrypoint);
    img->entrypoint = NULL;
}

/* ---- the file system ---- */

static int
add_host(struct launch *l)
{
    struct stat st;
    char text[4096];
    int bad = 0;

    for (size_t i = 0; i < ARRAY_LEN(host_trees); i++) {
        if (lstat(host_trees[i], &st) < 0)
            continue;
        ssize_t n =
            S_ISLNK(st.st_mode) ? readlink(host_trees[i], text, sizeof text - 1) : -1;
        if (n >= 0) {
            text[n] = '\0';
            bad |= launch_mount_add(l, LAUNCH_LINK, 0, text, "", host_trees[i]);
        } else {
            bad |= launch_mount_add(l, LAUNCH_BIND, 0, host_trees[i], "", host_trees[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(host_files); i++)
        if (access(host_files[i], R_OK) == 0)
            bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_OPTIONAL, host_files[i], "",
                                    host_files[i]);
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_DEVICE | LAUNCH_WRITABLE,
                                devices[i], "", devices[i]);
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        bad |= launch_mount_add(l, LAUNCH_LINK, 0, links[i].text, "", links[i].target);
    return bad;
}

static int
add_accounts(const struct image *img, int64_t id, struct launch *l)
{
    SCOPED(buf) struct buf users = BUF_INIT, groups = BUF_INIT;

    if (id != 0)
        buf_add_str(&users, "root:x:0:0:root:/root:/bin/sh\n");
    buf_printf(&users, "%s:x:%" PRId64 ":%" PRId64 "::%s:/bin/bash\n",
               id != 0 ? img->name : "root", id, id, img->home);
    buf_add_str(&users, "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n");
    if (id != 0)
        buf_add_str(&groups, "root:x:0:\n");
    buf_printf(&groups, "%s:x:%" PRId64 ":\nnogroup:x:65534:\n",
               id != 0 ? img->name : "root", id);
    return launch_mount_add(l, LAUNCH_TEXT, 0, buf_str(&users), "", "/etc/passwd") |
           launch_mount_add(l, LAUNCH_TEXT, 0, buf_str(&groups), "", "/etc/group");
}

static int
add_image(const struct image_host *host, const struct image *img, struct launch *l)
{
    char path[4200];
    int bad = 0;

    snprintf(path, sizeof path, "%s/kelos_entrypoint.sh", img->dir);
    bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_OPTIONAL, path, "",
                            "/kelos_entrypoint.sh");
    bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_OPTIONAL, path, "",
                            "/axon_entrypoint.sh");
    snprintf(path, sizeof path, "%s/kelos_agent.sh", img->dir);
    bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_OPTIONAL, path, "",
                            "/kelos/kelos_agent.sh");
    snprintf(path, sizeof path, "%s/bin", img->dir);
    bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_OPTIONAL, path, "", "/kelos/bin");
    bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_OPTIONAL, host->capture, "",
                            "/kelos/kelos-capture");
    for (size_t i = 0; i < host->agent_paths.count; i++) {
        const char *dir = host->agent_paths.items[i];
        bad |= launch_mount_add(l, LAUNCH_BIND, LAUNCH_OPTIONAL, dir, "", dir);
    }
    return bad;
}

int
image_mounts(const struct image_host *host, const struct image *img, int64_t id,
             struct launch *l)
{
    static const char *const public_dirs[] = {"/tmp", "/var/tmp", "/dev/shm",
                                              "/run/lock"};
    int bad = 0;

    for (size_t i = 0; i < ARRAY_LEN(public_dirs); i++)
        bad |= launch_mount_add(l, LAUNCH_DIR, LAUNCH_PUBLIC, "", "", public_dirs[i]);
    bad |= launch_mount_add(l, LAUNCH_DIR, 0, "", "", img->home);
    bad |= launch_mount_add(l, LAUNCH_DIR, 0, "", "", img->workdir);
    bad |= add_host(l);
    bad |= add_accounts(img, id, l);
    bad |= add_image(host, img, l);
    return bad != 0 ? -1 : 0;
}

json_t *
image_env(const struct image_host *host, const struct image *img)
{
    static const char system_path[] =
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    SCOPED(buf) struct buf path = BUF_INIT;

    buf_printf(&path, "%s/.local/bin:/kelos/bin:", img->home);
    for (size_t i = 0; i < host->agent_paths.count; i++) {
        const char *dir = host->agent_paths.items[i];
        buf_printf(&path, "%s:%s/bin:%s/node_modules/.bin:", dir, dir, dir);
    }
    buf_add_str(&path, system_path);
    return json_pack("{s:s, s:s, s:s}", "PATH", buf_str(&path), "HOME", img->home, "LANG",
                     "C.UTF-8");
}
