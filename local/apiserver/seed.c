/* seed.c - see seed.h. */
#include "local/apiserver/seed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/data/json.h"
#include "common/log.h"
#include "common/macros.h"
#include "common/bus/shard.h"
#include "common/data/yaml.h"
#include "local/apiserver/admit.h"
#include "local/apiserver/object.h"
#include "version.h"

#define CRD_GROUP "apiextensions.k8s.io"

static int
told(const char *what, struct fault *f, struct err *e)
{
    err_set(e, ERR_INVALID, "%s: %s", what, json_str_or(f->status, "message", "refused"));
    fault_clear(f);
    return -1;
}

/* Creates the object unless one of its name is there. Takes obj. */
static int
create_missing(struct server *s, struct resource *r, const char *ns, json_t *taken,
               struct err *e)
{
    SCOPED(json) json_t *obj = taken;
    SCOPED(fault) struct fault f = FAULT_INIT;
    SCOPED(json) json_t *there = object_load(s, r, ns, meta_str(obj, "name"), &f);

    if (there != NULL)
        return 0;
    if (f.code != 0 || admit_type(r, obj, &f) < 0 ||
        admit_create(s, r, ns, obj, &f) < 0 || object_save(s, r, obj, NULL, &f) < 0)
        return told(meta_str(obj, "name"), &f, e);
    return 0;
}

static int
seed_builtins(struct server *s, struct err *e)
{
    static const char *const namespaces[] = {"default", "kube-system", "kube-public",
                                             "kube-node-lease", "kelos-system"};
    struct resource *ns = registry_find(s->registry, "", "v1", "namespaces");
    struct resource *sa = registry_find(s->registry, "", "v1", "serviceaccounts");

    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        if (create_missing(s, ns, "",
                           json_pack("{s:{s:s}}", "metadata", "name", namespaces[i]),
                           e) < 0 ||
            create_missing(s, sa, namespaces[i],
                           json_pack("{s:{s:s}}", "metadata", "name", "default"), e) < 0)
            return -1;
    }
    return 0;
}

static int
apply_crd(struct server *s, json_t *crd, const char *path, struct err *e)
{
    struct resource *r =
        registry_find(s->registry, CRD_GROUP, "v1", "customresourcedefinitions");
    SCOPED(fault) struct fault f = FAULT_INIT;
    SCOPED(json) json_t *old = NULL;
    struct reply reply = REPLY_INIT;

    if (strcmp(json_str_or(crd, "kind", ""), "CustomResourceDefinition") != 0)
        return 0;
    old = object_load(s, r, "", meta_str(crd, "name"), &f);
    if (old == NULL) {
        if (f.code != 0 || admit_type(r, crd, &f) < 0 ||
            admit_create(s, r, "", crd, &f) < 0 || object_save(s, r, crd, NULL, &f) < 0)
            return told(path, &f, e);
        return 0;
    }
    SCOPED(json) json_t *next = json_deep_copy(old);
    json_object_set(next, "spec", json_object_get(crd, "spec"));
    if (admit_update(s, r, NULL, next, old, &f) < 0)
        return told(path, &f, e);
    reply_clear(&reply);
    if (json_equal(next, old))
        return 0;
    log_info(NULL, "CRD %s has changed: applied from %s", meta_str(old, "name"), path);
    return object_save(s, r, next, old, &f) < 0 ? told(path, &f, e) : 0;
}

static int
apply_file(struct server *s, const char *dir, const char *name, struct err *e)
{
    char path[4400];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    SCOPED(yaml_docs) struct yaml_docs *docs = yaml_read(path, e);
    if (docs == NULL)
        return -1;
    for (size_t i = 0; i < docs->count; i++)
        if (json_is_object(docs->docs[i].value) &&
            apply_crd(s, docs->docs[i].value, path, e) < 0)
            return -1;
    return 0;
}

static int
by_yaml(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');

    return d->d_name[0] != '.' && dot != NULL &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
            strcmp(dot, ".json") == 0);
}

