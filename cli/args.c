/* args.c - see args.h. */
#include "cli/args.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct value {
    const struct flag *flag;
    bool given;
    bool on; /* FLAG_BOOL */
    char **texts;
    size_t count;
};

struct args {
    struct value *values;
    size_t n_values;
    char **words;
    size_t n_words;
};

static int
push(char ***list, size_t *count, const char *text, size_t size)
{
    char **grown = realloc(*list, (*count + 1) * sizeof(*grown));

    if (grown == NULL)
        return -1;
    *list = grown;
    if ((grown[*count] = strndup(text, size)) == NULL)
        return -1;
    ++*count;
    return 0;
}

static void
free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

const struct flag *
args_find(const struct flag_set *sets, size_t n_sets, const char *name, size_t size)
{
    for (size_t s = 0; s < n_sets; s++)
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct flag *f = &sets[s].flags[i];

            if (strlen(f->name) == size && memcmp(f->name, name, size) == 0)
                return f;
        }
    return NULL;
}

const struct flag *
args_find_letter(const struct flag_set *sets, size_t n_sets, char letter)
{
    for (size_t s = 0; s < n_sets; s++)
        for (size_t i = 0; i < sets[s].count; i++)
            if (sets[s].flags[i].letter == letter)
                return &sets[s].flags[i];
    return NULL;
}

static struct value *
value_of(const struct args *a, const struct flag *flag)
{
    for (size_t i = 0; i < a->n_values; i++)
        if (a->values[i].flag == flag)
            return &a->values[i];
    return NULL;
}

static const struct value *
value_named(const struct args *a, const char *name)
{
    for (size_t i = 0; i < a->n_values; i++)
        if (strcmp(a->values[i].flag->name, name) == 0)
            return &a->values[i];
    assert(!"a flag that no table has");
    return NULL;
}

static int
parse_bool(const char *text, bool *on)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(text, yes[i]) == 0) {
            *on = true;
            return 0;
        }
        if (strcmp(text, no[i]) == 0) {
            *on = false;
            return 0;
        }
    }
    return -1;
}

/* One record of CSV: a,"b,c",d. A quote inside quotes is doubled. */
static int
add_csv(struct value *v, const char *text, struct err *e)
{
    const char *p = text;

    if (*p == '\0')
        return 0;
    for (;;) {
        SCOPED(buf) struct buf item = BUF_INIT;

        if (*p == '"') {
            for (p++; *p != '\0' && !(*p == '"' && p[1] != '"'); p++) {
                if (*p == '"')
                    p++;
                buf_add_char(&item, *p);
            }
            if (*p++ != '"' || (*p != ',' && *p != '\0'))
                return err_set(e, ERR_INVALID, "--%s \"%s\": a quote is not closed",
                               v->flag->name, text);
        } else {
            size_t size = strcspn(p, ",");

            buf_add(&item, p, size);
            p += size;
        }
        if (push(&v->texts, &v->count, buf_str(&item), item.size) < 0)
            return err_set(e, ERR_SYSTEM, "out of memory");
        if (*p == '\0')
            return 0;
        p++;
    }
}

/* "true", "false" and their like, or one of the flag's choices. */
static int
set_bool(struct value *v, const char *text, struct err *e)
{
    free_list(v->texts, v->count);
    v->texts = NULL;
    v->count = 0;
    for (size_t i = 0; v->flag->choices != NULL && v->flag->choices[i] != NULL; i++)
        if (strcmp(v->flag->choices[i], text) == 0) {
            v->on = true;
            if (push(&v->texts, &v->count, text, strlen(text)) < 0)
                return err_set(e, ERR_SYSTEM, "out of memory");
            return 0;
        }
    if (parse_bool(text, &v->on) == 0)
        return 0;
    SCOPED(buf) struct buf known = BUF_INIT;
    for (size_t i = 0; v->flag->choices != NULL && v->flag->choices[i] != NULL; i++)
        buf_printf(&known, ", %s", v->flag->choices[i]);
    return err_set(e, ERR_INVALID, "--%s=%s: expected true or false%s", v->flag->name,
                   text, buf_str(&known));
}

