/* jobmake.c - see jobmake.h. */
#include "reconciler/job/jobmake.h"

#include <string.h>

#include "common/base64.h"
#include "common/clock.h"
#include "reconciler/owner.h"

/* One object after the other: each is created, or adopted when it is there and ours. */
struct job_make {
    struct kube *kube;
    json_t *objects; /* in order; owned */
    size_t next;
    char uid[65]; /* of the Task */
    char task[254];
    bool token; /* the objects hold a token */
    struct kube_call *call;
    job_made_fn *done;
    void *arg;
};

static void create_next(struct job_make *m);
static int start_next(struct job_make *m, enum job_made *why, struct err *e);

static json_t *
current(const struct job_make *m)
{
    return json_array_get(m->objects, m->next);
}

static const char *
kind_of(const struct job_make *m)
{
    return json_str_or(current(m), "kind", "");
}

static bool
is_secret(const struct job_make *m)
{
    return strcmp(kind_of(m), "Secret") == 0;
}

/* The callback may free m. */
static void
finish(struct job_make *m, enum job_made result, const struct err *e)
{
    static const struct err none = ERR_INIT;

    m->done(m->arg, result, e != NULL ? e : &none);
}

/* Who must wait, who must give up. `doing` says what with, for a token. */
static void
refuse(struct job_make *m, const struct kube_result *r, const char *doing)
{
    struct err e = r->err;
    bool wrong = r->status.reason == KUBE_INVALID ||
                 r->status.reason == KUBE_BAD_REQUEST ||
                 r->status.reason == KUBE_TOO_LARGE;

    if (m->token)
        err_wrap(&e, "%s", doing);
    if (kube_status_has_cause(&r->status, "NamespaceTerminating"))
        finish(m, JOB_ENDING, &e);
    else
        finish(m, wrong ? JOB_WRONG : JOB_LATER, &e);
}

static void
on_replaced(void *arg, const struct kube_result *r)
{
    struct job_make *m = arg;

    m->call = NULL;
    if (r->err.code != ERR_NONE) {
        refuse(m, r, "updating token secret");
        return;
    }
    m->next++;
    create_next(m);
}

/* The merge patch that makes the data of `found` equal to `want`: a key that is not wanted
 * any more is nulled, for a merge would keep it. */
static json_t *
replace_data(const json_t *want, const json_t *found)
{
    json_t *data = json_deep_copy(want);
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(found, "data"), key,
                        value) if (json_object_get(want, key) == NULL)
        json_object_set_new(data, key, json_null());
    return data;
}

/* Ours already: a Job stays as it is, data is replaced. */
static void
adopt(struct job_make *m, const json_t *found)
{
    struct err e = ERR_INIT;
    const json_t *data = json_object_get(current(m), "data");

    if (data == NULL) {
        m->next++;
        create_next(m);
        return;
    }
    json_t *notes = json_at(current(m), "metadata.annotations");
    SCOPED(json)
    json_t *body =
        json_pack("{s:{s:O},s:o}", "metadata", "annotations",
                  notes != NULL ? notes : json_null(), "data", replace_data(data, found));
    const struct kube_request q = {
        .verb = KUBE_PATCH_MERGE,
        .res = kube_res_of(json_str_or(current(m), "apiVersion", ""), kind_of(m)),
        .ns = json_str_or(current(m), "metadata.namespace", ""),
        .name = json_str_or(current(m), "metadata.name", ""),
        .body = body,
        .secret = is_secret(m)};
    if ((m->call = kube_call(m->kube, &q, on_replaced, m, &e)) == NULL)
        finish(m, JOB_LATER, &e);
}

static void
say_foreign(struct job_make *m, struct err *e)
{
    const char *name = json_str_or(current(m), "metadata.name", "");

    if (m->token)
        err_set(e, ERR_EXISTS,
                "updating token secret: token secret \"%s\" already exists and is not "
                "controlled "
                "by \"%s\"",
                name, m->task);
    else if (strcmp(kind_of(m), "Job") == 0)
        err_set(
            e, ERR_EXISTS,
            "Failed to build Job: a Job \"%s\" exists and is not controlled by this Task",
            name);
    else
        err_set(e, ERR_EXISTS,
                "Failed to build Job: %s \"%s\" already exists and is not controlled by "
                "this Task",
                kind_of(m), name);
}

static void
on_looked(void *arg, const struct kube_result *r)
{
    struct job_make *m = arg;
    struct err e = r->err;

    m->call = NULL;
    if (r->err.code != ERR_NONE) { /* gone again, or no answer: all anew */
        if (m->token)
            err_wrap(&e, "fetching existing token secret");
        finish(m, JOB_LATER, &e);
        return;
    }
    if (owner_controls(r->body, m->uid)) {
        adopt(m, r->body);
        return;
    }
    if (json_at(r->body, "metadata.deletionTimestamp") != NULL) {
        err_set(&e, ERR_BUSY, "%s of an earlier Task is being deleted", kind_of(m));
        finish(m, JOB_LATER, &e);
        return;
    }
    say_foreign(m, &e);
    finish(m, m->token ? JOB_WRONG : JOB_TAKEN, &e);
}

