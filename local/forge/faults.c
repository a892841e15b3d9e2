#include "local/forge/faults.h"

#include <fnmatch.h>
#include <string.h>

#include "local/forge/state.h"

static const char *const fields[] = {"method", "path",    "skip",    "times",
                                     "status", "headers", "body",    "delay_ms",
                                     "cut_at", "reset",   "endless", NULL};

static char *
copy_text(json_t *v)
{
    return json_is_string(v) ? strdup(json_string_value(v)) : NULL;
}

static int64_t
number_or(json_t *v, int64_t fallback)
{
    return json_is_integer(v) ? json_integer_value(v) : fallback;
}

static void
fault_free(struct fault *x)
{
    free(x->method);
    free(x->path);
    free(x->body);
    json_decref(x->headers);
}

int
faults_add(struct faults *f, json_t *want, struct err *e)
{
    struct fault x = {0};
    const char *key;
    json_t *v;

    if (fields_check(want, "fault", fields, e) < 0)
        return -1;
    if (!json_is_string(json_object_get(want, "path")))
        return err_set(e, ERR_INVALID, "fault.path: must be a pattern of paths");
    json_object_foreach(
        json_object_get(want, "headers"), key,
        v) if (!json_is_string(v)) return err_set(e, ERR_INVALID,
                                                  "fault.headers.%s: must be a string",
                                                  key);
    if (f->n == FAULTS_MAX)
        return err_set(e, ERR_LIMIT, "faults: at most %d at once", FAULTS_MAX);
    x.method = copy_text(json_object_get(want, "method"));
    x.path = copy_text(json_object_get(want, "path"));
    x.skip = number_or(json_object_get(want, "skip"), 0);
    x.times = number_or(json_object_get(want, "times"), 1);
    x.status = (int)number_or(json_object_get(want, "status"), 0);
    x.headers = json_incref(json_object_get(want, "headers"));
    x.body = copy_text(json_object_get(want, "body"));
    x.delay_ms = number_or(json_object_get(want, "delay_ms"), 0);
    x.cut_at = number_or(json_object_get(want, "cut_at"), -1);
    x.reset = json_is_true(json_object_get(want, "reset"));
    x.endless = json_is_true(json_object_get(want, "endless"));
    f->rows[f->n++] = x;
    return 0;
}

void
faults_clear(struct faults *f)
{
    for (size_t i = 0; i < f->n; i++)
        fault_free(&f->rows[i]);
    f->n = 0;
}

const struct fault *
faults_hit(struct faults *f, const char *method, const char *path)
{
    for (size_t i = 0; i < f->n; i++) {
        struct fault *x = &f->rows[i];

        if (x->times == 0 || (x->method != NULL && strcmp(x->method, method) != 0) ||
            fnmatch(x->path, path, 0) != 0)
            continue;
        if (x->skip > 0) {
            x->skip--;
            continue;
        }
        if (x->times > 0)
            x->times--;
        return x;
    }
    return NULL;
}
