/* refname.c - see refname.h. */
#include "reconciler/job/refname.h"

#include <string.h>

static bool
char_valid(unsigned char c)
{
    return c > ' ' && c != 0x7f && strchr("~^:?*[\\", c) == NULL;
}

bool
refname_valid(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > 244 || name[0] == '-' || name[0] == '/' ||
        strcmp(name, "@") == 0 || strcmp(name, "HEAD") == 0 || name[size - 1] == '/' ||
        name[size - 1] == '.')
        return false;
    if (strstr(name, "..") != NULL || strstr(name, "//") != NULL ||
        strstr(name, "@{") != NULL)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool first = i == 0 || name[i - 1] == '/';
        if (!char_valid((unsigned char)name[i]) || (first && name[i] == '.'))
            return false;
        if (strncmp(name + i, ".lock", 5) == 0 &&
            (name[i + 5] == '\0' || name[i + 5] == '/'))
            return false;
    }
    return true;
}
