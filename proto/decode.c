/* decode.c - from hostile bytes to a message. The bytes are walked first; only then, and
 * by counts that the bytes really hold, memory is taken, all of it from one zone. */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "proto/schema.h"
#include "proto/walk.h"

struct decoder {
    struct cursor c;
    msgpack_zone *zone;
    struct message_fault *fault;
};

static int
refuse(struct decoder *d, const char *field, const char *why)
{
    snprintf(d->fault->field, sizeof d->fault->field, "%s", field);
    d->fault->why = why;
    return -1;
}

static int
refuse_in(struct decoder *d, const char *prefix, size_t index)
{
    char inner[sizeof d->fault->field];

    memcpy(inner, d->fault->field, sizeof inner);
    snprintf(d->fault->field, sizeof d->fault->field, "%s[%zu].%.40s", prefix, index,
             inner);
    return -1;
}

static void *
zone_take(struct decoder *d, size_t size)
{
    return msgpack_zone_malloc(d->zone, size > 0 ? size : 1);
}

/* The next value, which must be of this type. */
static int
take(struct decoder *d, const char *name, enum value_type type, struct value *v)
{
    if (cursor_next(&d->c, v) < 0)
        return refuse(d, name, "missing");
    if (v->type != type)
        return refuse(d, name, "wrong type");
    return 0;
}

static int
take_text(struct decoder *d, const char *name, size_t max, const char **out)
{
    struct value v;
    char *copy;

    if (take(d, name, VALUE_STR, &v) < 0)
        return -1;
    if (v.count > max)
        return refuse(d, name, "longer than its bound");
    if (!walk_text_valid(v.data, v.count))
        return refuse(
            d, name, memchr(v.data, '\0', v.count) != NULL ? "NUL in text" : "not UTF-8");
    if ((copy = zone_take(d, v.count + 1)) == NULL)
        return refuse(d, name, "out of memory");
    memcpy(copy, v.data, v.count);
    copy[v.count] = '\0';
    *out = copy;
    return 0;
}

static int
take_bytes(struct decoder *d, const struct field *f, struct msg_bytes *out)
{
    struct value v;
    void *copy;

    if (take(d, f->name, VALUE_BIN, &v) < 0)
        return -1;
    if (v.count > f->max)
        return refuse(d, f->name, "longer than its bound");
    if ((copy = zone_take(d, v.count)) == NULL)
        return refuse(d, f->name, "out of memory");
    memcpy(copy, v.data, v.count);
    *out = (struct msg_bytes){copy, v.count};
    return 0;
}

static int
take_i64(struct decoder *d, const char *name, int64_t *out)
{
    struct value v;

    if (cursor_next(&d->c, &v) < 0)
        return refuse(d, name, "missing");
    if (v.type == VALUE_INT)
        *out = v.as.i64;
    else if (v.type != VALUE_UINT)
        return refuse(d, name, "wrong type");
    else if (v.as.u64 > INT64_MAX)
        return refuse(d, name, "out of range");
    else
        *out = (int64_t)v.as.u64;
    return 0;
}

static int
take_u64(struct decoder *d, const char *name, uint64_t *out)
{
    struct value v;

    if (take(d, name, VALUE_UINT, &v) < 0)
        return -1;
    *out = v.as.u64;
    return 0;
}

static int
take_texts(struct decoder *d, const struct field *f, struct msg_strs *out)
{
    struct value v;
    const char **items;

    if (take(d, f->name, VALUE_ARRAY, &v) < 0)
        return -1;
    if (v.count > f->items)
        return refuse(d, f->name, "more elements than its bound");
    if ((items = zone_take(d, v.count * sizeof *items)) == NULL)
        return refuse(d, f->name, "out of memory");
    for (size_t i = 0; i < v.count; i++)
        if (take_text(d, f->name, f->max, &items[i]) < 0)
            return -1;
    *out = (struct msg_strs){items, v.count};
    return 0;
}

static int
take_pairs(struct decoder *d, const struct field *f, struct msg_pairs *out)
{
    struct value v;
    struct msg_pair *items;

    if (take(d, f->name, VALUE_MAP, &v) < 0)
        return -1;
    if (v.count > f->items)
        return refuse(d, f->name, "more elements than its bound");
    if ((items = zone_take(d, v.count * sizeof *items)) == NULL)
        return refuse(d, f->name, "out of memory");
    for (size_t i = 0; i < v.count; i++)
        if (take_text(d, f->name, f->key_max, &items[i].key) < 0 ||
            take_text(d, f->name, f->max, &items[i].value) < 0)
            return -1;
    *out = (struct msg_pairs){items, v.count};
    return 0;
}

static int take_payload(struct decoder *d, const struct payload *p, char *at);

static int
take_list(struct decoder *d, const struct field *f, char *at)
{
    struct any_list list;
    struct value v;
    char *items;

    if (take(d, f->name, VALUE_ARRAY, &v) < 0)
        return -1;
    if (v.count > f->items)
        return refuse(d, f->name, "more elements than its bound");
    if ((items = zone_take(d, v.count * f->of->size)) == NULL)
        return refuse(d, f->name, "out of memory");
    memset(items, 0, v.count * f->of->size);
    for (size_t i = 0; i < v.count; i++)
        if (take_payload(d, f->of, items + i * f->of->size) < 0)
            return refuse_in(d, f->name, i);
    list = (struct any_list){items, v.count};
    memcpy(at, &list, sizeof list);
    return 0;
}

