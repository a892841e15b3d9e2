#include "spawner/ghissue.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/utf8.h"
#include "spawner/ghpolicy.h"

enum { TITLE_MAX = 4096, BODY_MAX = 262144, NAMES_MAX = 256, NAME_MAX_BYTES = 512 };

/* A string of at most `most` bytes; "" when absent. */
static json_t *
text(const json_t *from, const char *path, size_t most)
{
    const char *v = json_str_or(from, path, "");

    return json_stringn(v, utf8_cut(v, strlen(v), most));
}

/* The names out of [{"name": ...}] or ["..."]; other elements are an error. */
static int
names(const json_t *issue, const char *list, const char *field, json_t *out,
      struct err *e)
{
    json_t *all = NULL, *v;
    size_t i;

    if (json_opt_arr(issue, list, &all, e) < 0)
        return -1;
    json_array_foreach(all, i, v)
    {
        const char *name = json_string_value(v);

        if (name == NULL)
            name = json_string_value(json_object_get(v, field));
        if (name == NULL)
            return err_set(e, ERR_INVALID, "%s[%zu].%s: must be a string", list, i,
                           field);
        if (i < NAMES_MAX)
            json_array_append_new(
                out, json_stringn(name, utf8_cut(name, strlen(name), NAME_MAX_BYTES)));
    }
    return 0;
}

static json_t *
trim_issue(const json_t *raw, struct err *e)
{
    SCOPED(json) json_t *labels = json_array();
    SCOPED(json) json_t *assignees = json_array();
    const char *title = NULL, *updated = "";
    int64_t number = 0, comments = 0;

    if (json_get_int(raw, "number", &number, e) < 0 ||
        json_get_str(raw, "title", &title, e) < 0 ||
        json_opt_str(raw, "updated_at", &updated, e) < 0 ||
        json_opt_int(raw, "comments", &comments, e) < 0 ||
        names(raw, "labels", "name", labels, e) < 0 ||
        names(raw, "assignees", "login", assignees, e) < 0)
        return NULL;
    if (number < 1) {
        err_set(e, ERR_INVALID, "number: must be positive");
        return NULL;
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:b, s:O, s:O, s:s, s:I}", "number",
                     (json_int_t)number, "title", text(raw, "title", TITLE_MAX), "body",
                     text(raw, "body", BODY_MAX), "url", text(raw, "html_url", 2048),
                     "user", text(raw, "user.login", 128), "pull",
                     json_at(raw, "pull_request") != NULL || json_at(raw, "head") != NULL,
                     "labels", labels, "assignees", assignees, "updated", updated,
                     "comments", (json_int_t)comments);
}

/* What only the listing of pull requests says. */
static json_t *
trim_pull(const json_t *raw, struct err *e)
{
    SCOPED(json) json_t *out = trim_issue(raw, e);
    const char *ref = NULL, *sha = NULL;

    if (out == NULL || json_object_get(raw, "head") == NULL)
        return TAKE(out);
    if (json_get_str(raw, "head.ref", &ref, e) < 0 ||
        json_get_str(raw, "head.sha", &sha, e) < 0)
        return NULL;
    json_object_set_new(out, "branch", text(raw, "head.ref", 512));
    json_object_set_new(out, "sha", text(raw, "head.sha", 64));
    json_object_set_new(out, "draft", json_boolean(json_bool_or(raw, "draft", false)));
    return TAKE(out);
}

static json_t *
parse_array(const char *bytes, size_t size, struct err *e)
{
    SCOPED(json) json_t *root = json_parse(bytes, size, LIMIT_HTTP_BODY_BYTES, e);

    if (root != NULL && !json_is_array(root)) {
        err_set(e, ERR_INVALID, "the answer is not a list");
        return NULL;
    }
    return TAKE(root);
}

