/* values_check.c - see values.h: what each value may be. */
#include <stdio.h>
#include <string.h>

#include "cli/install/values.h"
#include "cli/suggest.h"
#include "common/data/json.h"
#include "common/kube/kube.h"
#include "common/macros.h"

#define KEYS_MOST 64

/* Maps whose keys are the user's own; their values are texts, or quantities. */
static const struct {
    const char *path;
    bool numbers; /* 2 is as good as "2" */
} open_maps[] = {
    {"controller.resources.requests", true},
    {"controller.resources.limits", true},
    {"spawner.resources.requests", true},
    {"spawner.resources.limits", true},
    {"podMonitor.labels", false},
    {"podMonitor.annotations", false},
};
static const struct {
    const char *path, *words[4];
} choices[] = {
    {"image.pullPolicy", {"", "Always", "IfNotPresent", "Never"}},
    {"spawner.isolation", {"", "process", "pod", NULL}},
};

static const char *
type_word(const json_t *v)
{
    static const char *const words[] = {
        [JSON_OBJECT] = "a map",  [JSON_ARRAY] = "a list",     [JSON_STRING] = "a text",
        [JSON_REAL] = "a number", [JSON_INTEGER] = "a number", [JSON_NULL] = "null",
    };

    return json_is_boolean(v) ? "true or false" : words[json_typeof(v)];
}

static bool
same_type(const json_t *a, const json_t *b)
{
    return json_typeof(a) == json_typeof(b) || (json_is_boolean(a) && json_is_boolean(b));
}

static int
unknown(const char *path, const char *key, const json_t *dflt, struct err *e)
{
    const char *names[KEYS_MOST];
    size_t n = 0;
    const char *name;
    json_t *ignored;

    json_object_foreach((json_t *)dflt, name, ignored)
    {
        if (n < KEYS_MOST)
            names[n++] = name;
    }
    const char *near = suggest_best(key, names, n);
    return err_set(e, ERR_INVALID, "values: %s: there is no such key%s%s", path,
                   near != NULL ? "; is it to be " : "", near != NULL ? near : "");
}

/* Texts, and where it may be numbers. */
static int
check_open(const json_t *map, const char *path, bool numbers, struct err *e)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)map, key, v)
    {
        if (!json_is_string(v) && !(numbers && json_is_number(v)))
            return err_set(e, ERR_INVALID, "values: %s.%s: is %s, expected a text", path,
                           key, type_word(v));
    }
    return 0;
}

static int
check_list(const json_t *list, const char *path, struct err *e)
{
    size_t i;
    json_t *v;

    json_array_foreach((json_t *)list, i, v)
    {
        if (!json_is_string(v))
            return err_set(e, ERR_INVALID, "values: %s[%zu]: is %s, expected a text",
                           path, i, type_word(v));
    }
    return 0;
}

static int
check_tree(const json_t *values, const json_t *dflt, const char *above, struct err *e)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)values, key, v)
    {
        char path[256];
        const json_t *own = json_object_get(dflt, key);
        size_t open = 0;

        snprintf(path, sizeof(path), "%s%s%s", above, above[0] != '\0' ? "." : "", key);
        if (own == NULL)
            return unknown(path, key, dflt, e);
        if (!same_type(v, own))
            return err_set(e, ERR_INVALID, "values: %s: is %s, expected %s%s", path,
                           type_word(v), type_word(own),
                           json_is_string(own) ? " (put it into quotes, or use "
                                                 "--set-string)"
                                               : "");
        while (open < ARRAY_LEN(open_maps) && strcmp(open_maps[open].path, path) != 0)
            open++;
        int rc = open < ARRAY_LEN(open_maps)
                     ? check_open(v, path, open_maps[open].numbers, e)
                 : json_is_object(v) ? check_tree(v, own, path, e)
                                     : check_list(v, path, e);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int
check_choices(const json_t *root, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        const char *const *words = choices[i].words;
        const char *value = json_str_or(root, choices[i].path, "");
        size_t n = 0;

        while (n < ARRAY_LEN(choices[i].words) && words[n] != NULL &&
               strcmp(words[n], value) != 0)
            n++;
        if (n == ARRAY_LEN(choices[i].words) || words[n] == NULL)
            return err_set(
                e, ERR_INVALID, "values: %s: \"%s\" is not %s%s%s%s%s", choices[i].path,
                value, words[1], words[3] != NULL ? ", " : " or ", words[2],
                words[3] != NULL ? " or " : "", words[3] != NULL ? words[3] : "");
    }
    return 0;
}

static int
check_namespaces(const json_t *root, struct err *e)
{
    const json_t *list = json_at(root, "networkPolicies.namespaces");
    size_t i;
    json_t *v;

    if (json_array_size(list) == 0)
        return err_set(e, ERR_INVALID,
                       "values: networkPolicies.namespaces: is empty; name the "
                       "namespaces that have Tasks");
    json_array_foreach((json_t *)list, i, v)
    {
        if (kube_check_label(json_string_value(v), e) < 0)
            return err_wrap(e, "values: networkPolicies.namespaces[%zu]", i);
    }
    return 0;
}

static int
check_telemetry(const json_t *root, struct err *e)
{
    const char *endpoint = json_str_or(root, "telemetry.endpoint", "");

    if (!json_bool_or(root, "telemetry.enabled", false))
        return 0;
    if (endpoint[0] == '\0')
        return err_set(e, ERR_INVALID,
                       "a heartbeat needs to be told where it goes: "
                       "--telemetry-endpoint URL (telemetry.endpoint)");
    if (strncmp(endpoint, "https://", 8) != 0 && strncmp(endpoint, "http://", 7) != 0)
        return err_set(e, ERR_INVALID,
                       "values: telemetry.endpoint: \"%s\" is not like https://HOST/PATH",
                       endpoint);
    return 0;
}

int
values_check(const struct values *v, struct err *e)
{
    const char *tag = json_str_or(v->root, "image.tag", "");
    int64_t replicas = json_int_or(v->root, "controller.replicas", 1);

    if (check_tree(v->root, v->defaults, "", e) < 0 || check_choices(v->root, e) < 0 ||
        check_namespaces(v->root, e) < 0 || check_telemetry(v->root, e) < 0)
        return -1;
    if (strlen(tag) > 128 || strpbrk(tag, "/:@ \t\n") != NULL)
        return err_set(e, ERR_INVALID, "values: image.tag: \"%s\" cannot be a tag", tag);
    if (replicas < 0 || replicas > 100)
        return err_set(e, ERR_INVALID,
                       "values: controller.replicas: %lld is not within 0..100",
                       (long long)replicas);
    if (json_bool_or(v->root, "crds.install", false))
        return err_set(e, ERR_INVALID,
                       "values: crds.install: kelos install brings the definitions "
                       "itself, before the controller; leave it false");
    return 0;
}
