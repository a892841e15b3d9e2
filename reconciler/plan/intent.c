/* intent.c - see intent.h. */
#include "reconciler/plan/intent.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"

/* Cuts the next word off; NULL at the end. */
static const char *
next_word(const char **p, size_t *size)
{
    const char *word = *p + strspn(*p, " ");

    *size = strcspn(word, " ");
    *p = word + *size;
    return *size > 0 ? word : NULL;
}

static bool
read_number(const char **p, int64_t *out)
{
    size_t size;
    const char *word = next_word(p, &size);
    char *end;

    if (word == NULL || size > 18)
        return false;
    errno = 0;
    *out = strtoll(word, &end, 10);
    return errno == 0 && end == word + size && *out > 0;
}

static bool
read_names(const char *p, struct intent *out)
{
    const char *word;
    size_t size;

    while ((word = next_word(&p, &size)) != NULL) {
        if (out->n == INTENT_MAX || size >= ITEM_NAME_SIZE)
            return false;
        memcpy(out->names[out->n], word, size);
        out->names[out->n++][size] = '\0';
    }
    return out->n > 0;
}

bool
intent_parse(const char *text, struct intent *out)
{
    const char *p = text;
    int64_t made;

    *out = (struct intent){.n = 0};
    if (read_number(&p, &out->first) && read_number(&p, &made) && read_names(p, out)) {
        out->made_ms = made <= INT64_MAX / 1000 ? made * 1000 : INT64_MAX;
        return true;
    }
    *out = (struct intent){.n = 0};
    return false;
}

void
intent_format(const struct intent *x, char *out)
{
    int used = snprintf(out, INTENT_TEXT_SIZE, "%lld %lld", (long long)x->first,
                        (long long)(x->made_ms / 1000));

    for (size_t i = 0; i < x->n; i++)
        used += snprintf(out + used, INTENT_TEXT_SIZE - (size_t)used, " %s", x->names[i]);
}

const char *
intent_name(const struct intent *x, int64_t ordinal)
{
    if (ordinal < x->first || ordinal - x->first >= (int64_t)x->n)
        return NULL;
    return x->names[ordinal - x->first];
}

bool
intent_covers(const struct intent *x, const char *name, int64_t ordinal, int64_t now_ms)
{
    const char *found = intent_name(x, ordinal);

    return found != NULL && strcmp(found, name) == 0 && now_ms >= x->made_ms &&
           now_ms - x->made_ms < INTENT_SEND_MS;
}