static void
look(struct job_make *m)
{
    struct err e = ERR_INIT;
    const struct kube_request q = {
        .verb = KUBE_GET,
        .res = kube_res_of(json_str_or(current(m), "apiVersion", ""), kind_of(m)),
        .ns = json_str_or(current(m), "metadata.namespace", ""),
        .name = json_str_or(current(m), "metadata.name", ""),
        .secret = is_secret(m)};

    if ((m->call = kube_call(m->kube, &q, on_looked, m, &e)) == NULL)
        finish(m, JOB_LATER, &e);
}

static void
on_created(void *arg, const struct kube_result *r)
{
    struct job_make *m = arg;

    m->call = NULL;
    if (r->err.code == ERR_EXISTS) {
        look(m);
    } else if (r->err.code != ERR_NONE) {
        refuse(m, r, "creating token secret");
    } else {
        m->next++;
        create_next(m);
    }
}

/* Starts the next create. -1: it cannot begin. */
static int
start_next(struct job_make *m, enum job_made *why, struct err *e)
{
    /* What is misspelt in an override must be said, not dropped. */
    static const struct kube_param strict[] = {{"fieldValidation", "Strict"},
                                               {NULL, NULL}};
    const struct kube_request q = {
        .verb = KUBE_CREATE,
        .params = strcmp(kind_of(m), "Job") == 0 ? strict : NULL,
        .res = kube_res_of(json_str_or(current(m), "apiVersion", ""), kind_of(m)),
        .ns = json_str_or(current(m), "metadata.namespace", ""),
        .name = json_str_or(current(m), "metadata.name", ""),
        .body = current(m),
        .accept = KUBE_ACCEPT_META,
        .ahead = true, /* of the finalizers of Tasks that come later */
        .repeat = KUBE_REPEAT_NAMED,
        .secret = is_secret(m)};

    if ((m->call = kube_call(m->kube, &q, on_created, m, e)) != NULL)
        return 0;
    *why = e->code == ERR_LIMIT || e->code == ERR_INVALID ? JOB_WRONG : JOB_LATER;
    return -1;
}

static void
create_next(struct job_make *m)
{
    struct err e = ERR_INIT;
    enum job_made why;

    if (m->next == json_array_size(m->objects))
        finish(m, JOB_MADE, NULL);
    else if (start_next(m, &why, &e) < 0)
        finish(m, why, &e);
}

static struct job_make *
make_new(struct kube *k, const struct meta *task, job_made_fn *done, void *arg)
{
    struct job_make *m = calloc(1, sizeof *m);

    if (m == NULL)
        abort();
    *m = (struct job_make){.kube = k, .objects = json_array(), .done = done, .arg = arg};
    snprintf(m->uid, sizeof m->uid, "%s", task->uid);
    snprintf(m->task, sizeof m->task, "%s", task->name);
    return m;
}

static struct job_make *
begin(struct job_make *m, enum job_made *why, struct err *e)
{
    if (start_next(m, why, e) == 0)
        return m;
    job_make_free(m);
    return NULL;
}

struct job_make *
job_make_start(struct kube *k, const struct job_wish *w, job_made_fn *done, void *arg,
               enum job_made *why, struct err *e)
{
    struct job_wanted wanted;

    *why = JOB_WRONG;
    if (job_build(w, &wanted, e) < 0)
        return NULL;
    struct job_make *m = make_new(k, &w->task->view.meta, done, arg);
    json_array_extend(m->objects, wanted.config_maps);
    json_array_append(m->objects, wanted.job);
    job_wanted_free(&wanted);
    return begin(m, why, e);
}

struct job_make *
job_make_token(struct kube *k, const struct meta *task, const char *app_secret,
               const struct secret *token, int64_t expires_ms, job_made_fn *done,
               void *arg, enum job_made *why, struct err *e)
{
    struct job_make *m = make_new(k, task, done, arg);
    const struct profile *p = profile_of(task->profile);
    SCOPED(buf) struct buf encoded = BUF_INIT;
    char name[300], expires[RFC3339_SIZE];

    m->token = true;
    snprintf(name, sizeof name, "%s-github-token", task->name);
    rfc3339_format(expires_ms, expires);
    base64_encode(&encoded, secret_reveal(token), secret_size(token));
    json_t *secret = json_pack(
        "{s:s,s:s,s:s,s:{s:s,s:s,s:{s:s,s:s},s:{s:s,s:s},s:[{s:s,s:s,s:s,s:s,s:b,s:b}]},"
        "s:{s:s}}",
        "apiVersion", "v1", "kind", "Secret", "type", "Opaque", "metadata", "name", name,
        "namespace", task->ns, "labels", p->label_task, task->name,
        "app.kubernetes.io/managed-by", p->managed_by, "annotations",
        "kelos.dev/github-app-secret", app_secret, "kelos.dev/token-expires-at", expires,
        "ownerReferences", "apiVersion", p->api_version, "kind", "Task", "name",
        task->name, "uid", task->uid, "controller", 1, "blockOwnerDeletion", 1, "data",
        "GITHUB_TOKEN", buf_str(&encoded));
    buf_wipe(&encoded);
    json_array_append_new(m->objects, secret);
    return begin(m, why, e);
}

void
job_make_free(struct job_make *m)
{
    if (m == NULL)
        return;
    if (m->call != NULL)
        kube_cancel(m->call);
    json_decref(m->objects);
    free(m);
}
