/* item.c - see item.h. */
#include "reconciler/item.h"

#include <ctype.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/clock.h"
#include "common/template.h"

#define NAME_MAX_BYTES 63

struct item_set *
item_set_new(void)
{
    struct item_set *s = calloc(1, sizeof *s);

    if (s == NULL)
        abort();
    s->cache = "";
    return s;
}

void
item_set_free(struct item_set *s)
{
    if (s == NULL)
        return;
    pool_free(&s->arena);
    free(s->items);
    free(s);
}

static struct texts
copy_texts(struct pool *a, const struct msg_strs *from)
{
    struct texts t = {NULL, 0};

    if (from->count > 0)
        t.at = pool_alloc(a, from->count * sizeof *t.at);
    for (; t.n < from->count; t.n++)
        t.at[t.n] = pool_str(a, from->items[t.n]);
    return t;
}

void
item_set_add(struct item_set *s, const struct msg_items *page)
{
    struct pool *a = &s->arena;

    if (s->n + page->items.count > s->room) {
        s->room = s->n + page->items.count;
        if ((s->items = reallocarray(s->items, s->room, sizeof *s->items)) == NULL)
            abort();
    }
    for (size_t i = 0; i < page->items.count; i++) {
        const struct msg_item *m = &page->items.items[i];
        s->items[s->n++] = (struct item){
            .id = pool_str(a, m->id),
            .number = m->number,
            .title = pool_str(a, m->title),
            .body = pool_str(a, m->body),
            .url = pool_str(a, m->url),
            .comments = pool_str(a, m->comments),
            .kind = pool_str(a, m->kind),
            .time = pool_str(a, m->time),
            .schedule = pool_str(a, m->schedule),
            .labels = copy_texts(a, &m->labels),
            .trigger_ms = m->trigger_time,
        };
    }
}

int64_t
item_time(const struct item *item)
{
    int64_t ms = 0;

    return rfc3339_parse(item->time, &ms) == 0 ? ms : 0;
}

static bool
set_has(const struct item_set *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].id, id) == 0)
            return true;
    return false;
}

void
item_set_keep(struct item_set *s, const struct item_set *old, int64_t after_ms)
{
    struct item *all = calloc(s->n + old->n + 1, sizeof *all);
    size_t n = 0;

    if (all == NULL)
        abort();
    for (size_t i = 0; i < old->n; i++) {
        const struct item *it = &old->items[i];
        if (item_time(it) <= after_ms || set_has(s, it->id))
            continue;
        all[n++] = (struct item){.id = pool_str(&s->arena, it->id),
                                 .title = pool_str(&s->arena, it->title),
                                 .body = "",
                                 .url = "",
                                 .comments = "",
                                 .kind = pool_str(&s->arena, it->kind),
                                 .time = pool_str(&s->arena, it->time),
                                 .schedule = pool_str(&s->arena, it->schedule)};
    }
    if (s->n > 0)
        memcpy(all + n, s->items, s->n * sizeof *all);
    free(s->items);
    s->items = all;
    s->n += n;
    s->room = s->n;
}

void
item_task_name(const char *spawner, const char *id, char *out)
{
    SCOPED(buf) struct buf full = BUF_INIT;
    unsigned char digest[SHA256_DIGEST_LENGTH];

    buf_printf(&full, "%s-%s", spawner, id);
    for (char *c = full.data; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '.')
            *c = '-';
    }
    while (full.size > 0 && strchr("-.", full.data[full.size - 1]) != NULL)
        full.data[--full.size] = '\0';
    if (full.size <= NAME_MAX_BYTES) {
        memcpy(out, full.data, full.size + 1);
        return;
    }
    SHA256((const unsigned char *)full.data, full.size, digest);
    snprintf(out, NAME_MAX_BYTES + 1, "%.54s-%02x%02x%02x%02x", full.data, digest[0],
             digest[1], digest[2], digest[3]);
}

void
item_revision(const struct item *item, int64_t polled_ms, char *out, size_t room)
{
    char time[RFC3339_SIZE];

    rfc3339_format(item->trigger_ms != 0 ? item->trigger_ms : polled_ms, time);
    snprintf(out, room, "%s@%s", item->id, time);
}

/* ---- rendering ---- */

/* A Task that depends on others has its prompt rendered again when it starts. What came from
 * outside must not be read as a template then: its braces become a quoted pair. */
