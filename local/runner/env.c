/* env.c - see env.h. */
#include "local/runner/env.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "common/utf8.h"
#include "local/runner/refs.h"

int
env_expand(const char *text, const json_t *vars, struct buf *out)
{
    for (const char *s = text; *s != '\0'; s++) {
        const char *end;
        char name[256];

        if (s[0] != '$') {
            buf_add_char(out, *s);
        } else if (s[1] == '$') {
            buf_add_char(out, '$');
            s++;
        } else if (s[1] == '(' && (end = strchr(s, ')')) != NULL) {
            size_t size = (size_t)(end - s - 2);
            const char *value = NULL;
            if (size < sizeof name) {
                snprintf(name, sizeof name, "%.*s", (int)size, s + 2);
                value = json_string_value(json_object_get(vars, name));
            }
            if (value != NULL)
                buf_add_str(out, value);
            else
                buf_add(out, s, size + 3);
            s = end;
        } else {
            buf_add_char(out, *s);
        }
    }
    return buf_add(out, "", 0);
}

/* ---- fields of the Pod ---- */

/* "metadata.labels['key']": the key, or NULL when the path is none of that map. */
static const char *
map_key(const char *path, const char *map, char *key, size_t room)
{
    size_t size = strlen(map), len = strlen(path);

    if (strncmp(path, map, size) != 0 || path[size] != '[' || path[len - 1] != ']' ||
        len < size + 4)
        return NULL;
    snprintf(key, room, "%.*s", (int)(len - size - 4), path + size + 2);
    return key;
}

int
env_field(const json_t *pod, const char *path, struct buf *out, struct err *e)
{
    static const struct {
        const char *path, *dflt;
    } fields[] = {
        {"metadata.name", ""},
        {"metadata.namespace", ""},
        {"metadata.uid", ""},
        {"spec.nodeName", "local"},
        {"status.podIP", "127.0.0.1"},
        {"status.hostIP", "127.0.0.1"},
        {"spec.serviceAccountName", "default"},
    };
    static const char *const maps[] = {"metadata.labels", "metadata.annotations"};
    char key[320];

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(path, fields[i].path) == 0)
            return buf_add_str(out, json_str_or(pod, path, fields[i].dflt));
    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        if (map_key(path, maps[i], key, sizeof key) == NULL)
            continue;
        const char *v = json_string_value(json_object_get(json_at(pod, maps[i]), key));
        return buf_add_str(out, v != NULL ? v : "");
    }
    return err_set(e, ERR_INVALID, "fieldRef %s: not a field that local mode knows",
                   path);
}

/* ---- the environment ---- */

static int
set(json_t *vars, const char *name, const char *value, size_t size)
{
    json_t *text = json_stringn(value, size);

    /* A value that is no UTF-8 still reaches the process, repaired. */
    if (text == NULL) {
        SCOPED(buf) struct buf clean = BUF_INIT;
        utf8_add_clean(&clean, value, size);
        text = json_string(buf_str(&clean));
    }
    /* Set anew, so that the order is that of the last setting. */
    json_object_del(vars, name);
    return json_object_set_new(vars, name, text);
}

static int
missing(struct err *e, enum ref_kind kind, const char *ns, const char *name,
        const char *key)
{
    const char *what = kind == REF_SECRET ? "Secret" : "ConfigMap";

    if (key == NULL)
        return err_set(e, ERR_NOT_FOUND, "%s \"%s\" not found",
                       kind == REF_SECRET ? "secret" : "configmap", name);
    return err_set(e, ERR_NOT_FOUND, "couldn't find key %s in %s %s/%s", key, what, ns,
                   name);
}

struct prefixed {
    json_t *vars;
    const char *prefix;
};

static int
set_prefixed(void *arg, const char *key, const char *bytes, size_t size)
{
    const struct prefixed *p = arg;
    char name[512];

    snprintf(name, sizeof name, "%s%s", p->prefix, key);
    set(p->vars, name, bytes, size);
    return 0;
}

static int
add_env_from(json_t *vars, const json_t *item, const char *ns, const json_t *values,
             struct err *e)
{
    static const char *const members[] = {
        [REF_SECRET] = "secretRef", [REF_CONFIG_MAP] = "configMapRef"};
    struct prefixed p = {vars, json_str_or(item, "prefix", "")};

