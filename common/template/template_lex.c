/* template_lex.c - the tokens of the template language. */
#include "common/template/template_lex.h"

#include <stdint.h>
#include <string.h>

#include "common/template/goquote.h"
#include "common/macros.h"
#include "common/template/rune.h"

#define END UINT32_MAX /* what peek gives at the end of the input */
#define MARKER 2       /* "- " or " -": the trim markers with their space */

static const struct keyword {
    const char *name;
    enum token_type type;
} keywords[] = {
    {"block", TOKEN_BLOCK},
    {"break", TOKEN_BREAK},
    {"continue", TOKEN_CONTINUE},
    {"define", TOKEN_DEFINE},
    {"else", TOKEN_ELSE},
    {"end", TOKEN_END},
    {"if", TOKEN_IF},
    {"nil", TOKEN_NIL},
    {"range", TOKEN_RANGE},
    {"template", TOKEN_TEMPLATE},
    {"with", TOKEN_WITH},
};

static bool
is_space(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The byte at pos + ahead, 0 behind the end. */
static char
byte_at(const struct lexer *l, size_t ahead)
{
    return l->pos + ahead < l->size ? l->input[l->pos + ahead] : '\0';
}

static bool
starts_with(const struct lexer *l, size_t ahead, const char *what)
{
    size_t n = strlen(what);

    return l->pos + ahead <= l->size && l->size - l->pos - ahead >= n &&
           memcmp(l->input + l->pos + ahead, what, n) == 0;
}

static uint32_t
peek(const struct lexer *l, size_t *width)
{
    if (l->pos >= l->size) {
        *width = 0;
        return END;
    }
    return rune_decode(l->input + l->pos, l->size - l->pos, width);
}

static uint32_t
next(struct lexer *l)
{
    size_t width;
    uint32_t r = peek(l, &width);

    l->pos += width;
    return r;
}

static bool
accept(struct lexer *l, const char *set)
{
    if (byte_at(l, 0) == '\0' || strchr(set, byte_at(l, 0)) == NULL)
        return false;
    l->pos++;
    return true;
}

static void
accept_run(struct lexer *l, const char *set)
{
    while (accept(l, set))
        ;
}

/* Drops what has been read, counting its lines. */
static void
ignore(struct lexer *l)
{
    for (; l->start < l->pos; l->start++)
        l->line += l->input[l->start] == '\n';
}

static struct token
emit(struct lexer *l, enum token_type type)
{
    struct token t = {type, l->start, l->line, l->input + l->start, l->pos - l->start};

    ignore(l);
    return t;
}

/* Fails with the message that stands in l->error. */
static struct token
fail(struct lexer *l)
{
    return (struct token){TOKEN_ERROR, l->start, l->line, buf_str(&l->error),
                          l->error.size};
}

static struct token
fail_with(struct lexer *l, const char *message)
{
    buf_add_str(&l->error, message);
    return fail(l);
}

/* message U+0023 '#' */
static struct token
fail_at_rune(struct lexer *l, const char *message, uint32_t r)
{
    char utf8[5] = "";

    if (r == END) {
        buf_printf(&l->error, "%s U+FFFFFFFFFFFFFFFF", message);
        return fail(l);
    }
    buf_printf(&l->error, "%s U+%04X", message, r);
    if (rune_is_printable(r)) {
        utf8[rune_encode(r, utf8)] = '\0';
        buf_printf(&l->error, " '%s'", utf8);
    }
    return fail(l);
}

/* ---- delimiters and text ---- */

static void
skip_space(struct lexer *l)
{
    while (l->pos < l->size && is_space((unsigned char)l->input[l->pos]))
        l->pos++;
    ignore(l);
}

/* "-" and a space at `ahead`: the left delimiter trims. */
static bool
left_trims(const struct lexer *l, size_t ahead)
{
    return byte_at(l, ahead) == '-' && is_space((unsigned char)byte_at(l, ahead + 1));
}

/* Whether a right delimiter stands here, and whether it trims. */
static bool
at_right_delim(const struct lexer *l, bool *trims)
{
    *trims = is_space((unsigned char)byte_at(l, 0)) && byte_at(l, 1) == '-' &&
             starts_with(l, MARKER, "}}");
    return *trims || starts_with(l, 0, "}}");
}

static struct token
lex_right_delim(struct lexer *l)
{
    struct token t;
    bool trims;

    at_right_delim(l, &trims);
    if (trims) {
        l->pos += MARKER;
        ignore(l);
    }
    l->pos += 2;
    t = emit(l, TOKEN_RIGHT_DELIM);
    if (trims)
        skip_space(l);
    l->inside = false;
    return t;
}

/* A comment with its delimiters, pos standing at its slash. Returns false with an error
 * in *t. */
static bool
skip_comment(struct lexer *l, struct token *t)
{
    const char *close;
    bool trims;

    l->pos += 2;
    close = memmem(l->input + l->pos, l->size - l->pos, "*/", 2);
    if (close == NULL) {
        *t = fail_with(l, "unclosed comment");
        return false;
    }
    l->pos = (size_t)(close - l->input) + 2;
    if (!at_right_delim(l, &trims)) {
        *t = fail_with(l, "comment ends before closing delimiter");
        return false;
    }
    l->pos += trims ? MARKER + 2 : 2;
    ignore(l);
    if (trims)
        skip_space(l);
    return true;
}

/* The text before the next left delimiter; false when there is none. */
static bool
lex_text(struct lexer *l, struct token *t)
{
    const char *delim = memmem(l->input + l->pos, l->size - l->pos, "{{", 2);
    size_t end = delim != NULL ? (size_t)(delim - l->input) : l->size, cut = end;

    l->pos = end;
    if (delim != NULL && left_trims(l, 2))
        while (cut > l->start && is_space((unsigned char)l->input[cut - 1]))
            cut--;
    *t = (struct token){TOKEN_TEXT, l->start, l->line, l->input + l->start,
                        cut - l->start};
    ignore(l);
    return t->size > 0;
}

static struct token
lex_outside(struct lexer *l)
{
    struct token t;

    for (;;) {
        if (lex_text(l, &t))
            return t;
        if (l->pos >= l->size)
            return emit(l, TOKEN_EOF);
        size_t marker = left_trims(l, 2) ? MARKER : 0;
        if (!starts_with(l, 2 + marker, "/*")) {
            l->pos += 2;
            t = emit(l, TOKEN_LEFT_DELIM);
            l->inside = true;
            l->parens = 0;
            l->pos += marker;
            ignore(l);
            return t;
        }
        l->pos += 2 + marker;
        ignore(l);
        if (!skip_comment(l, &t))
            return t;
    }
}

/* ---- inside an action ---- */

/* Whether a word may end here. */
static bool
at_terminator(const struct lexer *l)
{
    size_t width;
    uint32_t r = peek(l, &width);

    return r == END || is_space(r) ||
           (r < 0x80 && strchr(".,|:)(", (int)r) != NULL && r != 0) ||
           starts_with(l, 0, "}}");
}

static struct token
lex_space(struct lexer *l)
{
    size_t n = 0, width;

    while (is_space(peek(l, &width))) {
        l->pos++;
        n++;
    }
    /* The last space may belong to a trimming right delimiter. */
    if (byte_at(l, 0) == '-' && starts_with(l, 1, "}}")) {
        l->pos--;
        if (n == 1)
            return lex_right_delim(l);
    }
    return emit(l, TOKEN_SPACE);
}

static void
take_word(struct lexer *l)
{
    size_t width;
    uint32_t r;

    while ((r = peek(l, &width)) != END && rune_is_word(r))
        l->pos += width;
}

static struct token
bad_character(struct lexer *l)
{
    size_t width;

    return fail_at_rune(l, "bad character", peek(l, &width));
}

static struct token
lex_identifier(struct lexer *l)
{
    const char *word = l->input + l->start;
    size_t n;

    take_word(l);
    if (!at_terminator(l))
        return bad_character(l);
    n = l->pos - l->start;
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (strlen(keywords[i].name) == n && memcmp(keywords[i].name, word, n) == 0)
            return emit(l, keywords[i].type);
    if ((n == 4 && memcmp(word, "true", n) == 0) ||
        (n == 5 && memcmp(word, "false", n) == 0))
        return emit(l, TOKEN_BOOL);
    return emit(l, TOKEN_IDENTIFIER);
}

/* Behind '.' or '$'. */
static struct token
lex_name(struct lexer *l, enum token_type type, enum token_type alone)
{
    if (at_terminator(l))
        return emit(l, alone);
    take_word(l);
    return at_terminator(l) ? emit(l, type) : bad_character(l);
}

/* A quoted string or character, its first quote read. */
static struct token
lex_quoted(struct lexer *l, char quote, enum token_type type, const char *unterminated)
{
    for (;;) {
        uint32_t r = next(l);
        if (r == '\\' && (r = next(l)) != END && r != '\n')
            continue; /* whatever is escaped does not end it */
        if (r == END || r == '\n')
            return fail_with(l, unterminated);
        if (r == (unsigned char)quote)
            return emit(l, type);
    }
}

static struct token
lex_raw(struct lexer *l)
{
    const char *close = memchr(l->input + l->pos, '`', l->size - l->pos);

    if (close == NULL)
        return fail_with(l, "unterminated raw quoted string");
    l->pos = (size_t)(close - l->input) + 1;
    return emit(l, TOKEN_RAW_STRING);
}

/* One number; false when it runs into a letter. */
static bool
scan_number(struct lexer *l)
{
    const char *digits = "0123456789_";
    bool decimal = true, hex = false;
    size_t width;
    uint32_t r;

    accept(l, "+-");
    if (accept(l, "0")) {
        decimal = false;
        if ((hex = accept(l, "xX")))
            digits = "0123456789abcdefABCDEF_";
        else if (accept(l, "oO"))
            digits = "01234567_";
        else if (accept(l, "bB"))
            digits = "01_";
        else
            decimal = true;
    }
    accept_run(l, digits);
    if (accept(l, "."))
        accept_run(l, digits);
    if ((decimal && accept(l, "eE")) || (hex && accept(l, "pP"))) {
        accept(l, "+-");
        accept_run(l, "0123456789_");
    }
    accept(l, "i");
    r = peek(l, &width);
    if (r != END && rune_is_word(r)) {
        l->pos += width; /* part of what is shown as wrong */
        return false;
    }
    return true;
}

static struct token
lex_number(struct lexer *l)
{
    bool good = scan_number(l);
    enum token_type type = TOKEN_NUMBER;

    if (good && (byte_at(l, 0) == '+' || byte_at(l, 0) == '-')) {
        type = TOKEN_COMPLEX; /* 1+2i */
        good = scan_number(l) && l->input[l->pos - 1] == 'i';
    }
    if (good)
        return emit(l, type);
    buf_add_str(&l->error, "bad number syntax: ");
    goquote_add(&l->error, l->input + l->start, l->pos - l->start, '"', false);
    return fail(l);
}

static struct token
lex_paren(struct lexer *l, uint32_t r)
{
    l->parens += r == '(' ? 1 : -1;
    if (l->parens < 0)
        return fail_with(l, "unexpected right paren");
    return emit(l, r == '(' ? TOKEN_LEFT_PAREN : TOKEN_RIGHT_PAREN);
}

static struct token
lex_symbol(struct lexer *l, uint32_t r)
{
    switch (r) {
    case '=':
        return emit(l, TOKEN_ASSIGN);
    case ':':
        if (next(l) != '=')
            return fail_with(l, "expected :=");
        return emit(l, TOKEN_DECLARE);
    case '|':
        return emit(l, TOKEN_PIPE);
    case '"':
        return lex_quoted(l, '"', TOKEN_STRING, "unterminated quoted string");
    case '\'':
        return lex_quoted(l, '\'', TOKEN_CHAR_CONSTANT,
                          "unterminated character constant");
    case '`':
        return lex_raw(l);
    case '$':
        return lex_name(l, TOKEN_VARIABLE, TOKEN_VARIABLE);
    case '(':
    case ')':
        return lex_paren(l, r);
    default:
        if (r < 0x80 && rune_is_printable(r))
            return emit(l, TOKEN_CHAR);
        return fail_at_rune(l, "unrecognized character in action:", r);
    }
}

static struct token
lex_inside(struct lexer *l)
{
    bool trims;
    size_t width;
    uint32_t r;

    if (at_right_delim(l, &trims)) {
        if (l->parens > 0)
            return fail_with(l, "unclosed left paren");
        return lex_right_delim(l);
    }
    r = peek(l, &width);
    if (r == END)
        return fail_with(l, "unclosed action");
    if (is_space(r))
        return lex_space(l);
    if (r == '.' && l->pos + 1 < l->size &&
        (byte_at(l, 1) < '0' || byte_at(l, 1) > '9')) {
        l->pos++;
        return lex_name(l, TOKEN_FIELD, TOKEN_DOT);
    }
    if (r == '.' || r == '+' || r == '-' || (r >= '0' && r <= '9'))
        return lex_number(l);
    if (rune_is_word(r))
        return lex_identifier(l);
    l->pos += width;
    return lex_symbol(l, r);
}

struct token
lexer_next(struct lexer *l)
{
    if (l->line == 0)
        l->line = 1;
    if (l->error.size > 0)
        return fail(l); /* nothing follows a mistake */
    return l->inside ? lex_inside(l) : lex_outside(l);
}