static struct template_value
outside_text(struct template_data *d, const char *text, bool rendered_again)
{
    SCOPED(buf) struct buf safe = BUF_INIT;

    if (!rendered_again || strstr(text, "{{") == NULL)
        return template_string(d, text);
    while (*text != '\0') {
        if (text[0] == '{' && text[1] == '{') {
            buf_add_str(&safe, "{{\"{{\"}}");
            text += 2;
        } else {
            buf_add_char(&safe, *text++);
        }
    }
    return template_string(d, buf_str(&safe));
}

static struct template_value
item_values(struct template_data *d, const struct item *it, bool again)
{
    struct template_value v = template_struct(d, "struct { ID string; Number int; … }");
    SCOPED(buf) struct buf labels = BUF_INIT;

    for (size_t i = 0; i < it->labels.n; i++)
        buf_printf(&labels, "%s%s", i > 0 ? ", " : "", it->labels.at[i]);
    template_put(d, &v, "ID", outside_text(d, it->id, again));
    template_put(d, &v, "Number", template_int(it->number));
    template_put(d, &v, "Title", outside_text(d, it->title, again));
    template_put(d, &v, "Body", outside_text(d, it->body, again));
    template_put(d, &v, "URL", outside_text(d, it->url, again));
    template_put(d, &v, "Labels", outside_text(d, buf_str(&labels), again));
    template_put(d, &v, "Comments", outside_text(d, it->comments, again));
    template_put(d, &v, "Kind",
                 outside_text(d, *it->kind != '\0' ? it->kind : "Issue", again));
    template_put(d, &v, "Time", template_string(d, it->time));
    template_put(d, &v, "Schedule", template_string(d, it->schedule));
    return v;
}

/* What an agent is told when the spawner has no template. */
static const char default_prompt[] =
    "{{.Kind}}{{if .Number}} #{{.Number}}{{end}}: {{.Title}}\n\n{{.Body}}"
    "{{if .Comments}}\n\nComments:\n{{.Comments}}{{end}}";

static json_t *
render(const char *what, const char *text, const struct item *it, bool again,
       struct err *e)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    SCOPED(buf) struct buf out = BUF_INIT;
    struct template_value values = item_values(d, it, again);

    if (template_render("tmpl", text, d, &values, 0, &out, e) < 0) {
        err_wrap(e, "%s", what);
        return NULL;
    }
    return json_string(buf_str(&out));
}

/* Members of the template that go into the Task as they are. */
static const char *const copied[] = {
    "type",         "credentials",      "model",           "image",
    "workspaceRef", "agentConfigRef",   "agentConfigRefs", "dependsOn",
    "effort",       "podFailurePolicy", "upstreamRepo",    "ttlSecondsAfterFinished",
    "podOverrides",
};

static json_t *
task_spec(const struct spawner_view *s, const struct item *it, struct err *e)
{
    bool again = json_array_size(json_object_get(s->template_, "dependsOn")) > 0;
    const char *text = *s->prompt_template != '\0' ? s->prompt_template : default_prompt;
    SCOPED(json) json_t *spec = json_object();

    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        json_t *value = json_object_get(s->template_, copied[i]);
        bool empty =
            json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
        if (value != NULL && !empty)
            json_object_set_new(spec, copied[i], json_deep_copy(value));
    }
    json_t *prompt = render("promptTemplate", text, it, again, e);
    if (prompt == NULL)
        return NULL;
    json_object_set_new(spec, "prompt", prompt);
    if (*s->branch_template != '\0') {
        json_t *branch = render("branch", s->branch_template, it, false, e);
        if (branch == NULL)
            return NULL;
        if (json_string_length(branch) > 0)
            json_object_set(spec, "branch", branch);
        json_decref(branch);
    }
    return TAKE(spec);
}

json_t *
item_task(const struct spawner_view *s, const struct item *item, struct err *e)
{
    const struct meta *m = &s->view.meta;
    const struct profile *p = profile_of(m->profile);
    char name[NAME_MAX_BYTES + 1];
    json_t *spec = task_spec(s, item, e);

    if (spec == NULL)
        return NULL;
    item_task_name(m->name, item->id, name);
    return json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s},s:[s]},s:o}", "apiVersion",
                     p->api_version, "kind", "Task", "metadata", "name", name,
                     "namespace", m->ns, "labels", p->label_spawner, m->name,
                     "finalizers", p->task_finalizer, "spec", spec);
}
