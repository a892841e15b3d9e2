#include <criterion/criterion.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"
#include "proto/message.h"
#include "proto/schema.h"
#include "proto/walk.h"

struct bytes {
    void *envelope, *body;
    size_t envelope_size, body_size;
};

static struct bytes
encoded(const struct message *m)
{
    struct message_fault f;
    struct bytes b = {0};

    cr_assert_eq(
        message_encode(m, &b.envelope, &b.envelope_size, &b.body, &b.body_size, &f), 0,
        "%s: %s", f.field, f.why);
    return b;
}

static void
release(struct bytes *b)
{
    free(b->envelope);
    free(b->body);
}

static struct message
of_kind(enum message_kind kind)
{
    struct message m = {.kind = kind};

    snprintf(m.envelope.origin, sizeof m.envelope.origin, "shard-0#17");
    m.envelope.sequence = 5;
    m.envelope.mono_ms = 123456;
    m.envelope.wall_ms = 1700000000000;
    m.envelope.correlation = 99;
    return m;
}

/* ---- filling every field of every payload from its table row ---- */

#define N_SAMPLES 2
static char long_text[1 << 20];

static void fill(const struct payload *p, char *at, size_t sample);

static void
fill_list(const struct field *f, char *at, size_t sample)
{
    struct any_list list = {NULL, sample < f->items ? sample : f->items};
    char *items = calloc(N_SAMPLES, f->type == FIELD_LIST ? f->of->size : 16);

    for (size_t i = 0; i < list.count; i++) {
        if (f->type == FIELD_LIST)
            fill(f->of, items + i * f->of->size, sample);
        else if (f->type == FIELD_STRS)
            ((const char **)(void *)items)[i] = "label \xc3\xa4";
        else
            ((struct msg_pair *)(void *)items)[i] = (struct msg_pair){"k", "v"};
    }
    list.items = items;
    memcpy(at, &list, sizeof list);
}

static void
fill(const struct payload *p, char *at, size_t sample)
{
    size_t n;
    const struct field *fields = p->fields(&n);

    for (size_t i = 0; i < n; i++) {
        const char *text = sample == 0 ? NULL : "a";

        switch (fields[i].type) {
        case FIELD_STR:
        case FIELD_SECRET:
            memcpy(at + fields[i].offset, &text, sizeof text);
            break;
        case FIELD_BIN:
            *(struct msg_bytes *)(void *)(at + fields[i].offset) =
                (struct msg_bytes){"\x00\xff", sample};
            break;
        case FIELD_U64:
            *(uint64_t *)(void *)(at + fields[i].offset) = sample == 0 ? 0 : UINT64_MAX;
            break;
        case FIELD_I64:
            *(int64_t *)(void *)(at + fields[i].offset) =
                sample == 0 ? INT64_MIN : INT64_MAX;
            break;
        case FIELD_BOOL:
            *(bool *)(at + fields[i].offset) = sample != 0;
            break;
        default:
            fill_list(&fields[i], at + fields[i].offset, sample);
            break;
        }
    }
}

static void
clear(const struct payload *p, char *at)
{
    size_t n;
    const struct field *fields = p->fields(&n);

    for (size_t i = 0; i < n; i++) {
        struct any_list list;

        if (fields[i].type < FIELD_STRS)
            continue;
        memcpy(&list, at + fields[i].offset, sizeof list);
        for (size_t k = 0; fields[i].type == FIELD_LIST && k < list.count; k++)
            clear(fields[i].of, (char *)(uintptr_t)list.items + k * fields[i].of->size);
        free((void *)(uintptr_t)list.items);
    }
}

Test(message, every_kind_survives_the_way_to_bytes_and_back)
{
    size_t n;
    const struct kind_row *rows = schema_kinds(&n);

    for (size_t i = 0; i < n; i++)
        for (size_t sample = 0; sample <= N_SAMPLES; sample++) {
            struct message m = of_kind(rows[i].kind), back;
            struct message_fault f;
            struct bytes b, again;

            fill(rows[i].payload, (char *)&m.body, sample);
            b = encoded(&m);
            cr_assert_eq(message_decode(&back, b.envelope, b.envelope_size, b.body,
                                        b.body_size, &f),
                         0, "%s: %s: %s", rows[i].name, f.field, f.why);
            again = encoded(&back);
            cr_expect(again.body_size == b.body_size &&
                          memcmp(again.body, b.body, b.body_size) == 0,
                      "%s", rows[i].name);
            cr_expect_eq(back.kind, rows[i].kind);
            cr_expect_eq(back.envelope.correlation, 99);
            cr_expect_str_eq(back.envelope.origin, "shard-0#17");
            message_free(&back);
            clear(rows[i].payload, (char *)&m.body);
            release(&b);
            release(&again);
        }
}

