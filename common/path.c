/* path.c - see path.h. */
#include "common/path.h"

#include <string.h>

static void
see_number(struct path_step *s)
{
    s->index = s->size > 0 && s->size < 10;
    s->number = 0;
    for (size_t i = 0; i < s->size && s->index; i++) {
        if (s->text[i] < '0' || s->text[i] > '9')
            s->index = false;
        else
            s->number = s->number * 10 + (size_t)(s->text[i] - '0');
    }
}

bool
path_next(const char **path, struct path_step *step)
{
    const char *p = *path;

    if (*p == '.')
        p++;
    if (*p == '\0')
        return false;
    *step = (struct path_step){.text = p};
    if (*p == '[') {
        step->text = p + 1;
        step->size = strcspn(p + 1, "]");
        see_number(step);
        p += 1 + step->size;
        if (*p == ']')
            p++;
    } else {
        step->size = strcspn(p, ".[");
        p += step->size;
    }
    *path = p;
    return true;
}
