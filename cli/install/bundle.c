/* bundle.c - see bundle.h. */
#include "cli/install/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/local.h"
#include "common/buf.h"
#include "common/data/json.h"
#include "common/data/yaml.h"
#include "common/macros.h"

struct part {
    const char *path; /* below share/kelos */
    unsigned with;    /* what it is only for; 0: always there */
};

static const struct part crd_files[] = {
    {"crds/agentconfigs.yaml", 0},
    {"crds/tasks.yaml", 0},
    {"crds/taskspawners.yaml", 0},
    {"crds/workspaces.yaml", 0},
    {"crds/axon.tasks.yaml", BUNDLE_AXON},
    {"crds/axon.taskspawners.yaml", BUNDLE_AXON},
    {"crds/axon.workspaces.yaml", BUNDLE_AXON},
};
static const struct part controller_files[] = {
    {"manifests/controller.yaml", 0},
    {"manifests/axon.yaml", BUNDLE_AXON},
    {"manifests/isolation.yaml", BUNDLE_ISOLATION},
    {"manifests/secrets.yaml", BUNDLE_SECRETS},
};

/* ---- reading ---- */

static int
read_part(const struct part *part, json_t *into, struct err *e)
{
    SCOPED(string) char *path = local_share(part->path, e);
    SCOPED(yaml_docs) struct yaml_docs *docs = NULL;

    if (path == NULL || (docs = yaml_read(path, e)) == NULL)
        return -1;
    for (size_t i = 0; i < docs->count; i++)
        if (json_is_object(docs->docs[i].value))
            json_array_append(into, docs->docs[i].value);
    return 0;
}

static int
read_parts(const struct part *parts, size_t count, unsigned with, json_t *into,
           struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if ((parts[i].with & ~with) == 0 && read_part(&parts[i], into, e) < 0)
            return -1;
    return 0;
}

int
bundle_read(unsigned with, struct bundle *b, struct err *e)
{
    *b = (struct bundle){json_array(), json_array()};
    if (read_parts(crd_files, ARRAY_LEN(crd_files), with, b->crds, e) == 0 &&
        read_parts(controller_files, ARRAY_LEN(controller_files), with, b->controller,
                   e) == 0)
        return 0;
    bundle_release(b);
    return -1;
}

void
bundle_release(struct bundle *b)
{
    json_decref(b->crds);
    json_decref(b->controller);
    *b = (struct bundle){NULL, NULL};
}

/* ---- changing ---- */

/* "…:latest" with the wished tag, NULL where nothing changes; the caller owns. */
static json_t *
tagged(const char *image, const char *version)
{
    static const char latest[] = ":latest";
    size_t size = strlen(image);

    if (strcmp(version, "latest") == 0 || size < sizeof(latest) - 1 ||
        strcmp(image + size - (sizeof(latest) - 1), latest) != 0)
        return NULL;
    return json_sprintf("%.*s:%s", (int)(size - (sizeof(latest) - 1)), image, version);
}

static void
tailor_args(json_t *container, const struct bundle_wish *w)
{
    static const char mark[] = "-image=";
    json_t *args = json_object_get(container, "args");

    for (size_t i = 0; i < json_array_size(args); i++) {
        const char *arg = json_string_value(json_array_get(args, i));
        const char *at = arg != NULL ? strstr(arg, mark) : NULL;

        if (at == NULL || strncmp(arg, "--", 2) != 0)
            continue;
        int flag = (int)(at - arg) + (int)strlen("-image");
        json_t *policy =
            w->pull_policy[0] == '\0'
                ? NULL
                : json_sprintf("%.*s-pull-policy=%s", flag, arg, w->pull_policy);
        json_t *image = tagged(arg, w->version);

        if (image != NULL)
            json_array_set_new(args, i, image);
        if (policy != NULL)
            json_array_insert_new(args, ++i, policy);
    }
}

static void
tailor_container(json_t *container, const struct bundle_wish *w)
{
    json_t *image = tagged(json_str_or(container, "image", ""), w->version);

    if (image != NULL)
        json_object_set_new(container, "image", image);
    if (w->pull_policy[0] != '\0')
        json_object_set_new(container, "imagePullPolicy", json_string(w->pull_policy));
    tailor_args(container, w);
}

static void
tailor_object(json_t *object, const struct bundle_wish *w)
{
    static const char *const templates[] = {"spec.template.spec",
                                            "spec.jobTemplate.spec.template.spec"};
    static const char *const lists[] = {"initContainers", "containers"};

    json_put_str(object, "metadata.labels[" BUNDLE_LABEL "]", BUNDLE_LABEL_VALUE);
    for (size_t i = 0; i < ARRAY_LEN(templates); i++)
        for (size_t j = 0; j < ARRAY_LEN(lists); j++) {
            json_t *list = json_object_get(json_at(object, templates[i]), lists[j]);

            for (size_t k = 0; k < json_array_size(list); k++)
                tailor_container(json_array_get(list, k), w);
        }
}

static void
tailor_controller(json_t *object, const struct bundle_wish *w)
{
    json_t *args;

    if (strcmp(json_str_or(object, "kind", ""), "Deployment") != 0)
        return;
    args = json_object_get(
        json_array_get(json_at(object, "spec.template.spec.containers"), 0), "args");
    if (w->axon)
        json_array_append_new(args, json_string("--api-groups=kelos.dev,axon.io"));
    if (w->isolation[0] != '\0') {
        json_array_append_new(args, json_sprintf("--spawner-isolation=%s", w->isolation));
        json_array_append_new(args, json_string("--bus-port=7440"));
    }
    if (w->secrets)
        json_array_append_new(args, json_string("--watch-secrets"));
}

void
bundle_tailor(struct bundle *b, const struct bundle_wish *w)
{
    size_t i;
    json_t *object;

    json_array_foreach(b->crds, i, object) tailor_object(object, w);
    json_array_foreach(b->controller, i, object)
    {
        tailor_controller(object, w);
        tailor_object(object, w);
    }
}

static bool
has(const json_t *list, const char *kind, const char *ns, const char *name)
{
    size_t i;
    json_t *o;

    json_array_foreach((json_t *)list, i, o)
    {
        if (strcmp(json_str_or(o, "kind", ""), kind) == 0 &&
            strcmp(json_str_or(o, "metadata.name", ""), name) == 0 &&
            strcmp(json_str_or(o, "metadata.namespace", ""), ns != NULL ? ns : "") == 0)
            return true;
    }
    return false;
}

bool
bundle_has(const struct bundle *b, const char *kind, const char *ns, const char *name)
{
    return has(b->crds, kind, ns, name) || has(b->controller, kind, ns, name);
}