    for (size_t kind = 0; kind < ARRAY_LEN(members); kind++) {
        const json_t *ref = json_object_get(item, members[kind]);
        const char *name = json_str_or(ref, "name", "");
        if (ref == NULL)
            continue;
        const json_t *object = refs_object(values, (enum ref_kind)kind, name);
        if (object != NULL)
            refs_each(object, (enum ref_kind)kind, set_prefixed, &p);
        else if (!json_bool_or(ref, "optional", false))
            return missing(e, (enum ref_kind)kind, ns, name, NULL);
    }
    return 0;
}

/* Returns 1 when *out holds the value, 0 when an optional one is absent, -1. */
static int
value_from(const json_t *from, const json_t *pod, const json_t *values, struct buf *out,
           struct err *e)
{
    static const char *const members[] = {
        [REF_SECRET] = "secretKeyRef", [REF_CONFIG_MAP] = "configMapKeyRef"};
    const char *field = json_str_or(from, "fieldRef.fieldPath", NULL);

    if (field != NULL)
        return env_field(pod, field, out, e) < 0 ? -1 : 1;
    for (size_t kind = 0; kind < ARRAY_LEN(members); kind++) {
        const json_t *ref = json_object_get(from, members[kind]);
        const char *name = json_str_or(ref, "name", ""),
                   *key = json_str_or(ref, "key", "");
        if (ref == NULL)
            continue;
        const json_t *object = refs_object(values, (enum ref_kind)kind, name);
        if (object != NULL && refs_value(object, (enum ref_kind)kind, key, out))
            return 1;
        if (json_bool_or(ref, "optional", false))
            return 0;
        return missing(e, (enum ref_kind)kind, json_str_or(pod, "metadata.namespace", ""),
                       name, object != NULL ? key : NULL);
    }
    return err_set(
        e, ERR_INVALID,
        "valueFrom: local mode knows secretKeyRef, configMapKeyRef and fieldRef");
}

static int
add_env(json_t *vars, const json_t *item, const json_t *pod, const json_t *values,
        struct err *e)
{
    const char *name = json_str_or(item, "name", "");
    const json_t *from = json_object_get(item, "valueFrom");
    struct buf value = BUF_INIT;
    int rc = 1;

    if (from != NULL && !json_is_null(from))
        rc = value_from(from, pod, values, &value, e);
    else
        env_expand(json_str_or(item, "value", ""), vars, &value);
    if (rc > 0)
        set(vars, name, buf_str(&value), value.size);
    buf_wipe(&value);
    return rc < 0 ? err_wrap(e, "env %s", name) : 0;
}

json_t *
env_build(const json_t *container, const json_t *pod, const json_t *image,
          const json_t *values, struct err *e)
{
    SCOPED(json) json_t *vars = json_copy((json_t *)image);
    size_t i;
    json_t *item;

    if (vars == NULL)
        vars = json_object();
    json_array_foreach(json_object_get(container, "envFrom"), i, item)
    {
        if (add_env_from(vars, item, json_str_or(pod, "metadata.namespace", ""), values,
                         e) < 0)
            return NULL;
    }
    json_array_foreach(json_object_get(container, "env"), i, item)
    {
        if (add_env(vars, item, pod, values, e) < 0)
            return NULL;
    }
    return TAKE(vars);
}

static int
add_words(const json_t *words, const json_t *vars, struct launch_list *argv)
{
    size_t i;
    json_t *word;

    json_array_foreach(words, i, word)
    {
        struct buf text = BUF_INIT;
        const char *s = json_string_value(word);
        if (vars != NULL)
            env_expand(s != NULL ? s : "", vars, &text);
        else
            buf_add_str(&text, s != NULL ? s : "");
        int rc = launch_add(argv, buf_str(&text));
        buf_wipe(&text);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int
env_command(const json_t *container, const json_t *entrypoint, const json_t *vars,
            struct launch_list *argv, struct err *e)
{
    const json_t *command = json_object_get(container, "command");
    int bad;

    if (json_array_size(command) > 0)
        bad = add_words(command, vars, argv);
    else
        bad = add_words(entrypoint, NULL, argv);
    if (bad < 0 || add_words(json_object_get(container, "args"), vars, argv) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (argv->count == 0)
        return err_set(e, ERR_INVALID, "no command specified");
    return 0;
}