static int
take_field(struct decoder *d, const struct field *f, char *at)
{
    struct value v;
    const char *text;

    switch (f->type) {
    case FIELD_STR:
    case FIELD_SECRET:
        if (take_text(d, f->name, f->max, &text) < 0)
            return -1;
        memcpy(at, &text, sizeof text);
        return 0;
    case FIELD_BIN:
        return take_bytes(d, f, (struct msg_bytes *)(void *)at);
    case FIELD_U64:
        return take_u64(d, f->name, (uint64_t *)(void *)at);
    case FIELD_I64:
        return take_i64(d, f->name, (int64_t *)(void *)at);
    case FIELD_BOOL:
        if (take(d, f->name, VALUE_BOOL, &v) < 0)
            return -1;
        *(bool *)at = v.as.boolean;
        return 0;
    case FIELD_STRS:
        return take_texts(d, f, (struct msg_strs *)(void *)at);
    case FIELD_PAIRS:
        return take_pairs(d, f, (struct msg_pairs *)(void *)at);
    case FIELD_LIST:
        return take_list(d, f, at);
    }
    return -1;
}

static int
take_payload(struct decoder *d, const struct payload *p, char *at)
{
    size_t count;
    const struct field *fields = p->fields(&count);
    struct value v;

    if (take(d, "", VALUE_ARRAY, &v) < 0)
        return -1;
    if (v.count < count)
        return refuse(d, fields[v.count].name, "missing");
    if (v.count > count)
        return refuse(d, "", "more fields than the table has");
    for (size_t i = 0; i < count; i++)
        if (take_field(d, &fields[i], at + fields[i].offset) < 0)
            return -1;
    return 0;
}

static int
decode_envelope(struct message *m, const void *bytes, size_t size,
                struct message_fault *fault)
{
    struct decoder d = {.c = {bytes, (const uint8_t *)bytes + size}, .fault = fault};
    struct envelope *env = &m->envelope;
    struct value v;
    uint64_t kind;
    const char *why;

    if (size > MESSAGE_MAX_ENVELOPE)
        return refuse(&d, "envelope", "longer than its bound");
    if ((why = walk_check(bytes, size, 2, 16)) != NULL)
        return refuse(&d, "envelope", why);
    if (take(&d, "envelope", VALUE_ARRAY, &v) < 0)
        return -1;
    if (v.count != 7)
        return refuse(&d, "envelope", "not seven fields");
    if (take_u64(&d, "envelope.schema", &env->schema) < 0)
        return -1;
    if (env->schema != MESSAGE_SCHEMA)
        return refuse(&d, "envelope.schema", "another version");
    if (take_u64(&d, "envelope.kind", &kind) < 0)
        return -1;
    if (schema_kind(kind) == NULL)
        return refuse(&d, "envelope.kind", "unknown kind");
    m->kind = (enum message_kind)kind;
    if (take(&d, "envelope.origin", VALUE_STR, &v) < 0)
        return -1;
    if (v.count > MESSAGE_ORIGIN_MAX || !walk_text_valid(v.data, v.count))
        return refuse(&d, "envelope.origin", "not a short text");
    memcpy(env->origin, v.data, v.count);
    env->origin[v.count] = '\0';
    if (take_u64(&d, "envelope.sequence", &env->sequence) < 0 ||
        take_i64(&d, "envelope.mono_ms", &env->mono_ms) < 0 ||
        take_i64(&d, "envelope.wall_ms", &env->wall_ms) < 0 ||
        take_u64(&d, "envelope.correlation", &env->correlation) < 0)
        return -1;
    return 0;
}

int
message_decode(struct message *m, const void *envelope, size_t envelope_size,
               const void *body, size_t body_size, struct message_fault *fault)
{
    struct decoder d = {.c = {body, (const uint8_t *)body + body_size}, .fault = fault};
    const char *why;

    memset(m, 0, sizeof *m);
    fault->field[0] = '\0';
    fault->why = NULL;
    if (decode_envelope(m, envelope, envelope_size, fault) < 0)
        goto refused;
    if (body_size > MESSAGE_MAX_BYTES) {
        refuse(&d, "", "longer than MESSAGE_BYTES");
        goto refused;
    }
    if ((why = walk_check(body, body_size, MESSAGE_MAX_DEPTH, MESSAGE_MAX_ITEMS)) !=
        NULL) {
        refuse(&d, "", why);
        goto refused;
    }
    if ((d.zone = msgpack_zone_new(1024)) == NULL) {
        refuse(&d, "", "out of memory");
        goto refused;
    }
    m->zone = d.zone;
    if (take_payload(&d, schema_kind((uint64_t)m->kind)->payload, (char *)&m->body) < 0)
        goto refused;
    return 0;
refused:
    message_free(m);
    return -1;
}

void
message_free(struct message *m)
{
    if (m->zone != NULL)
        msgpack_zone_free(m->zone);
    memset(m, 0, sizeof *m);
}
