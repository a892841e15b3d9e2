/* itemtask.c - see itemtask.h. */
#include "reconciler/plan/itemtask.h"

#include <string.h>

#include "common/template/template.h"
#include "reconciler/job/repo.h"

/* A Task that depends on others has its prompt rendered again when it starts. What came from
 * outside must not be read as a template then: its braces become a quoted pair. */
static struct template_value
outside_text(struct template_data *d, const char *text, bool rendered_again)
{
    SCOPED(buf) struct buf safe = BUF_INIT;

    if (text == NULL)
        text = "";
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

static void
put_values(struct template_data *d, struct template_value *v, const struct item *it,
           bool again)
{
    SCOPED(buf) struct buf labels = BUF_INIT;

    for (size_t i = 0; i < it->labels.n; i++)
        buf_printf(&labels, "%s%s", i > 0 ? ", " : "", it->labels.at[i]);
    template_put(d, v, "ID", outside_text(d, it->id, again));
    template_put(d, v, "Number", template_int(it->number));
    template_put(d, v, "Title", outside_text(d, it->title, again));
    template_put(d, v, "Body", outside_text(d, it->body, again));
    template_put(d, v, "URL", outside_text(d, it->url, again));
    template_put(d, v, "Labels", outside_text(d, buf_str(&labels), again));
    template_put(d, v, "Comments", outside_text(d, it->comments, again));
    template_put(d, v, "Kind",
                 outside_text(d, *it->kind != '\0' ? it->kind : "Issue", again));
    template_put(d, v, "Branch", outside_text(d, it->branch, again));
    template_put(d, v, "ReviewState", outside_text(d, it->review_state, again));
    template_put(d, v, "ReviewComments", outside_text(d, it->review_comments, again));
    template_put(d, v, "Time", template_string(d, it->time));
    template_put(d, v, "Schedule", template_string(d, it->schedule));
}

/* What an agent is told when the spawner has no template. */
static const char default_prompt[] =
    "{{.Kind}}{{if .Number}} #{{.Number}}{{end}}: {{.Title}}\n\n{{.Body}}"
    "{{if .Comments}}\n\nComments:\n{{.Comments}}{{end}}"
    "{{if .ReviewComments}}\n\nReview comments:\n{{.ReviewComments}}{{end}}";

static json_t *
render(const char *what, const char *text, const struct item *it, bool again,
       struct err *e)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    SCOPED(buf) struct buf out = BUF_INIT;
    struct template_value v = template_struct(d, "struct { ID string; Number int; … }");

    template_allow_index(&v); /* later versions hand out a map */
    put_values(d, &v, it, again);
    if (template_render("tmpl", text, d, &v, 0, &out, e) < 0) {
        err_wrap(e, "%s", what);
        return NULL;
    }
    return json_string(buf_str(&out));
}

int
item_render(const char *name, const char *text, const struct item *it, struct buf *out,
            struct err *e)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    struct template_value v = template_map(d);

    put_values(d, &v, it, false);
    return template_render(name, text, d, &v, TEMPLATE_MISSING_KEY_ERROR, out, e);
}

/* Members of the template that go into the Task as they are. */
static const char *const copied[] = {
    "type",         "credentials",      "model",           "image",
    "workspaceRef", "agentConfigRef",   "agentConfigRefs", "dependsOn",
    "effort",       "podFailurePolicy", "upstreamRepo",    "ttlSecondsAfterFinished",
    "podOverrides",
};

/* Without a value of its own: the repository that is polled instead of the Workspace's. */
static void
put_upstream(const struct spawner_view *s, json_t *spec)
{
    struct repo r;

    if (s->repo == NULL || *json_str_or(spec, "upstreamRepo", "") != '\0')
        return;
    repo_parse(s->repo, &r);
    if (r.owner[0] != '\0')
        json_object_set_new(spec, "upstreamRepo", json_sprintf("%s/%s", r.owner, r.name));
}

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
    put_upstream(s, spec);
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

