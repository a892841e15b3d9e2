/* itemname.c - what the Task of a work item is called. */
#include "reconciler/plan/itemtask.h"

#include <ctype.h>
#include <openssl/sha.h>
#include <string.h>

void
item_task_name(const char *spawner, const char *id, char *out)
{
    SCOPED(buf) struct buf full = BUF_INIT;
    unsigned char digest[SHA256_DIGEST_LENGTH];

    buf_printf(&full, "%s-%s", spawner, id);
    for (char *c = full.data; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '.')
            *c = '-';
    }
    while (full.size > 0 && strchr("-.", full.data[full.size - 1]) != NULL)
        full.data[--full.size] = '\0';
    if (full.size <= ITEM_NAME_MAX) {
        memcpy(out, full.data, full.size + 1);
        return;
    }
    SHA256((const unsigned char *)full.data, full.size, digest);
    snprintf(out, ITEM_NAME_MAX + 1, "%.54s-%02x%02x%02x%02x", full.data, digest[0],
             digest[1], digest[2], digest[3]);
}

/* Lower case; one '-' for each character that a name cannot hold. */
static void
replace_foreign(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c & 0xc0) == 0x80) /* inside a character that is replaced already */
            continue;
        c = (unsigned char)tolower(c);
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
        buf_add_char(out, fine ? (char)c : '-');
    }
}

void
item_name_sanitise(const char *text, char *out)
{
    SCOPED(buf) struct buf plain = BUF_INIT;
    size_t used = 0;

    replace_foreign(text, &plain);
    const char *p = buf_str(&plain);
    const char *end = p + (plain.size < ITEM_NAME_MAX ? plain.size : ITEM_NAME_MAX);
    while (p < end) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        const char *next = dot != NULL ? dot : end, *to = next;
        while (p < to && *p == '-')
            p++;
        while (to > p && to[-1] == '-')
            to--;
        if (to > p) {
            if (used > 0)
                out[used++] = '.';
            memcpy(out + used, p, (size_t)(to - p));
            used += (size_t)(to - p);
        }
        p = next + 1;
    }
    out[used] = '\0';
}

int
item_name(const struct spawner_view *s, const struct item *it, char *out, struct err *e)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    if (*s->name_template == '\0') {
        item_task_name(s->view.meta.name, it->id, out);
        return 0;
    }
    if (item_render("name", s->name_template, it, &text, e) < 0)
        return err_wrap(e, "failed to render name template");
    if (strstr(buf_str(&text), "<no value>") != NULL)
        return err_set(e, ERR_INVALID,
                       "failed to render name template: item %s: a value is missing",
                       it->id);
    item_name_sanitise(buf_str(&text), out);
    if (*out == '\0')
        return err_set(e, ERR_INVALID,
                       "nameTemplate: \"%.100s\" of item %s leaves no name",
                       buf_str(&text), it->id);
    return 0;
}
