/* cel_parse.c - the grammar of cel.h, by recursive descent; macros become loops. */
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/macros.h"
#include "local/apiserver/cel/cel_lex.h"

#define ARGS_MAX 1000

struct parser {
    struct cel_program *program;
    struct cel_lexer lx;
    int depth;
};

static struct cel_node *expression(struct parser *ps);

void *
cel_alloc(struct cel_block **blocks, size_t size)
{
    struct cel_block *b = calloc(1, sizeof *b + size);

    if (b == NULL)
        return NULL;
    b->next = *blocks;
    *blocks = b;
    return b->bytes;
}

void
cel_release(struct cel_block *blocks)
{
    while (blocks != NULL) {
        struct cel_block *next = blocks->next;

        free(blocks);
        blocks = next;
    }
}

static struct cel_node *
node_new(struct parser *ps, enum cel_node_kind kind)
{
    struct cel_node *n = cel_alloc(&ps->program->blocks, sizeof *n);

    if (n == NULL)
        err_set(ps->lx.e, ERR_SYSTEM, "out of memory");
    else
        n->kind = kind;
    return n;
}

static struct cel_node *
syntax(struct parser *ps, const char *why)
{
    cel_syntax(&ps->lx, why);
    return NULL;
}

static bool
is(struct parser *ps, const char *punct)
{
    return ps->lx.token == TOK_PUNCT && strcmp(ps->lx.punct, punct) == 0;
}

/* Takes the token if it is this one: 1, 0, or -1 when what follows cannot be read. */
static int
accept(struct parser *ps, const char *punct)
{
    if (!is(ps, punct))
        return 0;
    return cel_next(&ps->lx) < 0 ? -1 : 1;
}

static int
expect(struct parser *ps, const char *punct)
{
    int rc = accept(ps, punct);

    if (rc == 0)
        return cel_syntax(&ps->lx, "something is missing or unexpected");
    return rc < 0 ? -1 : 0;
}

static const char *
keep(struct parser *ps, const char *text, size_t size)
{
    char *copy = cel_alloc(&ps->program->blocks, size + 1);

    if (copy != NULL && size > 0)
        memcpy(copy, text, size);
    return copy;
}

/* Field names that are no identifiers are written with __dot__ and the like. */
static const char *
field_name(struct parser *ps, const char *text)
{
    /* clang-format off */
    static const struct { const char *from, *to; } escapes[] = {
        {"__underscores__", "__"}, {"__dot__", "."}, {"__dash__", "-"}, {"__slash__", "/"},
    };
    static const char *const words[] = {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function",
                                        "if", "import", "let", "loop", "package", "namespace", "return"};
    /* clang-format on */
    SCOPED(buf) struct buf out = BUF_INIT;
    size_t n = strlen(text);

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (n == strlen(words[i]) + 4 && strncmp(text, "__", 2) == 0 &&
            strncmp(text + 2, words[i], n - 4) == 0 && strcmp(text + n - 2, "__") == 0)
            return words[i];
    while (*text != '\0') {
        size_t i = 0;

        while (i < ARRAY_LEN(escapes) &&
               strncmp(text, escapes[i].from, strlen(escapes[i].from)) != 0)
            i++;
        if (i < ARRAY_LEN(escapes)) {
            buf_add_str(&out, escapes[i].to);
            text += strlen(escapes[i].from);
        } else {
            buf_add_char(&out, *text++);
        }
    }
    return keep(ps, buf_str(&out), out.size);
}

/* Items up to the closing bracket, which is taken. Maps give key and value one after another. */
static int
items(struct parser *ps, struct cel_node *n, const char *close, bool pairs)
{
    struct cel_node *list[ARGS_MAX];
    size_t count = 0;

    while (!is(ps, close)) {
        struct cel_node *item;

        if (count + 2 > ARGS_MAX)
            return cel_syntax(&ps->lx, "too many items");
        if (accept(ps, "?") < 0 || (item = expression(ps)) == NULL)
            return -1;
        list[count++] = item;
        if (pairs) {
            if (expect(ps, ":") < 0 || (item = expression(ps)) == NULL)
                return -1;
            list[count++] = item;
        }
        if (!is(ps, close) && expect(ps, ",") < 0)
            return -1;
    }
    n->items = cel_alloc(&ps->program->blocks, (count + 1) * sizeof *n->items);
    if (n->items == NULL)
        return err_set(ps->lx.e, ERR_SYSTEM, "out of memory");
    memcpy(n->items, list, count * sizeof *list);
    n->count = count;
    return cel_next(&ps->lx);
}

