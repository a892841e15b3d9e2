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
read_texts(const struct ghfilter *f, const char *path, struct texts *out, struct err *e)
{
    return texts_read(f->source, path, out, e) < 0 ? err_wrap(e, "%s", f->field) : 0;
}

static int
read_types(struct ghfilter *f, struct err *e)
{
    struct texts types = {0};
    int rc = read_texts(f, "types", &types, e);

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

/* A text that must be one of three; the one in front when there is none. */
static int
read_choice(const struct ghfilter *f, const char *name, const char *const of[3],
            const char **out, struct err *e)
{
    *out = of[0];
    if (json_opt_str(f->source, name, out, e) < 0)
        return err_wrap(e, "%s", f->field);
    if (**out == '\0')
        *out = of[0];
    for (size_t i = 0; i < 3; i++)
        if (strcmp(*out, of[i]) == 0)
            return 0;
    return err_set(e, ERR_INVALID, "%s.%s: must be %s, %s or %s", f->field, name, of[0],
                   of[1], of[2]);
}

/* What only pull requests have. */
static int
read_pull(struct ghfilter *f, struct err *e)
{
    static const char *const review_states[] = {"any", "approved", "changes_requested"};
    bool draft = false;

    f->pulls = true;
    if (json_opt_bool(f->source, "draft", &draft, e) < 0)
        return err_wrap(e, "%s", f->field);
    if (json_is_boolean(json_object_get(f->source, "draft")))
        f->draft = draft;
    if (read_choice(f, "reviewState", review_states, &f->review_state, e) < 0 ||
        read_texts(f, "filePatterns.include", &f->include_files, e) < 0 ||
        read_texts(f, "filePatterns.exclude", &f->exclude_files, e) < 0)
        return -1;
    return 0;
}

static int
read_issue(struct ghfilter *f, struct err *e)
{
    if (json_opt_str(f->source, "assignee", &f->assignee, e) < 0 ||
        json_opt_str(f->source, "triggerComment", &f->trigger, e) < 0)
        return err_wrap(e, "%s", f->field);
    if (read_types(f, e) < 0)
        return -1;
    return read_texts(f, "excludeComments", &f->exclude_comments, e);
}

struct ghfilter *
ghfilter_read(const json_t *when, struct err *e)
{
    static const char *const states[] = {"open", "closed", "all"};
    SCOPED(ghfilter) struct ghfilter *f = calloc(1, sizeof(*f));
    json_t *source = NULL;

    if (f == NULL) {
        err_errno(e, "githubIssues");
        return NULL;
    }
    f->pull_source = json_object_get(when, "githubIssues") == NULL &&
                     json_object_get(when, "githubPullRequests") != NULL;
    f->field = f->pull_source ? "githubPullRequests" : "githubIssues";
    if (json_get_obj(when, f->field, &source, e) < 0)
        return NULL;
    f->source = json_incref(source);
    f->assignee = f->author = f->trigger = "";
    f->review_state = "any";
    f->draft = -1;
    if (json_opt_str(source, "author", &f->author, e) < 0) {
        err_wrap(e, "%s", f->field);
        return NULL;
    }
    if ((f->pull_source ? read_pull : read_issue)(f, e) < 0 ||
        read_choice(f, "state", states, &f->state, e) < 0 ||
        read_texts(f, "labels", &f->labels, e) < 0 ||
        read_texts(f, "excludeLabels", &f->exclude_labels, e) < 0 ||
        read_texts(f, "excludeAuthors", &f->exclude_authors, e) < 0 ||
        ghpolicy_read(source, f->field, &f->policy, e) < 0)
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
    free(f->include_files.items);
    free(f->exclude_files.items);
    ghpolicy_clear(&f->policy);
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
    if (f->pull_source) {
        buf_printf(out, "direction=desc&per_page=100&sort=updated&state=%s", f->state);
        return;
    }
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

/* GitHub takes "app/NAME" for the login of an App, which is "NAME[bot]". */
static bool
is_author(const json_t *issue, const char *wanted)
{
    const char *login = json_str_or(issue, "user", "");
    size_t n = strlen(login);

    if (strncasecmp(wanted, "app/", 4) != 0)
        return strcasecmp(login, wanted) == 0;
    wanted += 4;
    if (n > 5 && strcasecmp(login + n - 5, "[bot]") == 0 && strlen(wanted) == n - 5)
        n -= 5;
    return strlen(wanted) == n && strncasecmp(login, wanted, n) == 0;
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
    if (!checked.author && *f->author != '\0' && !is_author(issue, f->author))
        return because(why, "author: is \"%s\", not \"%s\"",
                       json_str_or(issue, "user", ""), f->author);
    for (size_t i = 0; i < f->exclude_authors.n; i++)
        if (is_author(issue, f->exclude_authors.items[i]))
            return because(why, "excludeAuthors: is by \"%s\"",
                           f->exclude_authors.items[i]);
    if (f->draft >= 0 && json_bool_or(issue, "draft", false) != (f->draft == 1))
        return because(why, "draft: is %s", f->draft == 1 ? "no draft" : "a draft");
    return labels_exclude(f, issue, checked.labels, why);
}

/* ---- comments ---- */

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
