#include "spawner/ghfilter.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"

#define SEPARATOR "\n---\n"

/* ---- reading ---- */

static int
read_texts(const json_t *source, const char *field, struct texts *out, struct err *e)
{
    json_t *list = NULL, *v;
    size_t i;

    if (json_opt_arr(source, field, &list, e) < 0)
        return err_wrap(e, "githubIssues");
    if (list == NULL || json_array_size(list) == 0)
        return 0;
    if ((out->items = calloc(json_array_size(list), sizeof(*out->items))) == NULL)
        return err_errno(e, "githubIssues.%s", field);
    json_array_foreach(list, i, v)
    {
        if (!json_is_string(v))
            return err_set(e, ERR_INVALID, "githubIssues.%s[%zu]: must be a string",
                           field, i);
        if (*json_string_value(v) != '\0')
            out->items[out->n++] = json_string_value(v);
    }
    return 0;
}

static int
read_types(struct ghfilter *f, struct err *e)
{
    struct texts types = {0};
    int rc = read_texts(f->source, "types", &types, e);

    f->issues = types.n == 0;
    for (size_t i = 0; rc == 0 && i < types.n; i++) {
        if (strcmp(types.items[i], "issues") == 0)
            f->issues = true;
        else if (strcmp(types.items[i], "pulls") == 0)
            f->pulls = true;
        else
            rc = err_set(e, ERR_INVALID,
                         "githubIssues.types[%zu]: must be issues or pulls", i);
    }
    free(types.items);
    return rc;
}

static int
read_state(struct ghfilter *f, struct err *e)
{
    f->state = "open";
    if (json_opt_str(f->source, "state", &f->state, e) < 0)
        return err_wrap(e, "githubIssues");
    if (*f->state == '\0')
        f->state = "open";
    if (strcmp(f->state, "open") != 0 && strcmp(f->state, "closed") != 0 &&
        strcmp(f->state, "all") != 0)
        return err_set(e, ERR_INVALID, "githubIssues.state: must be open, closed or all");
    return 0;
}

struct ghfilter *
ghfilter_read(const json_t *when, struct err *e)
{
    SCOPED(ghfilter) struct ghfilter *f = calloc(1, sizeof(*f));
    json_t *source = NULL;

    if (f == NULL) {
        err_errno(e, "githubIssues");
        return NULL;
    }
    if (json_get_obj(when, "githubIssues", &source, e) < 0)
        return NULL;
    f->source = json_incref(source);
    f->assignee = f->author = f->trigger = "";
    if (json_opt_str(source, "assignee", &f->assignee, e) < 0 ||
        json_opt_str(source, "author", &f->author, e) < 0 ||
        json_opt_str(source, "triggerComment", &f->trigger, e) < 0) {
        err_wrap(e, "githubIssues");
        return NULL;
    }
    if (read_types(f, e) < 0 || read_state(f, e) < 0 ||
        read_texts(source, "labels", &f->labels, e) < 0 ||
        read_texts(source, "excludeLabels", &f->exclude_labels, e) < 0 ||
        read_texts(source, "excludeComments", &f->exclude_comments, e) < 0 ||
        read_texts(source, "excludeAuthors", &f->exclude_authors, e) < 0)
        return NULL;
    return TAKE(f);
}

void
ghfilter_free(struct ghfilter *f)
{
    if (f == NULL)
        return;
    free(f->labels.items);
    free(f->exclude_labels.items);
    free(f->exclude_comments.items);
    free(f->exclude_authors.items);
    json_decref(f->source);
    free(f);
}

/* ---- the query ---- */

/* As HTML forms encode: a blank is a plus. */
static void
add_form(struct buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (isalnum(*p) || strchr("-._~", *p) != NULL)
            buf_add_char(out, (char)*p);
        else if (*p == ' ')
            buf_add_char(out, '+');
        else
            buf_printf(out, "%%%02X", *p);
    }
}

void
ghfilter_query(const struct ghfilter *f, struct ghquery with, struct buf *out)
{
    if (with.assignee && *f->assignee != '\0') {
        buf_add_str(out, "assignee=");
        add_form(out, f->assignee);
        buf_add_char(out, '&');
    }
    if (with.author && *f->author != '\0') {
        buf_add_str(out, "creator=");
        add_form(out, f->author);
        buf_add_char(out, '&');
    }
    if (with.labels && f->labels.n > 0) {
        buf_add_str(out, "labels=");
        for (size_t i = 0; i < f->labels.n; i++) {
            if (i > 0)
                add_form(out, ",");
            add_form(out, f->labels.items[i]);
        }
        buf_add_char(out, '&');
    }
    buf_printf(out, "per_page=100&state=%s", f->state);
}

/* ---- matching ---- */

static bool
has_label(const json_t *issue, const char *name, bool any_case)
{
    size_t i;
    json_t *v;

    json_array_foreach(json_object_get(issue, "labels"), i, v)
    {
        const char *have = json_string_value(v);

        if ((any_case ? strcasecmp(have, name) : strcmp(have, name)) == 0)
            return true;
    }
    return false;
}