/* ---- macros ---- */

/* clang-format off */
static const struct { const char *name; enum cel_loop loop; size_t vars_min, vars_max, bodies; } macros[] = {
    {"all", LOOP_ALL, 1, 2, 1}, {"exists", LOOP_EXISTS, 1, 2, 1}, {"exists_one", LOOP_EXISTS_ONE, 1, 2, 1},
    {"existsOne", LOOP_EXISTS_ONE, 1, 2, 1}, {"map", LOOP_MAP, 1, 1, 2}, {"filter", LOOP_FILTER, 1, 1, 1},
    {"optMap", LOOP_OPT_MAP, 1, 1, 1}, {"optFlatMap", LOOP_OPT_FLAT_MAP, 1, 1, 1},
};
/* clang-format on */

/* Turns a call of a macro's name into a loop; NULL with *e when its variables are none. */
static struct cel_node *
as_macro(struct parser *ps, struct cel_node *call)
{
    size_t i = 0, vars = 1;

    while (i < ARRAY_LEN(macros) && strcmp(macros[i].name, call->text) != 0)
        i++;
    if (i == ARRAY_LEN(macros) || call->a == NULL || call->count < 2 || call->count > 3)
        return call;
    if (call->count == 3 && macros[i].vars_max == 2)
        vars = 2;
    else if (call->count == 3 && macros[i].bodies < 2)
        return call;
    for (size_t k = 0; k < vars; k++)
        if (call->items[k]->kind != CEL_IDENT)
            return syntax(ps, "a macro's variable must be a name");
    call->kind = CEL_LOOP;
    call->loop = macros[i].loop;
    call->var = call->items[0]->text;
    call->var2 = vars == 2 ? call->items[1]->text : NULL;
    call->items += vars;
    call->count -= vars;
    return call;
}

static struct cel_node *
as_has(struct parser *ps, struct cel_node *call)
{
    if (strcmp(call->text, "has") != 0 || call->a != NULL)
        return call;
    if (call->count != 1 || call->items[0]->kind != CEL_SELECT)
        return syntax(ps, "has() needs a field");
    call->items[0]->test = true;
    return call->items[0];
}

/* cel.bind(x, value, body) */
static struct cel_node *
as_bind(struct parser *ps, struct cel_node *call)
{
    if (call->a == NULL || call->a->kind != CEL_IDENT ||
        strcmp(call->a->text, "cel") != 0 || strcmp(call->text, "bind") != 0)
        return call;
    if (call->count != 3 || call->items[0]->kind != CEL_IDENT)
        return syntax(ps, "cel.bind needs a name, a value and an expression");
    call->kind = CEL_LOOP;
    call->loop = LOOP_BIND;
    call->var = call->items[0]->text;
    call->a = call->items[1];
    call->items += 2;
    call->count = 1;
    return call;
}

/* ---- expressions ---- */

static struct cel_node *
call(struct parser *ps, struct cel_node *target, const char *name)
{
    struct cel_node *n = node_new(ps, CEL_CALL);

    if (n == NULL)
        return NULL;
    n->text = name;
    n->a = target;
    if (items(ps, n, ")", false) < 0 || (n = as_has(ps, n)) == NULL)
        return NULL;
    if (n->kind == CEL_CALL)
        n = as_bind(ps, n);
    return n != NULL && n->kind == CEL_CALL ? as_macro(ps, n) : n;
}

static struct cel_node *
literal(struct parser *ps)
{
    /* clang-format off */
    static const enum cel_node_kind kinds[] = {
        [TOK_INT] = CEL_INT, [TOK_UINT] = CEL_UINT, [TOK_DOUBLE] = CEL_DOUBLE, [TOK_STRING] = CEL_STRING, [TOK_BYTES] = CEL_BYTES,
    };
    /* clang-format on */
    struct cel_node *n = node_new(ps, kinds[ps->lx.token]);

    if (n == NULL)
        return NULL;
    if (ps->lx.token == TOK_INT && ps->lx.v.u > INT64_MAX)
        return syntax(ps, "a number is too large");
    if (ps->lx.token == TOK_DOUBLE)
        n->v.d = ps->lx.v.d;
    else
        n->v.u = ps->lx.v.u;
    if (ps->lx.token == TOK_STRING || ps->lx.token == TOK_BYTES) {
        n->text = keep(ps, buf_str(&ps->lx.text), ps->lx.text.size);
        n->size = ps->lx.text.size;
    }
    return cel_next(&ps->lx) < 0 ? NULL : n;
}

