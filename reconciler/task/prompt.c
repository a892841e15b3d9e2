/* prompt.c - see prompt.h. */
#include "reconciler/task/prompt.h"

#include "common/template/template.h"

static struct template_value
dependency(struct template_data *d, const struct task_view *t)
{
    struct template_value one = template_map(d);
    struct template_value outputs = template_text_list(d);
    struct template_value results = template_text_map(d);

    for (size_t i = 0; i < t->outputs.n; i++)
        template_append(d, &outputs, template_string(d, t->outputs.at[i]));
    for (size_t i = 0; i < t->result_keys.n; i++)
        template_put(d, &results, t->result_keys.at[i],
                     template_string(d, t->result_values.at[i]));
    template_put(d, &one, "Outputs", outputs);
    template_put(d, &one, "Results", results);
    template_put(d, &one, "Name", template_string(d, t->view.meta.name));
    return one;
}

int
prompt_render(const struct task_view *t, deps_lookup *lookup, void *arg, struct buf *out,
              struct err *e)
{
    if (t->depends_on.n == 0)
        return buf_add_str(out, t->prompt);

    SCOPED(template_data) struct template_data *d = template_data_new();
    struct template_value root = template_map(d), deps = template_map(d);

    for (size_t i = 0; i < t->depends_on.n; i++) {
        const struct task_view *dep = lookup(arg, t, t->depends_on.at[i]);
        if (dep != NULL)
            template_put(d, &deps, t->depends_on.at[i], dependency(d, dep));
    }
    template_put(d, &root, "Deps", deps);
    if (template_render("prompt", t->prompt, d, &root, TEMPLATE_MISSING_KEY_ERROR, out,
                        e) < 0) {
        buf_add_str(out, t->prompt);
        return -1;
    }
    return 0;
}