json_t *
ghissues_read(const char *bytes, size_t size, struct err *e)
{
    SCOPED(json) json_t *raw = parse_array(bytes, size, e);
    SCOPED(json) json_t *out = json_array();
    size_t i;
    json_t *v;

    if (raw == NULL)
        return NULL;
    json_array_foreach(raw, i, v)
    {
        json_t *issue = trim_pull(v, e);

        if (issue == NULL) {
            err_wrap(e, "[%zu]", i);
            return NULL;
        }
        json_array_append_new(out, issue);
    }
    return TAKE(out);
}

static json_t *
trim_comment(const json_t *v, const char *time)
{
    return json_pack("{s:o, s:o, s:o}", "body", text(v, "body", BODY_MAX), "created_at",
                     text(v, time, 64), "user", text(v, "user.login", 128));
}

static json_t *
comment_of(const json_t *v)
{
    return trim_comment(v, "created_at");
}

static json_t *
review_of(const json_t *v)
{
    json_t *out = trim_comment(v, "submitted_at");

    json_object_set_new(out, "state", text(v, "state", 32));
    json_object_set_new(out, "sha", text(v, "commit_id", 64));
    return out;
}

static json_t *
line_comment_of(const json_t *v)
{
    json_t *out = comment_of(v);

    json_object_set_new(out, "path", text(v, "path", 1024));
    json_object_set_new(out, "line", json_integer(json_int_or(v, "line", 0)));
    json_object_set_new(out, "sha", text(v, "commit_id", 64));
    return out;
}

static json_t *
file_of(const json_t *v)
{
    return text(v, "filename", 4096);
}

static int
read_rows(const char *bytes, size_t size, json_t *out, json_t *(*row)(const json_t *),
          struct err *e)
{
    SCOPED(json) json_t *raw = parse_array(bytes, size, e);
    size_t i;
    json_t *v;

    if (raw == NULL)
        return -1;
    json_array_foreach(raw, i, v)
    {
        if (!json_is_object(v))
            return err_set(e, ERR_INVALID, "[%zu]: must be an object", i);
        json_array_append_new(out, row(v));
    }
    return 0;
}

int
ghcomments_read(const char *bytes, size_t size, json_t *out, struct err *e)
{
    return read_rows(bytes, size, out, comment_of, e);
}

int
ghreviews_read(const char *bytes, size_t size, json_t *out, struct err *e)
{
    return read_rows(bytes, size, out, review_of, e);
}

int
ghline_comments_read(const char *bytes, size_t size, json_t *out, struct err *e)
{
    return read_rows(bytes, size, out, line_comment_of, e);
}

int
ghfiles_read(const char *bytes, size_t size, json_t *out, struct err *e)
{
    return read_rows(bytes, size, out, file_of, e);
}

/* Only the lines that are a command. */
static void
keep_commands(json_t *comment, const char *const *commands)
{
    const char *body = json_str_or(comment, "body", "");
    SCOPED(buf) struct buf kept = BUF_INIT;

    for (size_t i = 0; commands[i] != NULL; i++)
        if (comment_has_command(body, commands[i]))
            buf_printf(&kept, "%s\n", commands[i]);
    json_object_set_new(comment, "body", json_string(buf_str(&kept)));
    json_object_set_new(comment, "cut", json_true());
}

void
ghcomments_shrink(json_t *comments, const char *const *commands)
{
    size_t sum = 0, i = json_array_size(comments);

    while (i > 0) {
        size_t size = strlen(json_str_or(json_array_get(comments, i - 1), "body", ""));

        if (sum + size > LIMIT_COMMENTS_BYTES)
            break;
        sum += size;
        i--;
    }
    while (i > 0)
        keep_commands(json_array_get(comments, --i), commands);
}

size_t
ghtree_bytes(const json_t *tree)
{
    size_t sum = 64, i;
    const char *key;
    json_t *v;

    if (json_is_string(tree))
        return sum + json_string_length(tree);
    if (json_is_array(tree))
        json_array_foreach((json_t *)tree, i, v) sum += ghtree_bytes(v);
    else if (json_is_object(tree))
        json_object_foreach((json_t *)tree, key, v) sum += 96 + ghtree_bytes(v);
    return sum;
}