/* One byte less than any field needs, and one value too many, are refused for every kind. */
Test(message, every_truncation_and_every_trailing_byte_is_refused)
{
    size_t n;
    const struct kind_row *rows = schema_kinds(&n);

    for (size_t i = 0; i < n; i++) {
        struct message m = of_kind(rows[i].kind), back;
        struct message_fault f;
        struct bytes b;
        char *longer;

        fill(rows[i].payload, (char *)&m.body, 1);
        b = encoded(&m);
        for (size_t cut = 0; cut < b.body_size; cut++)
            cr_expect_eq(
                message_decode(&back, b.envelope, b.envelope_size, b.body, cut, &f), -1,
                "%s cut at %zu", rows[i].name, cut);
        for (size_t cut = 0; cut < b.envelope_size; cut++)
            cr_expect_eq(message_decode(&back, b.envelope, cut, b.body, b.body_size, &f),
                         -1);
        longer = calloc(1, b.body_size + 1);
        memcpy(longer, b.body, b.body_size);
        cr_expect_eq(message_decode(&back, b.envelope, b.envelope_size, longer,
                                    b.body_size + 1, &f),
                     -1);
        cr_expect_str_eq(f.why, "trailing bytes");
        free(longer);
        clear(rows[i].payload, (char *)&m.body);
        release(&b);
    }
}

static const struct bad {
    const char *label;
    const char *body;
    size_t size;
    const char *field, *why;
} bads[] = {
    /* level: STR(worker, 96) STR(level, 8) */
    {"no array", "\xa1x", 2, "", "wrong type"},
    {"too few fields", "\x91\xa1x", 3, "level", "missing"},
    {"too many fields", "\x93\xa1x\xa1y\xa1z", 7, "", "more fields than the table has"},
    {"number for text", "\x92\x01\xa1y", 4, "worker", "wrong type"},
    {"bin for text", "\x92\xc4\x01x\xa1y", 6, "worker", "wrong type"},
    {"NUL in text", "\x92\xa2x\0\xa1y", 6, "worker", "NUL in text"},
    {"invalid UTF-8", "\x92\xa2\xc3\x28\xa1y", 6, "worker", "not UTF-8"},
    {"overlong UTF-8", "\x92\xa2\xc0\xaf\xa1y", 6, "worker", "not UTF-8"},
    {"surrogate", "\x92\xa3\xed\xa0\x80\xa1y", 7, "worker", "not UTF-8"},
    {"over its bound", "\x92\xa1x\xa9yyyyyyyyy", 13, "level", "longer than its bound"},
    {"array claims 2^32-1", "\xdd\xff\xff\xff\xff", 5, "", "not well-formed msgpack"},
    {"map claims 2^32-1", "\x92\xdf\xff\xff\xff\xff\xa1y", 8, "",
     "not well-formed msgpack"},
    {"text claims 4 GiB", "\x92\xdb\xff\xff\xff\xff", 6, "", "not well-formed msgpack"},
    {"reserved byte", "\x92\xc1\xa1y", 4, "", "not well-formed msgpack"},
    {"ext type", "\x92\xd4\x01x\xa1y", 6, "", "not well-formed msgpack"},
    {"empty", "", 0, "", "not well-formed msgpack"},
};

Test(message, rejects_hostile_bodies_with_field_and_reason)
{
    const struct message m = of_kind(MSG_LOG_LEVEL);
    struct bytes b = encoded(&m);

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct message back;
        struct message_fault f;

        cr_expect_eq(message_decode(&back, b.envelope, b.envelope_size, bads[i].body,
                                    bads[i].size, &f),
                     -1, "%s", bads[i].label);
        cr_expect_str_eq(f.field, bads[i].field, "%s: field %s", bads[i].label, f.field);
        cr_expect_str_eq(f.why, bads[i].why, "%s: %s", bads[i].label, f.why);
        cr_expect_null(back.zone);
    }
    release(&b);
}

static void
pack_envelope(msgpack_sbuffer *out, uint64_t schema, uint64_t kind, const char *origin,
              int count)
{
    msgpack_packer p;

    msgpack_sbuffer_init(out);
    msgpack_packer_init(&p, out, msgpack_sbuffer_write);
    msgpack_pack_array(&p, (size_t)count);
    msgpack_pack_uint64(&p, schema);
    msgpack_pack_uint64(&p, kind);
    msgpack_pack_str_with_body(&p, origin, strlen(origin));
    for (int i = 3; i < count; i++)
        msgpack_pack_uint64(&p, 1);
}