static int
seed_crds(struct server *s, const char *dir, struct err *e)
{
    struct dirent **files = NULL;
    int n = scandir(dir, &files, by_yaml, alphasort), rc = 0;

    if (n < 0)
        return err_errno(e, "--crds %s", dir);
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = apply_file(s, dir, files[i]->d_name, e);
        free(files[i]);
    }
    free(files);
    return rc;
}

static int
mix_stored(void *ctx, const struct row *row)
{
    struct buf *all = ctx;

    buf_printf(all, "%s %s %lld\n", row->name, row->uid, (long long)row->rv);
    return 0;
}

static void
mix_file(struct buf *all, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        buf_printf(all, "%s %lld %lld %lld.%09ld\n", path, (long long)st.st_ino,
                   (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                   st.st_mtim.tv_nsec);
}

/* What the last seeding was made of and what it left behind: this program, the files of the
 * directory, and the CRDs that are stored (a user may have changed or deleted one since). */
static int
make_stamp(struct server *s, const char *dir, char *out, size_t size, struct err *e)
{
    const struct span stored = {.resource = "customresourcedefinitions." CRD_GROUP};
    SCOPED(buf) struct buf all = BUF_INIT;
    struct dirent **files = NULL;
    int n = scandir(dir, &files, by_yaml, alphasort);
    char path[4400];

    buf_printf(&all, KELOS_VERSION "\n");
    mix_file(&all, "/proc/self/exe");
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]->d_name);
        mix_file(&all, path);
        free(files[i]);
    }
    free(files);
    if (store_list(s->store, &stored, mix_stored, &all, e) < 0)
        return -1;
    snprintf(out, size, "%016llx", (unsigned long long)fnv1a_64(buf_str(&all)));
    return 0;
}

/* Reading and comparing the files takes longer than all else of a start: they are left alone
 * while nothing has changed since they were applied. */
static int
seed_changed_crds(struct server *s, const char *dir, struct err *e)
{
    char now[24], last[24] = "";

    if (make_stamp(s, dir, now, sizeof now, e) < 0 ||
        store_meta_get(s->store, "crds", last, sizeof last, e) < 0)
        return -1;
    if (strcmp(now, last) == 0)
        return 0;
    if (seed_crds(s, dir, e) < 0 || make_stamp(s, dir, now, sizeof now, e) < 0)
        return -1;
    return store_meta_set(s->store, "crds", now, e);
}

int
seed_objects(struct server *s, const char *crd_dir, struct err *e)
{
    if (seed_builtins(s, e) < 0)
        return -1;
    if (crd_dir != NULL && *crd_dir != '\0' && seed_changed_crds(s, crd_dir, e) < 0)
        return -1;
    return store_commit(s->store, e);
}

int
seed_token(struct store *s, char *out, size_t size, struct err *e)
{
    unsigned char bytes[24];
    int found = store_meta_get(s, "token", out, size, e);

    if (found != 0)
        return found < 0 ? -1 : 0;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_errno(e, "token");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, size - 2 * i, "%02x", bytes[i]);
    return store_meta_set(s, "token", out, e);
}

int
seed_kubeconfig(const char *path, int port, const char *token, struct err *e)
{
    char fresh[4400];

    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    SCOPED(fd) int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "write %s", fresh);
    /* kubectl drops the token of a plain HTTP server; the proxy's password it sends. */
    int n = dprintf(
        fd,
        "apiVersion: v1\nkind: Config\ncurrent-context: kelos-local\n"
        "clusters:\n- name: kelos-local\n  cluster:\n    server: http://127.0.0.1:%d\n"
        "    proxy-url: http://kelos:%s@127.0.0.1:%d\n"
        "contexts:\n- name: kelos-local\n  context:\n    cluster: kelos-local\n    user: "
        "kelos-local\n    namespace: default\n"
        "users:\n- name: kelos-local\n  user:\n    token: %s\n",
        port, token, port, token);
    if (n < 0 || rename(fresh, path) < 0) {
        unlink(fresh);
        return err_errno(e, "write %s", path);
    }
    return 0;
}
