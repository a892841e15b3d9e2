/* mask.c - see mask.h. */
#include "common/mask.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/macros.h"

#define LONG_WORD 20

static bool
in_word(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("_-+/.~", c) != NULL);
}

static bool
known_maker(const char *word, size_t size)
{
    static const char *const starts[] = {"ghp_", "gho_",        "ghs_", "ghu_",
                                         "ghr_", "github_pat_", "sk-",  "AIza",
                                         "xox",  "glpat-",      "AKIA", "eyJ"};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (size > strlen(starts[i]) && strncmp(word, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* The longest run without '/', '.' or '~', so that paths and URLs stay readable. */
static bool
long_mixed(const char *word, size_t size)
{
    size_t run = 0, digits = 0, letters = 0;

    for (size_t i = 0; i < size; i++) {
        if (strchr("/.~", word[i]) != NULL) {
            run = digits = letters = 0;
            continue;
        }
        run++;
        digits += isdigit((unsigned char)word[i]) != 0;
        letters += isalpha((unsigned char)word[i]) != 0;
        if (run >= LONG_WORD && digits > 0 && letters > 0)
            return true;
    }
    return false;
}

/* Whether a word announces that a secret follows it. */
static bool
announces(const char *word, size_t size)
{
    static const char *const words[] = {"bearer", "token",   "password",
                                        "passwd", "secret",  "api_key",
                                        "apikey", "api-key", "authorization"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if (size >= n && strncasecmp(word + size - n, words[i], n) == 0)
            return true;
    }
    return false;
}

/* What stands between an announcement and its secret. */
static bool
joins(const char *between, size_t size, bool bearer)
{
    bool sign = bearer;

    for (size_t i = 0; i < size; i++) {
        if (strchr("=:\"' ", between[i]) == NULL)
            return false;
        sign = sign || between[i] == '=' || between[i] == ':';
    }
    return sign;
}

void
mask_add(struct buf *out, const char *text)
{
    bool announced = false, bearer = false;
    const char *end = text; /* of the last word */

    while (*text != '\0') {
        size_t size = 0;
        if (!in_word(*text)) {
            buf_add_char(out, *text++);
            continue;
        }
        while (in_word(text[size]))
            size++;
        bool says = announces(text, size);
        bool is_bearer = size == 6 && strncasecmp(text, "bearer", 6) == 0;
        bool follows =
            announced && joins(end, (size_t)(text - end), bearer) && !is_bearer;
        if (follows || known_maker(text, size) || long_mixed(text, size))
            buf_add_str(out, "***");
        else
            buf_add(out, text, size);
        announced = says;
        bearer = is_bearer;
        text += size;
        end = text;
    }
}