static struct cel_node *
named(struct parser *ps)
{
    const char *name = keep(ps, buf_str(&ps->lx.text), ps->lx.text.size);
    struct cel_node *n;

    if (name == NULL || cel_next(&ps->lx) < 0)
        return NULL;
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0) {
        if ((n = node_new(ps, CEL_BOOL)) != NULL)
            n->v.b = *name == 't';
        return n;
    }
    if (strcmp(name, "null") == 0)
        return node_new(ps, CEL_NULL);
    if (strcmp(name, "in") == 0)
        return syntax(ps, "\"in\" needs something before it");
    switch (accept(ps, "(")) {
    case 1:
        return call(ps, NULL, name);
    case 0:
        if ((n = node_new(ps, CEL_IDENT)) != NULL)
            n->text = name;
        return n;
    default:
        return NULL;
    }
}

static struct cel_node *
bracketed(struct parser *ps)
{
    struct cel_node *n;
    bool map = is(ps, "{");

    if (is(ps, "(")) {
        if (cel_next(&ps->lx) < 0 || (n = expression(ps)) == NULL || expect(ps, ")") < 0)
            return NULL;
        return n;
    }
    if ((n = node_new(ps, map ? CEL_MAP : CEL_LIST)) == NULL || cel_next(&ps->lx) < 0)
        return NULL;
    return items(ps, n, map ? "}" : "]", map) < 0 ? NULL : n;
}

static struct cel_node *
primary(struct parser *ps)
{
    switch (ps->lx.token) {
    case TOK_INT:
    case TOK_UINT:
    case TOK_DOUBLE:
    case TOK_STRING:
    case TOK_BYTES:
        return literal(ps);
    case TOK_IDENT:
        return named(ps);
    case TOK_PUNCT:
        if (is(ps, "(") || is(ps, "[") || is(ps, "{"))
            return bracketed(ps);
        if (is(ps, ".") && cel_next(&ps->lx) == 0 && ps->lx.token == TOK_IDENT)
            return named(ps);
        return syntax(ps, "an operand is missing");
    default:
        return syntax(ps, "the expression ends too early");
    }
}

static struct cel_node *
member_of(struct parser *ps, struct cel_node *target)
{
    bool optional = is(ps, ".?");
    struct cel_node *n;
    const char *name;
    int rc;

    if (cel_next(&ps->lx) < 0)
        return NULL;
    if (ps->lx.token != TOK_IDENT)
        return syntax(ps, "a field's name is missing");
    name = keep(ps, buf_str(&ps->lx.text), ps->lx.text.size);
    if (name == NULL || cel_next(&ps->lx) < 0 ||
        (rc = optional ? 0 : accept(ps, "(")) < 0)
        return NULL;
    if (rc == 1)
        return call(ps, target, name);
    if ((n = node_new(ps, CEL_SELECT)) == NULL)
        return NULL;
    n->a = target;
    n->text = field_name(ps, name);
    n->optional = optional;
    return n;
}

static struct cel_node *
index_of(struct parser *ps, struct cel_node *target)
{
    struct cel_node *n = node_new(ps, CEL_INDEX);

    if (n == NULL)
        return NULL;
    n->optional = is(ps, "[?");
    n->a = target;
    if (cel_next(&ps->lx) < 0 || (n->b = expression(ps)) == NULL || expect(ps, "]") < 0)
        return NULL;
    return n;
}

static struct cel_node *
postfix(struct parser *ps)
{
    struct cel_node *n = primary(ps);

    for (int i = 0; n != NULL; i++) {
        if (i > LIMIT_CEL_DEPTH)
            return syntax(ps, "nested deeper than the limit CEL_DEPTH");
        if (is(ps, ".") || is(ps, ".?"))
            n = member_of(ps, n);
        else if (is(ps, "[") || is(ps, "[?"))
            n = index_of(ps, n);
        else
            break;
    }
    return n;
}

