/* help.c - see help.h. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static void
add_padded(struct buf *out, const char *text, size_t width)
{
    size_t size = strlen(text);

    buf_add_str(out, text);
    for (; size < width; size++)
        buf_add_char(out, ' ');
}

/* "-o, --output FORMAT" */
static void
flag_left(const struct flag *f, struct buf *out)
{
    if (f->letter != 0)
        buf_printf(out, "-%c, ", f->letter);
    else
        buf_add_str(out, "    ");
    buf_printf(out, "--%s", f->name);
    if (f->value != NULL)
        buf_printf(out, " %s", f->value);
}

static void
write_flags(const char *title, const struct flag_set *set, struct buf *out)
{
    size_t width = 0;

    if (set->count == 0)
        return;
    for (size_t i = 0; i < set->count; i++) {
        SCOPED(buf) struct buf left = BUF_INIT;

        flag_left(&set->flags[i], &left);
        width = left.size > width ? left.size : width;
    }
    buf_printf(out, "\n%s:\n", title);
    for (size_t i = 0; i < set->count; i++) {
        const struct flag *f = &set->flags[i];
        SCOPED(buf) struct buf left = BUF_INIT;

        flag_left(f, &left);
        buf_add_str(out, "  ");
        add_padded(out, buf_str(&left), width + 3);
        buf_printf(out, "%s%s", f->help, f->required ? " (required)" : "");
        for (size_t c = 0;
             f->type != FLAG_BOOL && f->choices != NULL && f->choices[c] != NULL; c++)
            buf_printf(out, "%s%s", c == 0 ? ": " : ", ", f->choices[c]);
        buf_add_char(out, '\n');
    }
}

static void
write_children(const struct command *command, struct buf *out)
{
    size_t width = 0;

    if (command->children == NULL)
        return;
    for (size_t i = 0; command->children[i] != NULL; i++)
        if (command_offered(command->children[i]) &&
            strlen(command->children[i]->name) > width)
            width = strlen(command->children[i]->name);
    buf_add_str(out, "\nCommands:\n");
    for (size_t i = 0; command->children[i] != NULL; i++) {
        if (!command_offered(command->children[i]))
            continue;
        buf_add_str(out, "  ");
        add_padded(out, command->children[i]->name, width + 3);
        buf_printf(out, "%s\n", command->children[i]->summary);
    }
}

void
help_write(const struct command_path *path, struct buf *out)
{
    const struct command *command = command_leaf(path);
    char name[128];

    command_full_name(path, name, sizeof(name));
    buf_printf(out, "%s\n\nUsage:\n  %s", command->summary, name);
    if (command->children != NULL)
        buf_add_str(out, " COMMAND");
    else if (command->words != NULL)
        buf_printf(out, " %s", command->words);
    buf_add_str(out, " [flags]\n");
    if (command->aliases != NULL) {
        buf_printf(out, "\nAliases:\n  %s", command->name);
        for (size_t i = 0; command->aliases[i] != NULL; i++)
            buf_printf(out, ", %s", command->aliases[i]);
        buf_add_char(out, '\n');
    }
    write_children(command, out);
    write_flags("Flags", &command->flags, out);
    for (size_t i = path->depth; i-- > 1;)
        write_flags("Flags of every resource", &path->rows[i]->inherited, out);
    write_flags("Global flags", &path->rows[0]->inherited, out);
    if (command->examples != NULL)
        buf_printf(out, "\nExamples:\n%s", command->examples);
    if (command->children != NULL)
        buf_printf(out, "\n\"%s COMMAND --help\" says more about a command.\n", name);
}
