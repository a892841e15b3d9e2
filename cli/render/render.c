/* render.c - see render.h. */
#include "cli/render/render.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/render/render_event.h"
#include "common/buf.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/utf8.h"

#define SUMMARY_CHARS 120
#define CAPTURE_START "---KELOS_OUTPUTS_START---"
#define CAPTURE_END "---KELOS_OUTPUTS_END---"
#define INTERFACE "---KELOS_INTERFACE--- "

struct render {
    const struct event_format *format; /* borrowed, static */
    FILE *out;
    FILE *err;
    bool colour;
    struct buf line; /* an unfinished line */
    bool overlong;   /* the line passed the limit: its rest goes out as it comes */
    struct escape rest;
    bool open;    /* the last text to out had no line feed, and more may follow */
    bool capture; /* between the capture marks */
    uint64_t turns;
    char before[128]; /* render_same_as_before */
};

static const struct event_format *const formats[] = {&render_claude, &render_codex,
                                                     &render_gemini, &render_opencode};

struct render *
render_new(const char *agent, FILE *out, FILE *err, bool colour)
{
    struct render *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->format = formats[0];
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i]->agent, agent) == 0)
            r->format = formats[i];
    r->out = out;
    r->err = err;
    r->colour = colour;
    return r;
}

void
render_free(struct render *r)
{
    if (r == NULL)
        return;
    buf_free(&r->line);
    free(r);
}

/* ---- what the renderers write ---- */

/* What an agent says may hold control characters, of a file that it has read, say. */
static void
put(FILE *to, const char *text, size_t size)
{
    SCOPED(buf) struct buf safe = BUF_INIT;

    escape_text(&safe, text, size);
    fwrite(buf_str(&safe), 1, safe.size, to);
}

void
render_close(struct render *r)
{
    if (r->open)
        fputc('\n', r->out);
    r->open = false;
}

void
render_say(struct render *r, const char *text, bool open)
{
    if (!open)
        render_close(r);
    put(r->out, text, strlen(text));
    r->open = open;
    if (!open)
        fputc('\n', r->out);
    fflush(r->out);
}

void
render_note(struct render *r, const char *fmt, ...)
{
    SCOPED(string) char *text = NULL;
    va_list ap;

    fflush(r->out);
    va_start(ap, fmt);
    int size = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (size < 0) {
        text = NULL;
        return;
    }
    fputs(r->colour && fmt[0] != '\0' ? "\033[2m" : "", r->err);
    put(r->err, text, (size_t)size);
    fputs(r->colour && fmt[0] != '\0' ? "\033[0m\n" : "\n", r->err);
    fflush(r->err);
}

void
render_turn(struct render *r)
{
    render_note(r, "%s", "");
    render_note(r, "--- Turn %" PRIu64 " ---", ++r->turns);
}

void
render_tool(struct render *r, const char *label, const char *name, const char *summary)
{
    char line[SUMMARY_SIZE];

    if (summary != NULL)
        render_note(r, "[%s] %s: %s", label, name, event_one_line(summary, line));
    else
        render_note(r, "[%s] %s", label, name);
}

void
render_tokens(struct render *r, const char *verdict, const json_t *in, const json_t *out)
{
    render_note(r, "%s", "");
    if (in == NULL && out == NULL)
        render_note(r, "[result] %s", verdict);
    else
        render_note(r, "[result] %s (input=%.0f, output=%.0f)", verdict,
                    json_number_value(in), json_number_value(out));
}

bool
render_same_as_before(struct render *r, const char *id)
{
    bool same = id[0] != '\0' && strcmp(r->before, id) == 0;

    snprintf(r->before, sizeof(r->before), "%s", id);
    return same;
}

/* ---- reading an event ---- */

const char *
event_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

double
event_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

bool
event_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const json_t *
event_at(const json_t *object, const char *path)
{
    while (object != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");
        object = json_object_getn(object, path, size);
        path += size + (path[size] == '.' ? 1 : 0);
    }
    return object;
}

const char *
event_summary(const struct tool_summary *table, size_t count, const char *tool,
              const json_t *input)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].tool, tool) != 0)
            continue;
        for (size_t f = 0; f < ARRAY_LEN(table[i].fields) && table[i].fields[f] != NULL;
             f++) {
            const char *text = event_string(input, table[i].fields[f]);

            if (text[0] != '\0')
                return text;
        }
    }
    return NULL;
}

