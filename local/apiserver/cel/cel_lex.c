/* cel_lex.c - see cel_lex.h. */
#include "local/apiserver/cel/cel_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

int
cel_syntax(struct cel_lexer *lx, const char *why)
{
    return err_set(lx->e, ERR_INVALID, "CEL: %s at offset %td of: %.300s", why,
                   lx->at - lx->start, lx->start);
}

static void
add_utf8(struct buf *out, unsigned long c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
    } else if (c < 0x800) {
        buf_add_char(out, (char)(0xc0 | c >> 6));
        buf_add_char(out, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        buf_add_char(out, (char)(0xe0 | c >> 12));
        buf_add_char(out, (char)(0x80 | (c >> 6 & 63)));
        buf_add_char(out, (char)(0x80 | (c & 63)));
    } else {
        buf_add_char(out, (char)(0xf0 | c >> 18));
        buf_add_char(out, (char)(0x80 | (c >> 12 & 63)));
        buf_add_char(out, (char)(0x80 | (c >> 6 & 63)));
        buf_add_char(out, (char)(0x80 | (c & 63)));
    }
}

/* n digits of a base behind an escape. */
static int
digits(struct cel_lexer *lx, int n, int base, unsigned long *out)
{
    char text[9] = "", *end;

    for (int i = 0; i < n; i++) {
        if (!isxdigit((unsigned char)*lx->p))
            return cel_syntax(lx, "bad escape");
        text[i] = *lx->p++;
    }
    *out = strtoul(text, &end, base);
    return *end == '\0' ? 0 : cel_syntax(lx, "bad escape");
}

static int
escape(struct cel_lexer *lx, bool bytes)
{
    static const char names[] = "abfnrtv\\?\"'`", values[] = "\a\b\f\n\r\t\v\\?\"'`";
    char c = *lx->p++;
    const char *at = c != '\0' ? strchr(names, c) : NULL;
    unsigned long code;
    int n = 0;

    if (at != NULL)
        return buf_add_char(&lx->text, values[at - names]);
    switch (c) {
    case 'x':
    case 'X':
        n = 2;
        break;
    case 'u':
        n = 4;
        break;
    case 'U':
        n = 8;
        break;
    case '0':
    case '1':
    case '2':
    case '3':
        lx->p--;
        if (digits(lx, 3, 8, &code) < 0)
            return -1;
        if (bytes)
            return buf_add_char(&lx->text, (char)code);
        add_utf8(&lx->text, code);
        return 0;
    default:
        return cel_syntax(lx, "unknown escape");
    }
    if (digits(lx, n, 16, &code) < 0)
        return -1;
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || (!bytes && code == 0))
        return cel_syntax(lx, "bad code point");
    if (bytes && n == 2)
        return buf_add_char(&lx->text, (char)code);
    add_utf8(&lx->text, code);
    return 0;
}

static int
string(struct cel_lexer *lx, bool raw, bool bytes)
{
    char quote = *lx->p;
    bool three = lx->p[1] == quote && lx->p[2] == quote;

    lx->p += three ? 3 : 1;
    for (;;) {
        char c = *lx->p;

        if (c == '\0' || (!three && c == '\n'))
            return cel_syntax(lx, "a string does not end");
        if (c == quote && (!three || (lx->p[1] == quote && lx->p[2] == quote))) {
            lx->p += three ? 3 : 1;
            lx->token = bytes ? TOK_BYTES : TOK_STRING;
            return 0;
        }
        lx->p++;
        if (c == '\\' && !raw) {
            if (escape(lx, bytes) < 0)
                return -1;
        } else {
            buf_add_char(&lx->text, c);
        }
    }
}

static int
number(struct cel_lexer *lx)
{
    bool hex = lx->p[0] == '0' && (lx->p[1] == 'x' || lx->p[1] == 'X');
    const char *p = lx->p;
    char *end;

    while (isxdigit((unsigned char)*p) || *p == 'x' || *p == 'X')
        p++;
    errno = 0;
    p = lx->p + strspn(lx->p, "0123456789");
    if (!hex && ((*p == '.' && isdigit((unsigned char)p[1])) || *p == 'e' || *p == 'E')) {
        lx->v.d = strtod(lx->p, &end);
        lx->p = end;
        lx->token = TOK_DOUBLE;
        return 0;
    }
    lx->v.u = strtoull(lx->p, &end, hex ? 16 : 10);
    if (errno != 0 || end == lx->p)
        return cel_syntax(lx, "a number is too large");
    lx->p = end;
    if (*end == 'u' || *end == 'U') {
        lx->p++;
        lx->token = TOK_UINT;
        return 0;
    }
    /* 9223372036854775808 is only good behind a minus: the parser looks. */
    lx->token = TOK_INT;
    return 0;
}

static int
word(struct cel_lexer *lx)
{
    const char *p = lx->p;
    bool raw = false, bytes = false;

    /* r"…", b"…", rb"…", br"…" */
    for (int i = 0; i < 2 && (*p == 'r' || *p == 'R' || *p == 'b' || *p == 'B');
         i++, p++) {
        raw |= *p == 'r' || *p == 'R';
        bytes |= *p == 'b' || *p == 'B';
    }
    if (p > lx->p && (*p == '"' || *p == '\'')) {
        lx->p = p;
        return string(lx, raw, bytes);
    }
    while (isalnum((unsigned char)*lx->p) || *lx->p == '_')
        buf_add_char(&lx->text, *lx->p++);
    lx->token = TOK_IDENT;
    return 0;
}

static int
punct(struct cel_lexer *lx)
{
    static const char *const doubles[] = {"&&", "||", "==", "!=", "<=", ">=", ".?", "[?"};

    for (size_t i = 0; i < ARRAY_LEN(doubles); i++)
        if (lx->p[0] == doubles[i][0] && lx->p[1] == doubles[i][1]) {
            memcpy(lx->punct, doubles[i], 3);
            lx->p += 2;
            return 0;
        }
    if (strchr("()[]{}.,:?!<>+-*/%", *lx->p) == NULL)
        return cel_syntax(lx, "unexpected character");
    lx->punct[0] = *lx->p++;
    lx->punct[1] = '\0';
    return 0;
}

int
cel_next(struct cel_lexer *lx)
{
    buf_clear(&lx->text);
    for (;;) {
        while (isspace((unsigned char)*lx->p))
            lx->p++;
        if (lx->p[0] != '/' || lx->p[1] != '/')
            break;
        lx->p += strcspn(lx->p, "\n");
    }
    lx->at = lx->p;
    if (*lx->p == '\0') {
        lx->token = TOK_END;
        return 0;
    }
    if (isdigit((unsigned char)*lx->p) ||
        (*lx->p == '.' && isdigit((unsigned char)lx->p[1])))
        return number(lx);
    if (isalpha((unsigned char)*lx->p) || *lx->p == '_')
        return word(lx);
    if (*lx->p == '"' || *lx->p == '\'')
        return string(lx, false, false);
    lx->token = TOK_PUNCT;
    return punct(lx);
}
