/* encode.c - from a message to bytes, every bound of the tables checked on the way. */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "proto/schema.h"
#include "proto/walk.h"

struct encoder {
    msgpack_packer packer;
    struct message_fault *fault;
    size_t items; /* values so far */
    bool mask;    /* SECRET fields become *** */
};

static int
refuse(struct encoder *x, const char *field, const char *why)
{
    snprintf(x->fault->field, sizeof x->fault->field, "%s", field);
    x->fault->why = why;
    return -1;
}

/* Puts `prefix[index].` in front of the field. */
static int
refuse_in(struct encoder *x, const char *prefix, size_t index)
{
    char inner[sizeof x->fault->field];

    memcpy(inner, x->fault->field, sizeof inner);
    snprintf(x->fault->field, sizeof x->fault->field, "%s[%zu].%.40s", prefix, index,
             inner);
    return -1;
}

static int
put_text(struct encoder *x, const char *name, const char *text, size_t max)
{
    size_t n = text != NULL ? strlen(text) : 0;

    if (n > max)
        return refuse(x, name, "longer than its bound");
    if (!walk_text_valid(text, n))
        return refuse(x, name, "not UTF-8");
    if (msgpack_pack_str(&x->packer, n) < 0 ||
        (n > 0 && msgpack_pack_str_body(&x->packer, text, n) < 0))
        return refuse(x, name, "out of memory");
    return 0;
}

static int
put_bytes(struct encoder *x, const struct field *f, const struct msg_bytes *b)
{
    if (b->size > f->max)
        return refuse(x, f->name, "longer than its bound");
    if (msgpack_pack_bin(&x->packer, b->size) < 0 ||
        (b->size > 0 && msgpack_pack_bin_body(&x->packer, b->data, b->size) < 0))
        return refuse(x, f->name, "out of memory");
    return 0;
}

static int put_payload(struct encoder *x, const struct payload *p, const char *at);

static int
put_list(struct encoder *x, const struct field *f, const void *at)
{
    struct any_list list;

    memcpy(&list, at, sizeof list);
    if (list.count > f->items)
        return refuse(x, f->name, "more elements than its bound");
    x->items += list.count;
    if (msgpack_pack_array(&x->packer, list.count) < 0)
        return refuse(x, f->name, "out of memory");
    for (size_t i = 0; i < list.count; i++)
        if (put_payload(x, f->of, (const char *)list.items + i * f->of->size) < 0)
            return refuse_in(x, f->name, i);
    return 0;
}

static int
put_texts(struct encoder *x, const struct field *f, const struct msg_strs *s)
{
    if (s->count > f->items)
        return refuse(x, f->name, "more elements than its bound");
    x->items += s->count;
    if (msgpack_pack_array(&x->packer, s->count) < 0)
        return refuse(x, f->name, "out of memory");
    for (size_t i = 0; i < s->count; i++)
        if (put_text(x, f->name, s->items[i], f->max) < 0)
            return -1;
    return 0;
}

static int
put_pairs(struct encoder *x, const struct field *f, const struct msg_pairs *s)
{
    if (s->count > f->items)
        return refuse(x, f->name, "more elements than its bound");
    x->items += 2 * s->count;
    if (msgpack_pack_map(&x->packer, s->count) < 0)
        return refuse(x, f->name, "out of memory");
    for (size_t i = 0; i < s->count; i++)
        if (put_text(x, f->name, s->items[i].key, f->key_max) < 0 ||
            put_text(x, f->name, s->items[i].value, f->max) < 0)
            return -1;
    return 0;
}

static int
put_field(struct encoder *x, const struct field *f, const char *at)
{
    const char *text;
    int rc = 0;

    switch (f->type) {
    case FIELD_STR:
    case FIELD_SECRET:
        memcpy(&text, at, sizeof text);
        if (x->mask && f->type == FIELD_SECRET && text != NULL && *text != '\0')
            text = "***";
        return put_text(x, f->name, text, f->max);
    case FIELD_BIN:
        return put_bytes(x, f, (const struct msg_bytes *)(const void *)at);
    case FIELD_U64:
        rc = msgpack_pack_uint64(&x->packer, *(const uint64_t *)(const void *)at);
        break;
    case FIELD_I64:
        rc = msgpack_pack_int64(&x->packer, *(const int64_t *)(const void *)at);
        break;
    case FIELD_BOOL:
        rc = *(const bool *)at ? msgpack_pack_true(&x->packer)
                               : msgpack_pack_false(&x->packer);
        break;
    case FIELD_STRS:
        return put_texts(x, f, (const struct msg_strs *)(const void *)at);
    case FIELD_PAIRS:
        return put_pairs(x, f, (const struct msg_pairs *)(const void *)at);
    case FIELD_LIST:
        return put_list(x, f, at);
    }
    return rc < 0 ? refuse(x, f->name, "out of memory") : 0;
}