const char *
event_one_line(const char *text, char *out)
{
    size_t used = 0, chars = 0, left = strlen(text);

    while (left > 0 && chars < SUMMARY_CHARS) {
        size_t size = utf8_char_size(text, left);

        size = size > 0 ? size : 1;
        if (*text == '\n') {
            memcpy(out + used, "\\n", 2);
            used += 2;
            chars += 2;
        } else {
            memcpy(out + used, text, size);
            used += size;
            chars++;
        }
        text += size;
        left -= size;
    }
    strcpy(out + used, left > 0 ? "..." : "");
    return out;
}

/* Whether what stands at the path has the type; what is missing or null fits. */
static bool
fits(const json_t *at, const char *path, char type)
{
    if (at == NULL || json_is_null(at))
        return true;
    if (*path == '\0')
        return (type == 's' && json_is_string(at)) ||
               (type == 'n' && json_is_number(at)) ||
               (type == 'b' && json_is_boolean(at)) ||
               (type == 'o' && json_is_object(at)) || (type == 'a' && json_is_array(at));
    if (strncmp(path, "[]", 2) == 0) {
        const char *rest = path + 2 + (path[2] == '.' ? 1 : 0);

        for (size_t i = 0; i < json_array_size(at); i++)
            if (!fits(json_array_get(at, i), rest, type))
                return false;
        return json_is_array(at);
    }
    if (!json_is_object(at))
        return false;
    size_t size = strcspn(path, ".[");
    const char *rest = path + size + (path[size] == '.' ? 1 : 0);
    return fits(json_object_getn(at, path, size), rest, type);
}

static bool
event_fits(const struct event_format *format, const json_t *event)
{
    if (!fits(event, "type", 's'))
        return false;
    for (size_t i = 0; i < format->n_fields; i++)
        if (!fits(event, format->fields[i].path, format->fields[i].type))
            return false;
    return true;
}

/* ---- lines ---- */

static void
pass_line(struct render *r, const char *line, size_t size)
{
    render_close(r);
    put(r->out, line, size);
    fputc('\n', r->out);
    fflush(r->out);
}

/* The block that the agent's image prints last is for the controller; a reader gets it in
 * brackets. What an image says of itself is for the controller alone. */
static bool
capture_line(struct render *r, const char *line)
{
    if (strcmp(line, CAPTURE_START) == 0) {
        r->capture = true;
        return true;
    }
    if (!r->capture)
        return strncmp(line, INTERFACE, strlen(INTERFACE)) == 0;
    if (strcmp(line, CAPTURE_END) == 0)
        r->capture = false;
    else
        render_note(r, "[output] %s", line);
    return true;
}

static void
render_line(struct render *r, const char *line, size_t size)
{
    json_t *event = NULL;

    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (size == 0)
        return;
    if (line[0] == '-' || r->capture) {
        SCOPED(buf) struct buf text = BUF_INIT;

        buf_add(&text, line, size);
        if (capture_line(r, buf_str(&text)))
            return;
    }
    if (strchr(" \t{n", line[0]) != NULL)
        event = json_loadb(line, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (json_is_null(event)) {
        json_decref(event);
        return;
    }
    if (!json_is_object(event) || !event_fits(r->format, event) ||
        json_object_get(event, "type") == NULL)
        pass_line(r, line, size);
    else
        r->format->render(r, event, line);
    json_decref(event);
}

/* A part of a line that is too long to be read. */
static void
pass_part(struct render *r, const char *bytes, size_t size)
{
    SCOPED(buf) struct buf safe = BUF_INIT;

    escape_add(&r->rest, &safe, bytes, size);
    fwrite(buf_str(&safe), 1, safe.size, r->out);
}

void
render_feed(struct render *r, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t part = end != NULL ? (size_t)(end - bytes) : size;

        if (r->overlong) {
            pass_part(r, bytes, part);
        } else if (r->line.size + part > LIMIT_RENDER_LINE_BYTES) {
            render_close(r);
            pass_part(r, buf_str(&r->line), r->line.size);
            pass_part(r, bytes, part);
            buf_clear(&r->line);
            r->overlong = true;
        } else {
            buf_add(&r->line, bytes, part);
        }
        if (end == NULL)
            return;
        if (r->overlong)
            pass_part(r, "\n", 1);
        else
            render_line(r, buf_str(&r->line), r->line.size);
        r->overlong = false;
        buf_clear(&r->line);
        bytes += part + 1;
        size -= part + 1;
    }
}

void
render_end(struct render *r, bool close_line)
{
    if (r->line.size > 0) {
        render_line(r, buf_str(&r->line), r->line.size);
        buf_clear(&r->line);
    }
    if (close_line)
        render_close(r);
    fflush(r->out);
}