static bool
is_assigned(const json_t *issue, const char *wanted)
{
    const json_t *all = json_object_get(issue, "assignees");
    size_t i;
    json_t *v;

    if (strcmp(wanted, "*") == 0)
        return json_array_size(all) > 0;
    if (strcmp(wanted, "none") == 0)
        return json_array_size(all) == 0;
    json_array_foreach(all, i,
                       v) if (strcasecmp(json_string_value(v), wanted) == 0) return true;
    return false;
}

/* Writes the rule, where somebody wants to know. Always true. */
PRINTF_LIKE(2, 3)
static bool
because(struct buf *why, const char *fmt, ...)
{
    SCOPED(string) char *text = NULL;
    va_list ap;

    if (why == NULL)
        return true;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) >= 0)
        buf_add_str(why, text);
    else
        text = NULL;
    va_end(ap);
    return true;
}

static bool
labels_exclude(const struct ghfilter *f, const json_t *issue, bool checked,
               struct buf *why)
{
    for (size_t i = 0; !checked && i < f->labels.n; i++)
        if (!has_label(issue, f->labels.items[i], true))
            return because(why, "labels: \"%s\" is missing", f->labels.items[i]);
    for (size_t i = 0; i < f->exclude_labels.n; i++)
        if (has_label(issue, f->exclude_labels.items[i], false))
            return because(why, "excludeLabels: has \"%s\"", f->exclude_labels.items[i]);
    return false;
}

bool
ghfilter_excludes(const struct ghfilter *f, const json_t *issue, struct ghquery checked,
                  struct buf *why)
{
    bool pull = json_is_true(json_object_get(issue, "pull"));

    if (pull ? !f->pulls : !f->issues)
        return because(why, "types: is %s", pull ? "a pull request" : "an issue");
    if (!checked.assignee && *f->assignee != '\0' && !is_assigned(issue, f->assignee))
        return because(why, "assignee: is not \"%s\"", f->assignee);
    if (!checked.author && *f->author != '\0' &&
        strcasecmp(json_str_or(issue, "user", ""), f->author) != 0)
        return because(why, "author: is \"%s\", not \"%s\"",
                       json_str_or(issue, "user", ""), f->author);
    for (size_t i = 0; i < f->exclude_authors.n; i++)
        if (strcasecmp(json_str_or(issue, "user", ""), f->exclude_authors.items[i]) == 0)
            return because(why, "excludeAuthors: is by \"%s\"",
                           f->exclude_authors.items[i]);
    return labels_exclude(f, issue, checked.labels, why);
}

/* ---- comments ---- */

bool
comment_has_command(const char *text, const char *command)
{
    size_t want = strlen(command);

    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n"), from = 0, to = n;

        while (from < to && isspace((unsigned char)line[from]))
            from++;
        while (to > from && isspace((unsigned char)line[to - 1]))
            to--;
        if (to - from == want && memcmp(line + from, command, want) == 0)
            return true;
        line += n + (line[n] == '\n');
    }
    return false;
}

static const char *
body_of(const json_t *comment)
{
    const char *body = json_string_value(json_object_get(comment, "body"));

    return body != NULL ? body : "";
}

static bool
has_excluding(const struct ghfilter *f, const char *body)
{
    for (size_t i = 0; i < f->exclude_comments.n; i++)
        if (comment_has_command(body, f->exclude_comments.items[i]))
            return true;
    return false;
}

bool
ghfilter_comments_exclude(const struct ghfilter *f, const json_t *comments,
                          struct buf *why)
{
    bool trigger = *f->trigger != '\0';

    for (size_t i = json_array_size(comments); i > 0; i--) {
        const char *body = body_of(json_array_get(comments, i - 1));

        if (has_excluding(f, body))
            return because(why, "excludeComments: a comment holds one of the commands");
        if (trigger && comment_has_command(body, f->trigger))
            return false;
    }
    return trigger && because(why, "triggerComment: no comment holds \"%s\"", f->trigger);
}

int64_t
ghfilter_trigger_time(const struct ghfilter *f, const json_t *comments)
{
    int64_t newest = 0, at;
    size_t i;
    json_t *c;

    if (*f->trigger == '\0')
        return 0;
    json_array_foreach(
        comments, i,
        c) if (comment_has_command(body_of(c), f->trigger) &&
               rfc3339_parse(json_string_value(json_object_get(c, "created_at")), &at) ==
                   0 &&
               at > newest) newest = at;
    return newest;
}

int
comments_join(const json_t *comments, struct buf *out)
{
    size_t n = json_array_size(comments), first = n, sum = 0;

    while (first > 0) {
        const json_t *c = json_array_get(comments, first - 1);
        size_t size = strlen(body_of(c));

        if (json_is_true(json_object_get(c, "cut")) || sum + size > LIMIT_COMMENTS_BYTES)
            break;
        sum += size;
        first--;
    }
    for (size_t i = first; i < n; i++) {
        if (i > first)
            buf_add_str(out, SEPARATOR);
        buf_add_str(out, body_of(json_array_get(comments, i)));
    }
    return out->failed ? -1 : 0;
}
