#include "spawner/jirafields.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/utf8.h"

/* ---- JQL ---- */

static bool
is_plain(const char *word)
{
    if (!isalpha((unsigned char)*word))
        return false;
    for (; *word != '\0'; word++)
        if (!isalnum((unsigned char)*word) && *word != '_')
            return false;
    return true;
}

static void
add_project(struct buf *out, const char *project)
{
    if (is_plain(project)) {
        buf_add_str(out, project);
        return;
    }
    buf_add_char(out, '"');
    for (; *project != '\0'; project++) {
        if (*project == '"' || *project == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *project);
    }
    buf_add_char(out, '"');
}

static bool
is_word_at(const char *text, size_t at, const char *word)
{
    size_t n = strlen(word);

    return strncasecmp(text + at, word, n) == 0 &&
           (at == 0 || isspace((unsigned char)text[at - 1]) || text[at - 1] == ')') &&
           (text[at + n] == '\0' || isspace((unsigned char)text[at + n]));
}

/* Where the last ORDER BY begins that stands in no quotes; the size when there is none. */
static size_t
order_by(const char *filter)
{
    size_t found = strlen(filter);
    char quote = '\0';

    for (size_t i = 0; filter[i] != '\0'; i++) {
        if (quote != '\0') {
            if (filter[i] == '\\' && filter[i + 1] != '\0')
                i++;
            else if (filter[i] == quote)
                quote = '\0';
        } else if (filter[i] == '"' || filter[i] == '\'')
            quote = filter[i];
        else if (is_word_at(filter, i, "order")) {
            size_t k = i + 5 + strspn(filter + i + 5, " \t\r\n");

            if (k > i + 5 && is_word_at(filter, k, "by"))
                found = i;
        }
    }
    return found;
}

int
jira_jql(const char *project, const char *filter, struct buf *out)
{
    size_t from = strspn(filter, " \t\r\n"), split = order_by(filter), to = split;

    while (to > from && isspace((unsigned char)filter[to - 1]))
        to--;
    buf_add_str(out, "project = ");
    add_project(out, project);
    if (to > from)
        buf_printf(out, " AND (%.*s)", (int)(to - from), filter + from);
    if (filter[split] != '\0')
        buf_printf(out, " %s", filter + split);
    return out->failed ? -1 : 0;
}

/* ---- fields ---- */

int64_t
jira_number(const char *key)
{
    const char *dash = strchr(key, '-');
    int64_t n = 0;

    if (dash == NULL || dash[1] == '\0')
        return 0;
    for (const char *p = dash + 1; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || n > INT64_MAX / 10 - 9)
            return 0;
        n = n * 10 + (*p - '0');
    }
    return n;
}

/* An ADF node: its own text, or its children's, siblings joined with a newline. The depth is
 * bounded by the parser. */
static void
add_node(const json_t *node, struct buf *out)
{
    const char *text = json_string_value(json_object_get(node, "text"));
    const json_t *children = json_object_get(node, "content");
    size_t i;
    json_t *child;

    if (text != NULL) {
        buf_add_str(out, text);
        return;
    }
    json_array_foreach((json_t *)children, i, child)
    {
        size_t before = out->size;

        if (before > 0 && i > 0)
            buf_add_char(out, '\n');
        add_node(child, out);
        /* A child without text leaves no empty line behind. */
        if (out->size == before + 1 && before > 0 && i > 0)
            out->data[out->size = before] = '\0';
    }
}

int
jira_text(const json_t *value, struct buf *out)
{
    if (json_is_string(value))
        return buf_add_str(out, json_string_value(value));
    if (json_is_object(value))
        add_node(value, out);
    return out->failed ? -1 : 0;
}

/* The newest comments that fit, oldest first, like GitHub's. */
static void
join_comments(const json_t *issue, struct buf *out)
{
    json_t *all = json_at(issue, "fields.comment.comments"), *c;
    SCOPED(json) json_t *texts = json_array();
    size_t i, sum = 0, first;

    json_array_foreach(all, i, c)
    {
        SCOPED(buf) struct buf text = BUF_INIT;

        jira_text(json_object_get(c, "body"), &text);
        if (text.size > 0)
            json_array_append_new(texts, json_string(buf_str(&text)));
    }
    for (first = json_array_size(texts); first > 0; first--) {
        size_t size = json_string_length(json_array_get(texts, first - 1));

        if (sum + size > LIMIT_COMMENTS_BYTES)
            break;
        sum += size;
    }
    for (i = first; i < json_array_size(texts); i++) {
        if (i > first)
            buf_add_str(out, "\n---\n");
        buf_add_str(out, json_string_value(json_array_get(texts, i)));
    }
}

int
jira_item(struct items *set, const char *base, const json_t *issue, struct err *e)
{
    SCOPED(buf) struct buf body = BUF_INIT;
    SCOPED(buf) struct buf comments = BUF_INIT;
    const char *key = NULL, *labels[256];
    struct msg_item item = {0};
    char url[2300];
    json_t *list = NULL, *v;
    size_t i;

    if (json_get_str(issue, "key", &key, e) < 0 ||
        json_opt_arr(issue, "fields.labels", &list, e) < 0)
        return -1;
    jira_text(json_at(issue, "fields.description"), &body);
    join_comments(issue, &comments);
    snprintf(url, sizeof(url), "%.2000s/browse/%.200s", base, key);
    json_array_foreach(list, i,
                       v) if (json_is_string(v) && item.labels.count < ARRAY_LEN(labels))
        labels[item.labels.count++] = json_string_value(v);
    item.labels.items = labels;
    item.id = key;
    item.number = jira_number(key);
    item.title = json_str_or(issue, "fields.summary", "");
    item.body = buf_str(&body);
    item.comments = buf_str(&comments);
    item.url = url;
    item.kind = json_str_or(issue, "fields.issuetype.name", "Issue");
    item.author = json_str_or(issue, "fields.reporter.displayName", "");
    (void)items_add(set, &item);
    return 0;
}

int
jira_page(struct items *set, const char *base, const char *bytes, size_t size,
          struct jira_page *out, struct err *e)
{
    SCOPED(json) json_t *root = json_parse(bytes, size, LIMIT_HTTP_BODY_BYTES, e);
    json_t *issues = NULL, *issue;
    const char *token = NULL;
    size_t i;

    *out = (struct jira_page){.total = -1};
    if (root == NULL || json_get_arr(root, "issues", &issues, e) < 0 ||
        json_opt_str(root, "nextPageToken", &token, e) < 0)
        return -1;
    json_array_foreach(issues, i, issue)
    {
        if (jira_item(set, base, issue, e) < 0)
            return err_wrap(e, "issues[%zu]", i);
    }
    out->n = json_array_size(issues);
    if (json_bool_or(root, "isLast", false))
        return 0;
    out->total = json_int_or(root, "total", -1);
    if (token != NULL && *token != '\0' && out->n > 0)
        out->token = strdup(token);
    return 0;
}
