/* call.c - parameters of a request and the parts of an answer, see api.h. */
#include "local/apiserver/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/data/json.h"

const char *
call_param(const struct call *c, const char *name)
{
    for (size_t i = 0; i < c->param_count; i++)
        if (strcmp(c->params[i].name, name) == 0)
            return c->params[i].value;
    return NULL;
}

bool
call_flag(const struct call *c, const char *name)
{
    const char *v = call_param(c, name);

    return v != NULL && (strcmp(v, "true") == 0 || strcmp(v, "1") == 0);
}

void
reply_clear(struct reply *r)
{
    buf_wipe(&r->body); /* it may have held a Secret */
    if (r->stream != NULL)
        r->stream->free(r->stream);
    json_decref(r->warnings);
    *r = (struct reply)REPLY_INIT;
}

void
reply_json(struct reply *r, int code, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

    r->code = code;
    r->content_type = "application/json";
    buf_clear(&r->body);
    if (text == NULL) {
        r->code = 500;
        buf_add_str(&r->body,
                    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
                    "\"code\":500,"
                    "\"reason\":\"InternalError\",\"message\":\"out of memory\"}");
    } else {
        buf_add_str(&r->body, text);
        buf_add_char(&r->body, '\n');
    }
    free(text);
    json_decref(value);
}

void
reply_fault(struct reply *r, struct fault *f)
{
    int code = f->code != 0 ? f->code : 500;

    r->retry_after = (int)json_int_or(f->status, "details.retryAfterSeconds", 0);
    r->allow_get = code == 405;
    reply_json(r, code, json_incref(f->status));
    fault_clear(f);
}

void
reply_text(struct reply *r, int code, const char *text)
{
    r->code = code;
    r->content_type = "text/plain; charset=utf-8";
    buf_clear(&r->body);
    buf_add_str(&r->body, text);
}

void
reply_warn(struct reply *r, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (r->warnings == NULL)
        r->warnings = json_array();
    if (json_array_size(r->warnings) < 32)
        json_array_append_new(r->warnings, json_string(text));
}
