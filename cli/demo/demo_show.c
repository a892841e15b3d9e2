/* demo_show.c - the demo's live table. */
#include "cli/demo/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/resource.h"
#include "cli/table.h"
#include "common/clock.h"
#include "common/data/json.h"

#define TABLE_COLUMNS 100 /* a narrower terminal would break its lines */

struct show {
    bool terminal;
    size_t lines; /* drawn last time */
    size_t seen;  /* of the history */
    int64_t start_ms;
    json_t *phases; /* name to phase as last said */
};

/* Whether a table can be drawn again and again: lines must not be broken. */
static bool
is_wide_terminal(void)
{
    struct winsize size = {.ws_col = 0};
    const char *name = getenv("TERM");

    return isatty(STDOUT_FILENO) && name != NULL && strcmp(name, "dumb") != 0 &&
           ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= TABLE_COLUMNS;
}

struct show *
show_new(void)
{
    struct show *s = calloc(1, sizeof(*s));

    if (s == NULL)
        abort();
    s->terminal = is_wide_terminal();
    s->start_ms = clock_mono_ms();
    s->phases = json_object();
    return s;
}

void
show_free(struct show *s)
{
    json_decref(s->phases);
    free(s);
}

static void
say_change(struct show *s, const json_t *task)
{
    const char *name = json_str_or(task, "metadata.name", "");
    const char *phase = json_str_or(task, "status.phase", "created");
    const char *before = json_string_value(json_object_get(s->phases, name));
    const char *commit = json_str_or(task, "status.results.commit", "");

    if (before != NULL && strcmp(before, phase) == 0)
        return;
    printf("%6.2fs  task/%-14s %s%s%.12s\n",
           (double)(clock_mono_ms() - s->start_ms) / 1000, name, phase,
           commit[0] != '\0' ? "  commit " : "", commit);
    json_object_set_new(s->phases, name, json_string(phase));
}

static void
draw(struct show *s, const json_t *history)
{
    SCOPED(table) struct table *t = table_new();
    SCOPED(json) json_t *newest = json_object();
    SCOPED(buf) struct buf out = BUF_INIT;
    int64_t now = clock_wall_ms();
    const char *name;
    json_t *task;

    for (size_t i = 0; i < json_array_size(history); i++) {
        task = json_array_get(history, i);
        json_object_set(newest, json_str_or(task, "metadata.name", ""), task);
    }
    resource_header(&resource_task, false, false, t);
    json_object_foreach(newest, name, task)
        resource_row(&resource_task, task, false, false, now, t);
    if (s->lines > 0)
        buf_printf(&out, "\033[%zuA\033[J", s->lines);
    table_write(t, 0, NULL, 0, &out);
    s->lines = table_rows(t);
    fwrite(buf_str(&out), 1, out.size, stdout);
}

void
show_update(struct show *s, const json_t *history)
{
    size_t count = json_array_size(history);

    if (s->terminal)
        draw(s, history);
    for (; !s->terminal && s->seen < count; s->seen++)
        say_change(s, json_array_get(history, s->seen));
    fflush(stdout);
}
