/* kubestatus.c - see kubestatus.h. */
#include "common/kube/kubestatus.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"

/* The server's words for a reason; where two share a word, the code decides. */
static const struct {
    const char *text;
    enum kube_reason reason;
} reasons[] = {
    {"BadRequest", KUBE_BAD_REQUEST},
    {"Unauthorized", KUBE_UNAUTHORIZED},
    {"Forbidden", KUBE_FORBIDDEN},
    {"NotFound", KUBE_NOT_FOUND},
    {"MethodNotAllowed", KUBE_METHOD_NOT_ALLOWED},
    {"NotAcceptable", KUBE_NOT_ACCEPTABLE},
    {"UnsupportedMediaType", KUBE_UNSUPPORTED_MEDIA},
    {"AlreadyExists", KUBE_ALREADY_EXISTS},
    {"Conflict", KUBE_CONFLICT},
    {"Expired", KUBE_EXPIRED},
    {"Gone", KUBE_EXPIRED},
    {"RequestEntityTooLarge", KUBE_TOO_LARGE},
    {"Invalid", KUBE_INVALID},
    {"TooManyRequests", KUBE_TOO_MANY},
    {"InternalError", KUBE_INTERNAL},
    {"StorageReadError", KUBE_INTERNAL},
    {"ServerTimeout", KUBE_SERVER_TIMEOUT},
    {"ServiceUnavailable", KUBE_UNAVAILABLE},
    {"Timeout", KUBE_TIMEOUT},
};

/* What each reason is called by us and what it means to a caller. */
static const struct {
    const char *name;
    enum err_code code;
} meanings[] = {
    [KUBE_OK] = {"ok", ERR_NONE},
    [KUBE_BAD_REQUEST] = {"bad request", ERR_INVALID},
    [KUBE_UNAUTHORIZED] = {"unauthorized", ERR_UNAUTHORIZED},
    [KUBE_FORBIDDEN] = {"forbidden", ERR_FORBIDDEN},
    [KUBE_NOT_FOUND] = {"not found", ERR_NOT_FOUND},
    [KUBE_NO_ROUTE] = {"no such API", ERR_UNAVAILABLE},
    [KUBE_METHOD_NOT_ALLOWED] = {"method not allowed", ERR_INVALID},
    [KUBE_NOT_ACCEPTABLE] = {"not acceptable", ERR_INVALID},
    [KUBE_UNSUPPORTED_MEDIA] = {"unsupported media type", ERR_INVALID},
    [KUBE_ALREADY_EXISTS] = {"already exists", ERR_EXISTS},
    [KUBE_CONFLICT] = {"conflict", ERR_CONFLICT},
    [KUBE_EXPIRED] = {"expired", ERR_GONE},
    [KUBE_TOO_LARGE] = {"too large", ERR_LIMIT},
    [KUBE_INVALID] = {"invalid", ERR_INVALID},
    [KUBE_TOO_MANY] = {"too many requests", ERR_BUSY},
    [KUBE_INTERNAL] = {"internal error", ERR_UNKNOWN},
    [KUBE_SERVER_TIMEOUT] = {"server timeout", ERR_UNKNOWN},
    [KUBE_UNAVAILABLE] = {"service unavailable", ERR_BUSY},
    [KUBE_TIMEOUT] = {"timeout", ERR_UNKNOWN},
    [KUBE_VERSION_AHEAD] = {"server is behind", ERR_BUSY},
    [KUBE_OTHER] = {"refused", ERR_UNKNOWN},
};

static enum kube_reason
reason_of_code(int code, bool verb_is_create)
{
    static const struct {
        int code;
        enum kube_reason reason;
    } codes[] = {
        {400, KUBE_BAD_REQUEST},
        {401, KUBE_UNAUTHORIZED},
        {403, KUBE_FORBIDDEN},
        {404, KUBE_NO_ROUTE},
        {405, KUBE_METHOD_NOT_ALLOWED},
        {406, KUBE_NOT_ACCEPTABLE},
        {410, KUBE_EXPIRED},
        {413, KUBE_TOO_LARGE},
        {415, KUBE_UNSUPPORTED_MEDIA},
        {422, KUBE_INVALID},
        {429, KUBE_TOO_MANY},
        {500, KUBE_INTERNAL},
        {503, KUBE_UNAVAILABLE},
        {504, KUBE_TIMEOUT},
    };

    if (code == 409)
        return verb_is_create ? KUBE_ALREADY_EXISTS : KUBE_CONFLICT;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].code == code)
            return codes[i].reason;
    return code >= 500 ? KUBE_INTERNAL : KUBE_OTHER;
}

static void
copy_text(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text);
}