static int
set_value(struct args *a, const struct flag *flag, const char *text, struct err *e)
{
    struct value *v = value_of(a, flag);

    v->given = true;
    switch (flag->type) {
    case FLAG_BOOL:
        return set_bool(v, text, e);
    case FLAG_STRING:
        free_list(v->texts, v->count);
        v->texts = NULL;
        v->count = 0;
        break;
    case FLAG_SLICE:
        return add_csv(v, text, e);
    case FLAG_ARRAY:
        break;
    }
    if (push(&v->texts, &v->count, text, strlen(text)) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return 0;
}

/* The line being read. */
struct line {
    const struct flag_set *sets;
    size_t n_sets;
    char *const *words;
    size_t count;
    size_t at;
};

/* --name or --name=value. */
static int
read_long(struct args *a, struct line *l, const char *word, struct err *e)
{
    const char *name = word + 2;
    size_t size = strcspn(name, "=");
    const struct flag *flag = args_find(l->sets, l->n_sets, name, size);

    if (flag == NULL)
        return err_set(e, ERR_INVALID, "unknown flag --%.*s", (int)size, name);
    if (name[size] == '=')
        return set_value(a, flag, name + size + 1, e);
    if (flag->type == FLAG_BOOL)
        return set_value(a, flag, "true", e);
    if (l->at >= l->count)
        return err_set(e, ERR_INVALID, "--%s needs a value: --%s %s", flag->name,
                       flag->name, flag->value);
    return set_value(a, flag, l->words[l->at++], e);
}

/* -abc, -nvalue, -n=value, -n value. */
static int
read_short(struct args *a, struct line *l, const char *word, struct err *e)
{
    for (const char *p = word + 1; *p != '\0'; p++) {
        const struct flag *flag = args_find_letter(l->sets, l->n_sets, *p);

        if (flag == NULL && word[2] == '\0')
            return err_set(e, ERR_INVALID, "unknown flag -%c", *p);
        if (flag == NULL)
            return err_set(e, ERR_INVALID, "unknown flag -%c in %s", *p, word);
        if (p[1] == '=')
            return set_value(a, flag, p + 2, e);
        if (flag->type != FLAG_BOOL && p[1] != '\0')
            return set_value(a, flag, p + 1, e);
        if (flag->type != FLAG_BOOL) {
            if (l->at >= l->count)
                return err_set(e, ERR_INVALID, "-%c needs a value: -%c %s", *p, *p,
                               flag->value);
            return set_value(a, flag, l->words[l->at++], e);
        }
        if (set_value(a, flag, "true", e) < 0)
            return -1;
    }
    return 0;
}

static int
read_line(struct args *a, struct line *l, struct err *e)
{
    bool flags = true;

    while (l->at < l->count) {
        const char *word = l->words[l->at++];

        if (flags && strcmp(word, "--") == 0) {
            flags = false;
        } else if (flags && strncmp(word, "--", 2) == 0) {
            if (read_long(a, l, word, e) < 0)
                return -1;
        } else if (flags && word[0] == '-' && word[1] != '\0') {
            if (read_short(a, l, word, e) < 0)
                return -1;
        } else if (push(&a->words, &a->n_words, word, strlen(word)) < 0) {
            return err_set(e, ERR_SYSTEM, "out of memory");
        }
    }
    return 0;
}

struct args *
args_parse(const struct flag_set *sets, size_t n_sets, char *const *words, size_t count,
           struct err *e)
{
    SCOPED(args) struct args *a = calloc(1, sizeof(*a));
    struct line line = {sets, n_sets, words, count, 0};
    size_t total = 0;

    for (size_t s = 0; s < n_sets; s++)
        total += sets[s].count;
    if (a == NULL || (a->values = calloc(total + 1, sizeof(*a->values))) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    for (size_t s = 0; s < n_sets; s++)
        for (size_t i = 0; i < sets[s].count; i++)
            a->values[a->n_values++].flag = &sets[s].flags[i];

    struct err mine = ERR_INIT;
    if (read_line(a, &line, &mine) < 0) {
        const struct flag *help = args_find(sets, n_sets, "help", 4);

        if (help == NULL || !value_of(a, help)->on) {
            *e = mine;
            return NULL;
        }
    }
    return TAKE(a);
}

void
args_free(struct args *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->n_values; i++)
        free_list(a->values[i].texts, a->values[i].count);
    free(a->values);
    free_list(a->words, a->n_words);
    free(a);
}

size_t
args_count(const struct args *a)
{
    return a->n_words;
}

const char *
args_word(const struct args *a, size_t i)
{
    return i < a->n_words ? a->words[i] : "";
}

bool
args_given(const struct args *a, const char *name)
{
    return value_named(a, name)->given;
}

bool
args_bool(const struct args *a, const char *name)
{
    return value_named(a, name)->on;
}

const char *
args_string(const struct args *a, const char *name)
{
    const struct value *v = value_named(a, name);

    return v->count > 0 ? v->texts[v->count - 1] : "";
}

size_t
args_list(const struct args *a, const char *name, char *const **values)
{
    const struct value *v = value_named(a, name);

    *values = v->texts;
    return v->count;
}

int
args_required(const struct args *a, struct err *e)
{
    SCOPED(buf) struct buf missing = BUF_INIT;
    size_t count = 0;

    for (size_t i = 0; i < a->n_values; i++) {
        const struct flag *f = a->values[i].flag;

        if (f->required && !a->values[i].given) {
            buf_printf(&missing, "%s--%s %s", count > 0 ? ", " : "", f->name, f->value);
            count++;
        }
    }
    if (count == 0)
        return 0;
    return err_set(e, ERR_INVALID, "required flag%s missing: %s", count > 1 ? "s" : "",
                   buf_str(&missing));
}