/* The members of taskTemplate.metadata.<map>, rendered. */
static int
put_metadata(const struct spawner_view *s, const struct item *it, const char *map,
             const char *what, json_t *out, struct err *e)
{
    json_t *from = json_object_get(json_object_get(s->template_, "metadata"), map),
           *value;
    const char *key;

    json_object_foreach(from, key, value)
    {
        SCOPED(buf) struct buf text = BUF_INIT;
        char name[400];

        snprintf(name, sizeof name, "%s[%.320s]", what, key);
        if (!json_is_string(value))
            return err_set(e, ERR_INVALID, "metadata.%s[%s]: must be a string", map, key);
        if (item_render(name, json_string_value(value), it, &text, e) < 0)
            return err_wrap(e, "failed to render %s template", name);
        json_object_set_new(out, key, json_string(buf_str(&text)));
    }
    return 0;
}

/* What the user asks for first, so that what is ours wins. */
static json_t *
task_metadata(const struct spawner_view *s, const struct item *it, struct err *e)
{
    const struct meta *m = &s->view.meta;
    const struct profile *p = profile_of(m->profile);
    SCOPED(json) json_t *labels = json_object();
    SCOPED(json) json_t *notes = json_object();
    char name[ITEM_NAME_SIZE];

    if (item_name(s, it, name, e) < 0 ||
        put_metadata(s, it, "labels", "label", labels, e) < 0 ||
        put_metadata(s, it, "annotations", "annotation", notes, e) < 0)
        return NULL;
    json_object_set_new(labels, p->label_spawner, json_string(m->name));
    if (source_is_github(s->source)) {
        bool pull = strcmp(it->kind, "PR") == 0;
        json_object_set_new(notes, p->note_kind,
                            json_string(pull ? "pull-request" : "issue"));
        json_object_set_new(notes, p->note_number,
                            json_sprintf("%lld", (long long)it->number));
        if (it->sha != NULL && *it->sha != '\0')
            json_object_set_new(notes, p->note_sha, json_string(it->sha));
    }
    return json_pack("{s:s, s:s, s:O, s:O, s:[s], s:[{s:s, s:s, s:s, s:s, s:b}]}", "name",
                     name, "namespace", m->ns, "labels", labels, "annotations", notes,
                     "finalizers", p->task_finalizer, "ownerReferences", "apiVersion",
                     p->api_version, "kind", "TaskSpawner", "name", m->name, "uid",
                     m->uid, "controller", 1);
}

json_t *
item_task(const struct spawner_view *s, const struct item *item, struct err *e)
{
    SCOPED(json) json_t *spec = task_spec(s, item, e);
    SCOPED(json) json_t *metadata = spec != NULL ? task_metadata(s, item, e) : NULL;

    if (metadata == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:O, s:O}", "apiVersion",
                     profile_of(s->view.meta.profile)->api_version, "kind", "Task",
                     "metadata", metadata, "spec", spec);
}

static int
check_template(const char *field, const char *text, struct err *e)
{
    SCOPED(template) struct template *t = template_parse("tmpl", text, e);

    return t != NULL ? 0 : err_wrap(e, "taskTemplate.%s", field);
}

int
item_check_templates(const struct spawner_view *s, struct err *e)
{
    static const char *const maps[] = {"labels", "annotations"};
    const json_t *metadata = json_object_get(s->template_, "metadata");

    if (check_template("promptTemplate", s->prompt_template, e) < 0 ||
        check_template("branch", s->branch_template, e) < 0 ||
        check_template("nameTemplate", s->name_template, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        json_t *map = json_object_get(metadata, maps[i]), *value;
        const char *key;
        json_object_foreach(map, key, value)
        {
            char field[400];
            snprintf(field, sizeof field, "metadata.%s[%.320s]", maps[i], key);
            if (json_is_string(value) &&
                check_template(field, json_string_value(value), e) < 0)
                return -1;
        }
    }
    return 0;
}
