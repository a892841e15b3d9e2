/* log.c - see log.h. */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define LINE_MAX_BYTES 4095

static struct {
    char process[64];
    enum log_level level;
    enum log_format format;
} self = {.process = "kelos", .level = LEVEL_INFO, .format = LOG_TEXT};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void
log_init(const char *process, enum log_level level, enum log_format format)
{
    snprintf(self.process, sizeof self.process, "%s", process);
    self.level = level;
    self.format = format;
}

void
log_set_level(enum log_level level)
{
    self.level = level;
}

enum log_level
log_level(void)
{
    return self.level;
}

int
log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    return -1;
}

int
log_format_parse(const char *name, enum log_format *format)
{
    if (strcmp(name, "text") == 0)
        *format = LOG_TEXT;
    else if (strcmp(name, "json") == 0)
        *format = LOG_JSON;
    else
        return -1;
    return 0;
}

/* A line under construction, cut at LINE_MAX_BYTES. */
struct line {
    char bytes[LINE_MAX_BYTES + 1];
    size_t size;
};

static void
put_char(struct line *l, char c)
{
    if (l->size < LINE_MAX_BYTES - 4) /* room for the closing "}\n */
        l->bytes[l->size++] = c;
}

static void
put_raw(struct line *l, const char *s)
{
    for (; *s != '\0'; s++)
        put_char(l, *s);
}

/* Control characters never reach a terminal or break a line. */
static void
put_escaped(struct line *l, const char *s, bool json)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        char hex[8];

        if (json && (c == '"' || c == '\\')) {
            put_char(l, '\\');
            put_char(l, *s);
        } else if (c == '\n') {
            put_raw(l, "\\n");
        } else if (c < 0x20 || c == 0x7F) {
            snprintf(hex, sizeof hex, json ? "\\u%04x" : "\\x%02x", c);
            put_raw(l, hex);
        } else {
            put_char(l, *s);
        }
    }
}

static void
put_member(struct line *l, const char *name, const char *value)
{
    put_raw(l, ",\"");
    put_raw(l, name);
    put_raw(l, "\":\"");
    put_escaped(l, value, true);
    put_char(l, '"');
}

static void
write_line(struct line *l)
{
    ssize_t n;

    l->bytes[l->size++] = '\n';
    do
        n = write(STDERR_FILENO, l->bytes, l->size);
    while (n < 0 && errno == EINTR);
}

void
log_event(enum log_level level, const char *object, const char *fmt, ...)
{
    if (level > self.level)
        return;

    char text[LINE_MAX_BYTES], when[RFC3339_SIZE];
    int64_t now = clock_wall_ms();
    struct line l = {.size = 0};
    int saved = errno;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rfc3339_format_micro(now * 1000, when);

    if (self.format == LOG_JSON) {
        put_raw(&l, "{\"time\":\"");
        put_raw(&l, when);
        put_char(&l, '"');
        put_member(&l, "level", level_names[level]);
        put_member(&l, "process", self.process);
        if (object != NULL)
            put_member(&l, "object", object);
        put_member(&l, "message", text);
        l.bytes[l.size++] = '}';
    } else {
        put_raw(&l, when);
        put_char(&l, ' ');
        put_raw(&l, level_names[level]);
        put_char(&l, ' ');
        put_raw(&l, self.process);
        put_raw(&l, ": ");
        if (object != NULL) {
            put_escaped(&l, object, false);
            put_raw(&l, ": ");
        }
        put_escaped(&l, text, false);
    }
    write_line(&l);
    errno = saved;
}