/* What a proxy or an old server said, in one line. */
static void
quote_body(struct kube_status *s, const char *body, size_t size)
{
    size_t n = 0;
    bool space = true;

    if (size > LIMIT_HTTP_ERROR_LOG_BYTES)
        size = LIMIT_HTTP_ERROR_LOG_BYTES;
    for (size_t i = 0; i < size && n < sizeof s->message - 1; i++) {
        unsigned char c = (unsigned char)body[i];
        if (c < 0x20 || c == 0x7f || c == ' ') {
            if (!space)
                s->message[n++] = ' ';
            space = true;
        } else {
            s->message[n++] = (char)c;
            space = false;
        }
    }
    s->message[n] = '\0';
}

static void
read_causes(struct kube_status *s, const json_t *causes)
{
    for (size_t i = 0; i < json_array_size(causes) && s->n_causes < KUBE_CAUSES_MAX;
         i++) {
        const json_t *c = json_array_get(causes, i);
        struct kube_cause *to = &s->causes[s->n_causes++];
        copy_text(to->reason, sizeof to->reason, json_str_or(c, "reason", ""));
        copy_text(to->field, sizeof to->field, json_str_or(c, "field", ""));
        copy_text(to->message, sizeof to->message, json_str_or(c, "message", ""));
    }
}

static enum kube_reason
decide(const struct kube_status *s, bool verb_is_create, const char *asked_name)
{
    enum kube_reason reason = KUBE_OTHER;

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (strcmp(reasons[i].text, s->reason_text) == 0)
            reason = reasons[i].reason;
    if (reason == KUBE_OTHER)
        reason = reason_of_code(s->code, verb_is_create);
    /* only a Status that names what was asked for says that the object is gone */
    if (reason == KUBE_NOT_FOUND &&
        (asked_name == NULL || *asked_name == '\0' || strcmp(s->name, asked_name) != 0))
        reason = KUBE_NO_ROUTE;
    /* old servers tell only by the message that they are behind */
    if (kube_status_has_cause(s, "ResourceVersionTooLarge") ||
        strstr(s->message, "Too large resource version") != NULL)
        reason = KUBE_VERSION_AHEAD;
    /* a store behind the server that takes no object of this size comes as a 500 */
    if (reason == KUBE_INTERNAL &&
        (strstr(s->message, "request is too large") != NULL ||
         strstr(s->message, "message larger than max") != NULL))
        reason = KUBE_TOO_LARGE;
    return reason;
}

void
kube_status_from_json(struct kube_status *s, const struct json_t *status, int code,
                      bool verb_is_create, const char *asked_name)
{
    *s = (struct kube_status){.retry_after_ms = -1, .is_status = true};
    s->code = (int)json_int_or(status, "code", code);
    copy_text(s->reason_text, sizeof s->reason_text, json_str_or(status, "reason", ""));
    copy_text(s->message, sizeof s->message, json_str_or(status, "message", ""));
    copy_text(s->name, sizeof s->name, json_str_or(status, "details.name", ""));
    int64_t seconds = json_int_or(status, "details.retryAfterSeconds", -1);
    if (seconds > 0)
        s->retry_after_ms = seconds > 86400 ? 86400000 : seconds * 1000;
    read_causes(s, json_at(status, "details.causes"));
    s->reason = decide(s, verb_is_create, asked_name);
}

void
kube_status_decode(struct kube_status *s, int code, const char *body, size_t size,
                   bool verb_is_create, const char *asked_name)
{
    struct err ignored = ERR_INIT;
    SCOPED(json) json_t *parsed = NULL;

    if (size > 0 && size <= LIMIT_HTTP_ERROR_BODY_BYTES)
        parsed = json_parse(body, size, 0, &ignored);
    if (json_is_object(parsed) &&
        strcmp(json_str_or(parsed, "kind", ""), "Status") == 0) {
        kube_status_from_json(s, parsed, code, verb_is_create, asked_name);
        return;
    }
    *s = (struct kube_status){.retry_after_ms = -1, .code = code};
    quote_body(s, body, size);
    s->reason = reason_of_code(code, verb_is_create);
}

bool
kube_status_has_cause(const struct kube_status *s, const char *reason)
{
    for (int i = 0; i < s->n_causes; i++)
        if (strcmp(s->causes[i].reason, reason) == 0)
            return true;
    return false;
}

bool
kube_status_names_field(const struct kube_status *s, const char *field)
{
    for (int i = 0; i < s->n_causes; i++)
        if (strcmp(s->causes[i].field, field) == 0)
            return true;
    return false;
}

enum err_code
kube_status_code(const struct kube_status *s)
{
    return meanings[s->reason].code;
}

const char *
kube_reason_name(enum kube_reason reason)
{
    return meanings[reason].name;
}

void
kube_status_say(const struct kube_status *s, struct err *e)
{
    const char *what =
        s->reason_text[0] != '\0' ? s->reason_text : meanings[s->reason].name;

    if (s->message[0] != '\0')
        err_set(e, kube_status_code(s), "HTTP %d: %s", s->code, s->message);
    else
        err_set(e, kube_status_code(s), "HTTP %d: %s", s->code, what);
}
