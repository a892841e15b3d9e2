/* value.c - see value.h. */
#include "cli/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"
#include "common/buf.h"
#include "common/limits.h"
#include "common/scoped.h"

void
value_free(char *text)
{
    if (text == NULL)
        return;
    explicit_bzero(text, strlen(text));
    free(text);
}

char *
value_read_whole(const char *what, const char *path, struct err *e)
{
    SCOPED(string) char *expanded = config_expand_home(path);
    struct buf text = {.limit = LIMIT_YAML_FILE_BYTES};
    char chunk[8192];
    size_t n;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(expanded, "re");

    if (f == NULL) {
        err_set(e, ERR_INVALID, "cannot read %s for %s: %s", path, what, strerror(errno));
        return NULL;
    }
    errno = 0;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        if (buf_add(&text, chunk, n) < 0)
            break;
    int failed = ferror(f) ? errno : 0;
    if (f != stdin)
        fclose(f);
    explicit_bzero(chunk, sizeof(chunk));
    if (failed != 0 || text.failed || memchr(buf_str(&text), '\0', text.size) != NULL) {
        err_set(e, ERR_INVALID, "cannot read %s for %s: %s", path, what,
                failed != 0   ? strerror(failed)
                : text.failed ? "larger than YAML_FILE_BYTES"
                              : "it holds a NUL byte");
        buf_wipe(&text);
        return NULL;
    }
    return buf_take(&text);
}

char *
value_read_file(const char *what, const char *path, struct err *e)
{
    char *text = value_read_whole(what, path, e);
    size_t size = text != NULL ? strlen(text) : 0;

    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    return text;
}

static bool
is_variable(const char *text)
{
    size_t size;

    if (text[0] != '$')
        return false;
    size = strspn(text + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return size > 0 && text[size + 1] == '\0' && (text[1] < '0' || text[1] > '9');
}

char *
value_read(const char *what, const char *text, int forms, struct err *e)
{
    char *out = NULL;

    if ((forms & VALUE_FILE) && text[0] == '@') {
        out = text[1] == '@' ? strdup(text + 1) : value_read_file(what, text + 1, e);
    } else if ((forms & VALUE_STDIN) && strcmp(text, "-") == 0) {
        out = value_read_file(what, "-", e);
    } else if ((forms & VALUE_ENV) && is_variable(text)) {
        const char *value = getenv(text + 1);

        if (value == NULL) {
            err_set(e, ERR_INVALID, "%s: the variable %s is not set", what, text);
            return NULL;
        }
        out = strdup(value);
    } else {
        out = strdup(text);
    }
    if (out != NULL && (forms & VALUE_NONE) && strcmp(out, "none") == 0)
        out[0] = '\0';
    return out;
}
