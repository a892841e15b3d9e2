/* err.c - see err.h. */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts a UTF-8 sequence that the fixed size has split. */
static void
cut_at_character(char *text, size_t len)
{
    size_t start = len;

    while (start > 0 && len - start < 4 &&
           ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - start + 1 < want)
        text[start - 1] = '\0';
}

static void fill(struct err *e, enum err_code code, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);

static void
fill(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
    e->code = code;
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    if (n >= (int)sizeof e->text)
        cut_at_character(e->text, sizeof e->text - 1);
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(e, code, fmt, ap);
    va_end(ap);
    return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[ERR_TEXT_MAX];
    va_list ap;

    memcpy(inner, e->text, sizeof inner);
    va_start(ap, fmt);
    fill(e, e->code, fmt, ap);
    va_end(ap);
    size_t used = strlen(e->text);
    int n = snprintf(e->text + used, sizeof e->text - used, ": %s", inner);
    if (n >= (int)(sizeof e->text - used))
        cut_at_character(e->text, sizeof e->text - 1);
    return -1;
}

int
err_errno(struct err *e, const char *fmt, ...)
{
    const char *why = strerror(errno);
    va_list ap;

    va_start(ap, fmt);
    fill(e, ERR_SYSTEM, fmt, ap);
    va_end(ap);
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, ": %s", why);
    return -1;
}
