/* command.c - see command.h. */
#include "cli/command.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/dialect.h"
#include "cli/suggest.h"
#include "common/buf.h"

#define MAX_CHILDREN 32

const struct command *
command_leaf(const struct command_path *path)
{
    return path->rows[path->depth - 1];
}

const char *
command_full_name(const struct command_path *path, char *buf, size_t size)
{
    size_t used = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < path->depth && used < size; i++) {
        int n = snprintf(buf + used, size - used, "%s%s", i > 0 ? " " : "",
                         i > 0 ? path->rows[i]->name : dialect()->program);
        used += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

size_t
command_flag_sets(const struct command_path *path, struct flag_set *sets)
{
    size_t count = 0;

    sets[count++] = command_leaf(path)->flags;
    for (size_t i = path->depth; i-- > 0;)
        if (path->rows[i]->inherited.count > 0)
            sets[count++] = path->rows[i]->inherited;
    return count;
}

bool
command_is(const struct command *command, const char *word)
{
    if (strcmp(command->name, word) == 0)
        return true;
    for (size_t i = 0; command->aliases != NULL && command->aliases[i] != NULL; i++)
        if (strcmp(command->aliases[i], word) == 0)
            return true;
    return false;
}

static bool
is_there(const struct command *command)
{
    return !command->newer || !dialect()->older;
}

bool
command_offered(const struct command *command)
{
    return !command->hidden && is_there(command);
}

static const struct command *
child_of(const struct command *command, const char *word)
{
    for (size_t i = 0; command->children != NULL && command->children[i] != NULL; i++)
        if (is_there(command->children[i]) && command_is(command->children[i], word))
            return command->children[i];
    return NULL;
}

/* Looks the flag up for the path, then in the commands below: flags may stand before the
 * words that name their command. */
static const struct flag *
flag_for(const struct command_path *path, const char *name, size_t size, char letter)
{
    struct flag_set sets[MAX_FLAG_SETS];
    size_t n = command_flag_sets(path, sets);
    const struct flag *f =
        letter != 0 ? args_find_letter(sets, n, letter) : args_find(sets, n, name, size);
    const struct command *leaf = command_leaf(path);

    for (size_t i = 0; f == NULL && leaf->children != NULL && leaf->children[i] != NULL;
         i++) {
        struct command_path below = *path;

        if (below.depth < MAX_COMMAND_DEPTH) {
            below.rows[below.depth++] = leaf->children[i];
            f = flag_for(&below, name, size, letter);
        }
    }
    return f;
}

bool
command_takes_next(const struct command_path *path, const char *word,
                   const struct flag **flag)
{
    const struct flag *f = NULL;
    bool takes = false;

    if (word[0] != '-' || word[1] == '\0' || strcmp(word, "--") == 0)
        return false;
    if (word[1] == '-') {
        if (strchr(word, '=') == NULL)
            f = flag_for(path, word + 2, strlen(word + 2), 0);
        takes = f != NULL && f->type != FLAG_BOOL;
    }
    for (const char *p = word + 1; word[1] != '-' && *p != '\0'; p++) {
        f = flag_for(path, NULL, 0, *p);
        if (f == NULL || f->type != FLAG_BOOL || p[1] == '=') {
            takes = f != NULL && f->type != FLAG_BOOL && p[1] == '\0';
            break;
        }
    }
    if (takes && flag != NULL)
        *flag = f;
    return takes;
}

size_t
command_find(char *const *words, size_t count, struct command_path *path, char **rest)
{
    size_t kept = 0;
    bool walking = true;

    *path = (struct command_path){.rows = {&command_root}, .depth = 1};
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i];

        if (walking && !command_leaf(path)->raw && strcmp(word, "--") != 0) {
            if (word[0] == '-' && word[1] != '\0') {
                rest[kept++] = words[i];
                if (command_takes_next(path, word, NULL) && i + 1 < count)
                    rest[kept++] = words[++i];
                continue;
            }
            const struct command *child = child_of(command_leaf(path), word);
            if (child != NULL && path->depth < MAX_COMMAND_DEPTH) {
                path->rows[path->depth++] = child;
                continue;
            }
        }
        walking = false;
        rest[kept++] = words[i];
    }
    return kept;
}

static int
missing_word(const struct command_path *path, struct err *e)
{
    const struct command *leaf = command_leaf(path);
    char name[128];
    size_t required = 0;
    SCOPED(buf) struct buf usage = BUF_INIT;

    command_full_name(path, name, sizeof(name));
    buf_printf(&usage, "%s %s", name, leaf->words);
    for (size_t i = 0; i < leaf->flags.count; i++)
        if (leaf->flags.flags[i].required && required++ < 3)
            buf_printf(&usage, " --%s %s", leaf->flags.flags[i].name,
                       leaf->flags.flags[i].value);
    return err_set(e, ERR_INVALID, "%s NAME missing; usage: %s", leaf->noun,
                   buf_str(&usage));
}

int
command_check_words(const struct command_path *path, const struct args *args,
                    struct err *e)
{
    const struct command *leaf = command_leaf(path);
    size_t count = args_count(args);
    char name[128];
    SCOPED(buf) struct buf list = BUF_INIT;

    if (count < leaf->min_words)
        return missing_word(path, e);
    if (count <= leaf->max_words)
        return 0;
    for (size_t i = 0; i < count && i < 8; i++)
        buf_printf(&list, " %s", args_word(args, i));
    command_full_name(path, name, sizeof(name));
    if (leaf->max_words == 0)
        return err_set(e, ERR_INVALID, "\"%s\" is one word too many for %s",
                       args_word(args, 0), name);
    if (leaf->min_words == 0)
        return err_set(e, ERR_INVALID, "%s takes at most %zu NAME, got %zu:%s", name,
                       leaf->max_words, count, buf_str(&list));
    return err_set(e, ERR_INVALID, "one NAME expected, got %zu:%s", count,
                   buf_str(&list));
}

int
command_group_error(const struct command_path *path, const char *word, struct err *e)
{
    const struct command *group = command_leaf(path);
    const char *names[MAX_CHILDREN], *choices = group->choices;
    SCOPED(buf) struct buf fewer = BUF_INIT;
    size_t count = 0;

    for (size_t i = 0; group->children[i] != NULL && count < MAX_CHILDREN; i++)
        if (command_offered(group->children[i]))
            names[count++] = group->children[i]->name;
    const char *near = word != NULL ? suggest_best(word, names, count) : NULL;
    for (size_t i = 0; dialect()->older && i < count; i++)
        buf_printf(&fewer, "%s%s", i > 0 ? " or " : "", names[i]);
    if (fewer.size > 0)
        choices = buf_str(&fewer);
    if (path->depth == 1)
        return err_set(e, ERR_INVALID, "\"%s\" is no command of %s%s%s%s; see %s --help",
                       word, dialect()->program, near != NULL ? "; did you mean \"" : "",
                       near != NULL ? near : "", near != NULL ? "\"?" : "",
                       dialect()->program);
    if (word == NULL)
        return err_set(e, ERR_INVALID, "say what to %s: %s", group->name, choices);
    if (near != NULL)
        return err_set(e, ERR_INVALID, "\"%s\" cannot be %s; did you mean %s? (%s)", word,
                       group->verb, near, choices);
    return err_set(e, ERR_INVALID, "\"%s\" cannot be %s; try %s", word, group->verb,
                   choices);
}
