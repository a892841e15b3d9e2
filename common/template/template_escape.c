/* template_escape.c - html, js, urlquery. */
#include "common/template/template_funcs.h"

#include <string.h>

#include "common/template/gofmt.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/template/rune.h"

/* The arguments as one text; what is nothing reads <no value>. */
static void
join(struct template_call *c, struct buf *text)
{
    struct template_value *args =
        arena_alloc(&c->data->arena, (c->count + 1) * sizeof *args);

    if (args == NULL)
        return; /* the caller sees that memory ran out */
    for (size_t i = 0; i < c->count; i++)
        args[i] = c->args[i].kind == TEMPLATE_NIL ? template_string(c->data, "<no value>")
                                                  : c->args[i];
    text->limit = LIMIT_TEMPLATE_OUTPUT_BYTES;
    gofmt_sprint(text, args, c->count);
}

static int
run(struct template_call *c,
    void (*escape)(struct buf *out, const char *bytes, size_t size))
{
    SCOPED(buf) struct buf plain = BUF_INIT;
    SCOPED(buf) struct buf escaped = {.limit = LIMIT_TEMPLATE_OUTPUT_BYTES};

    join(c, &plain);
    if (!plain.failed)
        escape(&escaped, buf_str(&plain), plain.size);
    if (plain.failed || escaped.failed) {
        buf_printf(c->why, "result of more than %d bytes (TEMPLATE_OUTPUT_BYTES)",
                   LIMIT_TEMPLATE_OUTPUT_BYTES);
        return -1;
    }
    c->result = template_bytes(c->data, buf_str(&escaped), escaped.size);
    return 0;
}

static void
escape_html(struct buf *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        switch (bytes[i]) {
        case '\0':
            buf_add_str(out, "\xEF\xBF\xBD");
            break;
        case '"':
            buf_add_str(out, "&#34;");
            break;
        case '\'':
            buf_add_str(out, "&#39;");
            break;
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        default:
            buf_add_char(out, bytes[i]);
        }
    }
}

static void
escape_js(struct buf *out, const char *bytes, size_t size)
{
    size_t width;

    for (size_t i = 0; i < size; i += width) {
        uint32_t r = rune_decode(bytes + i, size - i, &width);
        if (r == '\\' || r == '\'' || r == '"')
            buf_printf(out, "\\%c", (char)r);
        else if (r == '<' || r == '>' || r == '&' || r == '=' || r < ' ')
            buf_printf(out, "\\u%04X", r);
        else if (r < 0x80 || rune_is_printable(r))
            buf_add(out, bytes + i, width);
        else
            buf_printf(out, "\\u%04X", r);
    }
}

static void
escape_query(struct buf *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char b = (unsigned char)bytes[i];
        if (b == ' ')
            buf_add_char(out, '+');
        else if ((b < 0x80 && rune_is_word(b)) || (b != 0 && strchr("-.~", b) != NULL))
            buf_add_char(out, (char)b);
        else
            buf_printf(out, "%%%02X", b);
    }
}

int
template_html(struct template_call *c)
{
    return run(c, escape_html);
}

int
template_js(struct template_call *c)
{
    return run(c, escape_js);
}

int
template_urlquery(struct template_call *c)
{
    return run(c, escape_query);
}
