#include "statuswriter/patch.h"

#include <string.h>

#include "common/buf.h"
#include "common/macros.h"

json_t *
patch_compose(const json_t *first, const json_t *second)
{
    SCOPED(json) json_t *out = NULL;
    const char *key;
    json_t *value;

    if (!json_is_object(first) || !json_is_object(second))
        return json_deep_copy(second);
    if ((out = json_copy((json_t *)first)) == NULL)
        return NULL;
    json_object_foreach((json_t *)second, key, value)
    {
        json_t *had = json_object_get(out, key);
        json_t *now = had != NULL ? patch_compose(had, value) : json_deep_copy(value);

        if (now == NULL || json_object_set_new(out, key, now) < 0)
            return NULL;
    }
    return TAKE(out);
}

int
patch_set_uid(json_t *patch, const char *uid)
{
    return json_put_str(patch, "metadata.uid", uid);
}

enum write_end
patch_end(const struct kube_result *r, unsigned conflicts)
{
    if (r->err.code == ERR_NONE)
        return WRITE_DONE;
    if (r->err.code == ERR_NOT_FOUND || r->err.code == ERR_GONE ||
        kube_status_names_field(&r->status, "metadata.uid"))
        return WRITE_GONE;
    switch (r->err.code) {
    case ERR_CONFLICT:
        return conflicts + 1 >= PATCH_CONFLICTS_MAX ? WRITE_GONE : WRITE_AGAIN;
    case ERR_INVALID:
    case ERR_FORBIDDEN:
    case ERR_LIMIT:
        return WRITE_REFUSED;
    default:
        break;
    }
    /* Any other 4xx but 401, 408 and 429 is our own mistake; all else may pass. */
    if (r->http_status >= 400 && r->http_status < 500 && r->http_status != 401 &&
        r->http_status != 408 && r->http_status != 429)
        return WRITE_REFUSED;
    return WRITE_AGAIN;
}

/* ---- a status that is too large ---- */

bool
patch_too_large(const struct kube_result *r)
{
    return r->err.code != ERR_NONE && r->status.reason == KUBE_TOO_LARGE;
}

/* Both are lines "key: value" among the outputs and members of the results. */
static const char *const answer[] = {"response", "response-truncated"};

static bool
drop_line(json_t *outputs, const char *key)
{
    size_t i, size = strlen(key);
    json_t *line;

    json_array_foreach(outputs, i, line)
    {
        const char *text = json_string_value(line);
        if (text != NULL && strncmp(text, key, size) == 0 &&
            strncmp(text + size, ": ", 2) == 0)
            return json_array_remove(outputs, i) == 0;
    }
    return false;
}

static bool
drop_answer(json_t *status)
{
    bool dropped = false;

    for (size_t i = 0; i < ARRAY_LEN(answer); i++) {
        while (drop_line(json_object_get(status, "outputs"), answer[i]))
            dropped = true;
        dropped |= json_object_del(json_object_get(status, "results"), answer[i]) == 0;
    }
    return dropped;
}

static bool
drop_outputs(json_t *status)
{
    bool dropped = json_object_del(status, "outputs") == 0;

    return json_object_del(status, "results") == 0 || dropped;
}

/* At the end of the first line: what follows it is the end of a log. */
static void
tell_message(json_t *status, const char *note)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    const char *now = json_string_value(json_object_get(status, "message"));
    size_t line = now != NULL ? strcspn(now, "\n") : 0;

    if (line > 0) {
        buf_add(&text, now, line);
        buf_add_str(&text, "; ");
    }
    buf_add_str(&text, note);
    if (now != NULL)
        buf_add_str(&text, now + line);
    json_object_set_new(status, "message", json_string(buf_str(&text)));
}

static void
tell_condition(json_t *status, bool all, const char *note)
{
    size_t i;
    json_t *c;

    json_array_foreach(json_object_get(status, "conditions"), i, c)
    {
        if (strcmp(json_str_or(c, "type", ""), "OutputsCaptured") != 0)
            continue;
        json_object_set_new(c, "message", json_string(note));
        if (!all)
            continue;
        json_object_set_new(c, "status", json_string("False"));
        json_object_set_new(c, "reason", json_string("TooLarge"));
    }
}

const char *
patch_cut(json_t *patch)
{
    json_t *status = json_object_get(patch, "status");
    bool all = !drop_answer(status);

    if (all && !drop_outputs(status))
        return NULL;
    const char *note =
        all ? "outputs left out: the API server refused a status so large"
            : "response left out: the API server refused a status so large";
    tell_message(status, note);
    tell_condition(status, all, note);
    return all ? "outputs" : "response";
}
