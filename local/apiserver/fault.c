/* fault.c - see fault.h. */
#include "local/apiserver/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/macros.h"

static json_t *
status_new(const char *status)
{
    return json_pack("{s:s, s:s, s:{}, s:s}", "kind", "Status", "apiVersion", "v1",
                     "metadata", "status", status);
}

static int
fault_text(struct fault *f, int code, const char *reason, const char *message)
{
    fault_clear(f);
    f->code = code;
    f->status = status_new("Failure");
    json_object_set_new(f->status, "message", json_string_nocheck(message));
    if (reason != NULL && *reason != '\0')
        json_object_set_new(f->status, "reason", json_string(reason));
    json_object_set_new(f->status, "code", json_integer(code));
    return -1;
}

int
fault_set(struct fault *f, int code, const char *reason, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fault_text(f, code, reason, text);
}

static json_t *
details(struct fault *f)
{
    json_t *d = json_object_get(f->status, "details");

    if (d == NULL) {
        d = json_object();
        json_object_set_new(f->status, "details", d);
    }
    return d;
}

static void
put(json_t *object, const char *key, const char *value)
{
    if (value != NULL && *value != '\0')
        json_object_set_new(object, key, json_string(value));
}

static void
about_into(json_t *d, const struct subject *about)
{
    put(d, "name", about->name);
    put(d, "group", about->group);
    put(d, "kind", about->kind);
    put(d, "uid", about->uid);
}

int
fault_about(struct fault *f, const struct subject *about)
{
    about_into(details(f), about);
    return -1;
}

static json_t *
cause_list(struct fault *f)
{
    json_t *d = details(f), *list = json_object_get(d, "causes");

    if (list == NULL) {
        list = json_array();
        json_object_set_new(d, "causes", list);
    }
    return list;
}

int
fault_cause(struct fault *f, const char *reason, const char *field, const char *message)
{
    json_t *cause = json_object();

    put(cause, "reason", reason);
    put(cause, "message", message);
    put(cause, "field", field);
    json_array_append_new(cause_list(f), cause);
    return -1;
}

int
fault_retry_after(struct fault *f, int seconds)
{
    json_object_set_new(details(f), "retryAfterSeconds", json_integer(seconds));
    return -1;
}

int
fault_bad_request(struct fault *f, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fault_text(f, 400, "BadRequest", text);
}

int
fault_store(struct fault *f, const struct err *e)
{
    return fault_set(f, 500, "InternalError", "Internal error occurred: %s", e->text);
}

int
fault_not_found(struct fault *f, const char *group, const char *plural, const char *name)
{
    bool core = group == NULL || *group == '\0';

    fault_set(f, 404, "NotFound", "%s%s%s \"%s\" not found", plural, core ? "" : ".",
              core ? "" : group, name);
    return fault_about(f,
                       &(struct subject){.group = group, .kind = plural, .name = name});
}

void
causes_add(json_t *causes, const char *reason, const char *field, const char *fmt, ...)
{
    char message[1500];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    json_array_append_new(causes, json_pack("{s:s, s:s+, s:s}", "reason", reason,
                                            "message", message, "", "field", field));
}

int
fault_invalid(struct fault *f, const struct subject *about, json_t *causes)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    bool core = about->group == NULL || *about->group == '\0';
    size_t i, n = json_array_size(causes);
    json_t *cause;

    buf_printf(&text, "%s%s%s \"%s\" is invalid: %s", about->kind, core ? "" : ".",
               core ? "" : about->group, about->name != NULL ? about->name : "",
               n > 1 ? "[" : "");
    json_array_foreach(causes, i, cause)
    {
        const char *field = json_string_value(json_object_get(cause, "field"));

        buf_printf(&text, "%s%s%s%s", i > 0 ? ", " : "", field != NULL ? field : "",
                   field != NULL && *field != '\0' ? ": " : "",
                   json_string_value(json_object_get(cause, "message")));
    }
    buf_add_str(&text, n > 1 ? "]" : "");
    fault_text(f, 422, "Invalid", buf_str(&text));
    fault_about(f, about);
    json_object_set_new(details(f), "causes", causes);
    return -1;
}

void
fault_clear(struct fault *f)
{
    json_decref(f->status);
    *f = (struct fault)FAULT_INIT;
}

json_t *
status_success(const struct subject *about)
{
    json_t *s = status_new("Success"), *d = json_object();

    about_into(d, about);
    json_object_set_new(s, "details", d);
    return s;
}