Test(message, rejects_hostile_envelopes)
{
    static char long_origin[128];
    const struct {
        uint64_t schema, kind;
        const char *origin;
        int count;
        const char *field;
    } rows[] = {
        {2, 9, "a#1", 7, "envelope.schema"},
        {1, 9999, "a#1", 7, "envelope.kind"},
        {1, 0, "a#1", 7, "envelope.kind"},
        {1, UINT64_MAX, "a#1", 7, "envelope.kind"},
        {1, 9, long_origin, 7, "envelope.origin"},
        {1, 9, "a#1", 6, "envelope"},
        {1, 9, "a#1", 8, "envelope"},
    };

    memset(long_origin, 'x', sizeof long_origin - 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        msgpack_sbuffer out;
        struct message back;
        struct message_fault f;

        pack_envelope(&out, rows[i].schema, rows[i].kind, rows[i].origin, rows[i].count);
        cr_expect_eq(message_decode(&back, out.data, out.size, "\x92\xa0\xa0", 3, &f), -1,
                     "%zu", i);
        cr_expect_str_eq(f.field, rows[i].field, "row %zu: %s", i, f.field);
        msgpack_sbuffer_destroy(&out);
    }
}

Test(message, nesting_beyond_the_limit_is_refused_without_recursion)
{
    static char deep[200000];
    const struct message m = of_kind(MSG_LOG_LEVEL);
    struct bytes b = encoded(&m);
    struct message back;
    struct message_fault f;

    memset(deep, 0x91, sizeof deep);
    cr_expect_eq(
        message_decode(&back, b.envelope, b.envelope_size, deep, sizeof deep, &f), -1);
    cr_expect_str_eq(f.why, "nested too deeply");
    release(&b);
}

Test(message, a_body_over_the_limit_is_refused_unread)
{
    const struct message m = of_kind(MSG_LOG_LEVEL);
    struct bytes b = encoded(&m);
    struct message back;
    struct message_fault f;
    char *big = calloc(1, MESSAGE_MAX_BYTES + 1);

    cr_expect_eq(message_decode(&back, b.envelope, b.envelope_size, big,
                                MESSAGE_MAX_BYTES + 1, &f),
                 -1);
    cr_expect_str_eq(f.why, "longer than MESSAGE_BYTES");
    free(big);
    release(&b);
}

Test(message, the_sender_learns_which_field_is_over_its_bound)
{
    struct message m = of_kind(MSG_PEERS_TABLE);
    struct msg_peer peers[2] = {{.user_id = "a/b#1"}, {.user_id = NULL}};
    struct message_fault f;
    void *e, *b;
    size_t es, bs;
    char id[98];

    memset(id, 'x', 97);
    id[97] = '\0';
    peers[1].user_id = id;
    m.body.peers.peers.items = peers;
    m.body.peers.peers.count = 2;
    cr_expect_eq(message_encode(&m, &e, &es, &b, &bs, &f), -1);
    cr_expect_str_eq(f.field, "peers[1].user_id");
    cr_expect_str_eq(f.why, "longer than its bound");
    peers[1].user_id = "\xff";
    cr_expect_eq(message_encode(&m, &e, &es, &b, &bs, &f), -1);
    cr_expect_str_eq(f.why, "not UTF-8");
    m.body.peers.peers.count = 5000;
    cr_expect_eq(message_encode(&m, &e, &es, &b, &bs, &f), -1);
    cr_expect_str_eq(f.why, "more elements than its bound");
}

Test(message, the_whole_is_bounded_although_each_field_is_within_its_bound)
{
    struct message m = of_kind(MSG_SOURCE_ITEMS);
    struct msg_item *items = calloc(100, sizeof *items);
    struct message_fault f;
    void *e, *b;
    size_t es, bs;

    memset(long_text, 'x', 100000);
    for (int i = 0; i < 100; i++)
        items[i].body = long_text;
    m.body.items.items.items = items;
    m.body.items.items.count = 100;
    cr_expect_eq(message_encode(&m, &e, &es, &b, &bs, &f), -1);
    cr_expect_str_eq(f.why, "longer than MESSAGE_BYTES");
    free(items);
}

static char *
dumped(const struct message *m)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    message_dump(m, f);
    fclose(f);
    return text;
}