static struct cel_node *
unary(struct parser *ps)
{
    enum cel_node_kind kind = is(ps, "!") ? CEL_NOT : CEL_NEGATE;
    struct cel_node *n;

    if (!is(ps, "!") && !is(ps, "-"))
        return postfix(ps);
    if (++ps->depth > LIMIT_CEL_DEPTH)
        return syntax(ps, "nested deeper than the limit CEL_DEPTH");
    if (cel_next(&ps->lx) < 0)
        return NULL;
    /* The smallest integer has no positive twin. */
    if (kind == CEL_NEGATE && ps->lx.token == TOK_INT &&
        ps->lx.v.u == (uint64_t)INT64_MAX + 1) {
        if ((n = node_new(ps, CEL_INT)) != NULL)
            n->v.i = INT64_MIN;
        ps->depth--;
        return cel_next(&ps->lx) < 0 ? NULL : n;
    }
    if ((n = node_new(ps, kind)) == NULL || (n->a = unary(ps)) == NULL)
        return NULL;
    ps->depth--;
    return n;
}

/* clang-format off */
static const struct { const char *text; int level; enum cel_node_kind kind; } operators[] = {
    {"||", 0, CEL_OR}, {"&&", 1, CEL_AND}, {"==", 2, CEL_EQ}, {"!=", 2, CEL_NE}, {"<", 2, CEL_LT}, {"<=", 2, CEL_LE},
    {">", 2, CEL_GT}, {">=", 2, CEL_GE}, {"in", 2, CEL_IN}, {"+", 3, CEL_ADD}, {"-", 3, CEL_SUB}, {"*", 4, CEL_MUL},
    {"/", 4, CEL_DIV}, {"%", 4, CEL_MOD},
};
/* clang-format on */

static int
operator_at(struct parser *ps, int level)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        bool word = strcmp(operators[i].text, "in") == 0;

        if (operators[i].level != level)
            continue;
        if (word ? ps->lx.token == TOK_IDENT && strcmp(buf_str(&ps->lx.text), "in") == 0
                 : is(ps, operators[i].text))
            return (int)i;
    }
    return -1;
}

static struct cel_node *
binary(struct parser *ps, int level)
{
    struct cel_node *left = level > 4 ? unary(ps) : binary(ps, level + 1), *n;
    int op, chain = 0;

    while (left != NULL && level <= 4 && (op = operator_at(ps, level)) >= 0) {
        if (++chain > 10 * LIMIT_CEL_DEPTH)
            return syntax(ps, "too many operators in a row");
        if ((n = node_new(ps, operators[op].kind)) == NULL || cel_next(&ps->lx) < 0)
            return NULL;
        n->a = left;
        if ((n->b = binary(ps, level + 1)) == NULL)
            return NULL;
        left = n;
    }
    return left;
}

static struct cel_node *
expression(struct parser *ps)
{
    struct cel_node *n, *cond;
    int rc;

    if (++ps->depth > LIMIT_CEL_DEPTH)
        return syntax(ps, "nested deeper than the limit CEL_DEPTH");
    if ((cond = binary(ps, 0)) == NULL || (rc = accept(ps, "?")) < 0)
        return NULL;
    if (rc == 0) {
        ps->depth--;
        return cond;
    }
    if ((n = node_new(ps, CEL_COND)) == NULL)
        return NULL;
    n->a = cond;
    if ((n->b = binary(ps, 0)) == NULL || expect(ps, ":") < 0 ||
        (n->c = expression(ps)) == NULL)
        return NULL;
    ps->depth--;
    return n;
}

struct cel_program *
cel_compile(const char *text, struct err *e)
{
    SCOPED(cel) struct cel_program *program = calloc(1, sizeof *program);
    struct parser ps = {.program = program,
                        .lx = {.start = text, .p = text, .at = text, .e = e}};

    if (program == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (cel_next(&ps.lx) == 0)
        program->root = expression(&ps);
    if (program->root != NULL && ps.lx.token != TOK_END)
        program->root = syntax(&ps, "unexpected text");
    buf_free(&ps.lx.text);
    return program->root != NULL ? TAKE(program) : NULL;
}

void
cel_free(struct cel_program *p)
{
    if (p == NULL)
        return;
    cel_release(p->blocks);
    free(p);
}

static bool
uses(const struct cel_node *n, const char *name)
{
    if (n == NULL)
        return false;
    if (n->kind == CEL_IDENT && strcmp(n->text, name) == 0)
        return true;
    for (size_t i = 0; i < n->count; i++)
        if (uses(n->items[i], name))
            return true;
    return uses(n->a, name) || uses(n->b, name) || uses(n->c, name);
}

bool
cel_uses(const struct cel_program *p, const char *name)
{
    return uses(p->root, name);
}