static int
put_payload(struct encoder *x, const struct payload *p, const char *at)
{
    size_t count;
    const struct field *fields = p->fields(&count);

    x->items += count;
    if (x->items > MESSAGE_MAX_ITEMS)
        return refuse(x, "", "too many values");
    if (msgpack_pack_array(&x->packer, count) < 0)
        return refuse(x, "", "out of memory");
    for (size_t i = 0; i < count; i++)
        if (put_field(x, &fields[i], at + fields[i].offset) < 0)
            return -1;
    return 0;
}

static int
encode_body(const struct message *m, bool mask, void **body, size_t *size,
            struct message_fault *fault)
{
    const struct kind_row *row = schema_kind((uint64_t)m->kind);
    struct encoder x = {.fault = fault, .mask = mask};
    msgpack_sbuffer out;

    if (row == NULL)
        return refuse(&x, "envelope.kind", "unknown kind");
    msgpack_sbuffer_init(&out);
    msgpack_packer_init(&x.packer, &out, msgpack_sbuffer_write);
    if (put_payload(&x, row->payload, (const char *)&m->body) < 0) {
        msgpack_sbuffer_destroy(&out);
        return -1;
    }
    if (out.size > MESSAGE_MAX_BYTES) {
        msgpack_sbuffer_destroy(&out);
        return refuse(&x, "", "longer than MESSAGE_BYTES");
    }
    *size = out.size;
    *body = msgpack_sbuffer_release(&out);
    return 0;
}

static int
encode_envelope(const struct message *m, void **bytes, size_t *size,
                struct message_fault *fault)
{
    struct encoder x = {.fault = fault};
    msgpack_sbuffer out;

    msgpack_sbuffer_init(&out);
    msgpack_packer_init(&x.packer, &out, msgpack_sbuffer_write);
    if (msgpack_pack_array(&x.packer, 7) < 0 ||
        msgpack_pack_uint64(&x.packer, MESSAGE_SCHEMA) < 0 ||
        msgpack_pack_uint16(&x.packer, (uint16_t)m->kind) < 0 ||
        put_text(&x, "envelope.origin", m->envelope.origin, MESSAGE_ORIGIN_MAX) < 0 ||
        msgpack_pack_uint64(&x.packer, m->envelope.sequence) < 0 ||
        msgpack_pack_int64(&x.packer, m->envelope.mono_ms) < 0 ||
        msgpack_pack_int64(&x.packer, m->envelope.wall_ms) < 0 ||
        msgpack_pack_uint64(&x.packer, m->envelope.correlation) < 0) {
        msgpack_sbuffer_destroy(&out);
        if (fault->why == NULL)
            refuse(&x, "envelope", "out of memory");
        return -1;
    }
    *size = out.size;
    *bytes = msgpack_sbuffer_release(&out);
    return 0;
}

static int
encode(const struct message *m, bool mask, void **envelope, size_t *envelope_size,
       void **body, size_t *body_size, struct message_fault *fault)
{
    fault->field[0] = '\0';
    fault->why = NULL;
    if (encode_body(m, mask, body, body_size, fault) < 0)
        return -1;
    if (encode_envelope(m, envelope, envelope_size, fault) < 0) {
        free(*body);
        *body = NULL;
        return -1;
    }
    return 0;
}

int
message_encode(const struct message *m, void **envelope, size_t *envelope_size,
               void **body, size_t *body_size, struct message_fault *fault)
{
    return encode(m, false, envelope, envelope_size, body, body_size, fault);
}

int
message_encode_masked(const struct message *m, void **envelope, size_t *envelope_size,
                      void **body, size_t *body_size, struct message_fault *fault)
{
    return encode(m, true, envelope, envelope_size, body, body_size, fault);
}