Test(message, secrets_appear_neither_in_the_dump_nor_in_the_masked_bytes)
{
    struct message m = of_kind(MSG_SOURCE_ASSIGN);
    struct message_fault f;
    void *e, *b;
    size_t es, bs;
    char *text;

    m.body.assign.key = "k";
    m.body.assign.user = "canary-user";
    m.body.assign.token = "canary-token";
    text = dumped(&m);
    cr_expect_null(strstr(text, "canary"), "%s", text);
    cr_expect_not_null(strstr(text, "token=***"));
    free(text);
    cr_assert_eq(message_encode_masked(&m, &e, &es, &b, &bs, &f), 0);
    cr_expect_null(memmem(b, bs, "canary", 6));
    free(e);
    free(b);
}

Test(message, a_dump_is_one_line_whatever_the_text_holds)
{
    struct message m = of_kind(MSG_LOG_LEVEL);
    char *text;

    m.body.level.worker = "a\nb\x1b[31m\"";
    text = dumped(&m);
    cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1);
    cr_expect_null(strchr(text, 0x1b));
    free(text);
}

Test(message, permissions_follow_the_table)
{
    cr_expect(message_allowed(MSG_STATUS_APPLY, ROLE_RECONCILER, ROLE_STATUSWRITER));
    cr_expect_not(message_allowed(MSG_STATUS_APPLY, ROLE_SPAWNER, ROLE_STATUSWRITER));
    cr_expect_not(message_allowed(MSG_STATUS_APPLY, ROLE_RECONCILER, ROLE_WATCHER));
    cr_expect(message_allowed(MSG_SOURCE_ITEMS, ROLE_SPAWNER, ROLE_RECONCILER));
    cr_expect_not(message_allowed(MSG_SOURCE_ITEMS, ROLE_SPAWNER, ROLE_WATCHER));
    cr_expect_not(message_allowed(MSG_PEERS_TABLE, ROLE_WATCHER, ROLE_RECONCILER));
    cr_expect_not(message_allowed(MSG_NONE, ROLE_SUPERVISOR, ROLE_WATCHER));
    cr_expect_not(message_allowed(MSG_STATUS_APPLY, ROLE_NONE, ROLE_STATUSWRITER));
}

Test(message, a_spawner_may_say_nothing_but_about_sources_and_itself)
{
    size_t n;
    const struct kind_row *rows = schema_kinds(&n);

    for (size_t i = 0; i < n; i++) {
        bool ours = strncmp(rows[i].name, "source.", 7) == 0 ||
                    strncmp(rows[i].name, "worker.", 7) == 0 ||
                    rows[i].kind == MSG_TAP_RECORD;

        if ((rows[i].from & 1u << ROLE_SPAWNER) != 0)
            cr_expect(ours, "%s", rows[i].name);
    }
}

Test(message, numbers_names_and_roles_are_unique)
{
    size_t n;
    const struct kind_row *rows = schema_kinds(&n);

    for (size_t i = 0; i < n; i++) {
        cr_expect_leq((int)rows[i].kind, UINT16_MAX);
        cr_expect_eq(message_by_name(rows[i].name), rows[i].kind);
        for (size_t k = i + 1; k < n; k++) {
            cr_expect_neq((int)rows[i].kind, (int)rows[k].kind);
            cr_expect_str_neq(rows[i].name, rows[k].name);
        }
    }
    for (int r = 0; r < N_ROLES; r++)
        cr_expect_eq((int)role_by_name(role_name((enum role)r)), r);
    cr_expect_eq((int)role_by_name("root"), ROLE_NONE);
    cr_expect_null(role_name(ROLE_NONE));
}

Test(message, object_kinds_have_names)
{
    cr_expect_str_eq(object_kind_name(KIND_TASK), "Task");
    cr_expect_str_eq(object_kind_plural(KIND_TASK_SPAWNER), "taskspawners");
    cr_expect(object_kind_ours(KIND_TASK));
    cr_expect_not(object_kind_ours(KIND_JOB));
    cr_expect_str_eq(api_profile_group(PROFILE_KELOS), "kelos.dev");
    cr_expect_null(object_kind_name((enum object_kind)999));
}

Test(message, the_protocol_document_names_every_message_and_field)
{
    char *text = NULL;
    size_t size, n;
    FILE *f = open_memstream(&text, &size);
    const struct kind_row *rows = schema_kinds(&n);

    message_write_markdown(f);
    fclose(f);
    for (size_t i = 0; i < n; i++)
        cr_expect_not_null(strstr(text, rows[i].name), "%s", rows[i].name);
    free(text);
}
