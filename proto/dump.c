/* dump.c - a message for people: one line, secrets masked; and docs/protocol.md. */
#include <string.h>

#include "proto/schema.h"

#define SHOWN_TEXT 120 /* bytes of a long text that a dump shows */
#define SHOWN_ITEMS 8

static void
dump_text(const char *text, FILE *out)
{
    size_t n = text != NULL ? strlen(text) : 0;

    fputc('"', out);
    for (size_t i = 0; i < n && i < SHOWN_TEXT; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
    if (n > SHOWN_TEXT)
        fprintf(out, "+%zu", n - SHOWN_TEXT);
}

static void dump_payload(const struct payload *p, const char *at, FILE *out);

static void
dump_list(const struct field *f, const char *at, FILE *out)
{
    struct any_list list;

    memcpy(&list, at, sizeof list);
    fputc('[', out);
    for (size_t i = 0; i < list.count && i < SHOWN_ITEMS; i++) {
        if (i > 0)
            fputc(' ', out);
        if (f->type == FIELD_LIST)
            dump_payload(f->of, (const char *)list.items + i * f->of->size, out);
        else if (f->type == FIELD_STRS)
            dump_text(((const char *const *)list.items)[i], out);
        else {
            const struct msg_pair *pair = (const struct msg_pair *)list.items + i;

            dump_text(pair->key, out);
            fputc(':', out);
            dump_text(pair->value, out);
        }
    }
    if (list.count > SHOWN_ITEMS)
        fprintf(out, " +%zu", list.count - SHOWN_ITEMS);
    fputc(']', out);
}

static void
dump_field(const struct field *f, const char *at, FILE *out)
{
    const char *text;

    fprintf(out, "%s=", f->name);
    switch (f->type) {
    case FIELD_STR:
        memcpy(&text, at, sizeof text);
        dump_text(text, out);
        break;
    case FIELD_SECRET:
        memcpy(&text, at, sizeof text);
        fputs(text != NULL && *text != '\0' ? "***" : "\"\"", out);
        break;
    case FIELD_BIN:
        fprintf(out, "<%zu bytes>", ((const struct msg_bytes *)(const void *)at)->size);
        break;
    case FIELD_U64:
        fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)(const void *)at);
        break;
    case FIELD_I64:
        fprintf(out, "%lld", (long long)*(const int64_t *)(const void *)at);
        break;
    case FIELD_BOOL:
        fputs(*(const bool *)at ? "true" : "false", out);
        break;
    case FIELD_STRS:
    case FIELD_PAIRS:
    case FIELD_LIST:
        dump_list(f, at, out);
        break;
    }
}

static void
dump_payload(const struct payload *p, const char *at, FILE *out)
{
    size_t count;
    const struct field *fields = p->fields(&count);

    fputc('{', out);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fputc(' ', out);
        dump_field(&fields[i], at + fields[i].offset, out);
    }
    fputc('}', out);
}

void
message_dump(const struct message *m, FILE *out)
{
    const struct kind_row *row = schema_kind((uint64_t)m->kind);

    if (row == NULL) {
        fprintf(out, "unknown kind %d\n", (int)m->kind);
        return;
    }
    fprintf(out, "%s %s seq=%llu", row->name, m->envelope.origin,
            (unsigned long long)m->envelope.sequence);
    if (m->envelope.correlation != 0)
        fprintf(out, " corr=%llu", (unsigned long long)m->envelope.correlation);
    fputc(' ', out);
    dump_payload(row->payload, (const char *)&m->body, out);
    fputc('\n', out);
}

static void
write_roles(unsigned set, FILE *out)
{
    const char *comma = "";

    for (int r = 0; r < N_ROLES; r++)
        if ((set & 1u << r) != 0) {
            fprintf(out, "%s%s", comma, role_name((enum role)r));
            comma = ", ";
        }
}

static void
write_field(const struct field *f, FILE *out)
{
    static const char *const types[] = {"text", "secret text",  "bytes", "u64",    "i64",
                                        "bool", "list of text", "map",   "list of"};

    fprintf(out, "| `%s` | %s", f->name, types[f->type]);
    if (f->type == FIELD_LIST)
        fprintf(out, " [%s](#payload-%s) | at most %zu", f->of->name, f->of->name,
                f->items);
    else if (f->type == FIELD_STRS)
        fprintf(out, " | at most %zu of %zu bytes", f->items, f->max);
    else if (f->type == FIELD_PAIRS)
        fprintf(out, " | at most %zu, keys %zu bytes, values %zu bytes", f->items,
                f->key_max, f->max);
    else if (f->max > 0)
        fprintf(out, " | at most %zu bytes", f->max);
    else
        fputs(" |", out);
    fputs(" |\n", out);
}

static const char intro[] =
    "# The protocol of the bus\n\n"
    "Written by `make docs` from the tables in `proto/`; change those, not this file.\n\n"
    "A message has three frames: topic (the name of the socket), envelope, body. "
    "Envelope and\n"
    "body are msgpack arrays whose elements stand in the order of these tables. A "
    "decoder\n"
    "walks structure, counts and sizes before it allocates, and drops and counts "
    "whatever\n"
    "does not fit: unknown kind, missing field, wrong type, a bound exceeded, trailing "
    "bytes,\n"
    "text that is not UTF-8 or holds NUL.\n\n"
    "Envelope: schema version, kind (u16), origin (`worker#incarnation`, must be the "
    "proven\n"
    "one), sequence per (origin, topic), monotonic and wall milliseconds of the sender,\n"
    "correlation.\n\n";

void
message_write_markdown(FILE *out)
{
    size_t n, n_fields;
    const struct kind_row *kind = schema_kinds(&n);
    const struct payload *const *payload;

    fprintf(out, "%s", intro);
    fprintf(out,
            "Limits: body %u bytes, envelope %u bytes, nesting %d, values %d. Schema "
            "version %d.\n\n",
            MESSAGE_MAX_BYTES, MESSAGE_MAX_ENVELOPE, MESSAGE_MAX_DEPTH, MESSAGE_MAX_ITEMS,
            MESSAGE_SCHEMA);
    fputs(
        "## Messages\n\n| number | name | from | to | payload |\n|---|---|---|---|---|\n",
        out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "| %d | `%s` | ", (int)kind[i].kind, kind[i].name);
        write_roles(kind[i].from, out);
        fputs(" | ", out);
        write_roles(kind[i].to, out);
        fprintf(out, " | [%s](#payload-%s) |\n", kind[i].payload->name,
                kind[i].payload->name);
    }
    payload = schema_payloads(&n);
    fputs("\n## Payloads\n", out);
    for (size_t i = 0; i < n; i++) {
        const struct field *f = payload[i]->fields(&n_fields);

        fprintf(out, "\n### payload %s\n\n", payload[i]->name);
        if (n_fields == 0)
            fputs("No fields.\n", out);
        else
            fputs("| field | type | bound |\n|---|---|---|\n", out);
        for (size_t j = 0; j < n_fields; j++)
            write_field(&f[j], out);
    }
}
