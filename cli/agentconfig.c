/* agentconfig.c - see agentconfig.h. */
#include "cli/agentconfig.h"

#include <stdlib.h>
#include <string.h>

#include "cli/value.h"
#include "common/data/json.h"
#include "common/macros.h"

/* "NAME=VALUE" with a name; the value is read (@FILE). Caller frees with value_free. */
static char *
split(const char *flag, const char *shape, const char *text, size_t *name_size,
      struct err *e)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text) {
        err_set(e, ERR_INVALID, "--%s \"%s\": expected %s", flag, text, shape);
        return NULL;
    }
    *name_size = (size_t)(equals - text);
    return value_read(flag, equals + 1, VALUE_FILE, e);
}

static int
add_contents(json_t *plugin, const char *flag, const char *key, char *const *texts,
             size_t count, struct err *e)
{
    json_t *list;

    if (count == 0)
        return 0;
    json_object_set_new(plugin, key, (list = json_array()));
    for (size_t i = 0; i < count; i++) {
        size_t size;
        char *content = split(flag, "name=content or name=@file", texts[i], &size, e);
        json_t *entry = json_object();

        if (content == NULL) {
            json_decref(entry);
            return -1;
        }
        json_object_set_new(entry, "name", json_stringn(texts[i], size));
        json_object_set_new(entry, "content", json_string(content));
        json_array_append_new(list, entry);
        value_free(content);
    }
    return 0;
}

/* What an MCP server may have, and of which type its value is. */
static const struct {
    const char *key;
    enum { TEXT, TEXTS, MAP } shape;
} server_fields[] = {
    {"type", TEXT}, {"command", TEXT}, {"args", TEXTS},
    {"url", TEXT},  {"headers", MAP},  {"env", MAP},
};

static bool
shape_fits(const json_t *value, int shape)
{
    const char *key;
    json_t *item;

    if (shape == TEXT)
        return json_is_string(value);
    if (shape == TEXTS) {
        for (size_t i = 0; i < json_array_size(value); i++)
            if (!json_is_string(json_array_get(value, i)))
                return false;
        return json_is_array(value);
    }
    json_object_foreach((json_t *)value, key,
                        item) if (!json_is_string(item)) return false;
    return json_is_object(value);
}

static int
check_server(const char *name, const json_t *server, struct err *e)
{
    const char *type = json_str_or(server, "type", "");
    bool stdio = strcmp(type, "stdio") == 0;

    for (size_t i = 0; i < ARRAY_LEN(server_fields); i++) {
        const json_t *value = json_object_get(server, server_fields[i].key);

        if (value != NULL && !shape_fits(value, server_fields[i].shape))
            return err_set(e, ERR_INVALID,
                           "--mcp \"%s\": invalid JSON: field \"%s\" must be %s", name,
                           server_fields[i].key,
                           server_fields[i].shape == TEXT    ? "a text"
                           : server_fields[i].shape == TEXTS ? "a list of texts"
                                                             : "a map of texts");
    }
    if (type[0] == '\0')
        return err_set(e, ERR_INVALID, "--mcp \"%s\": field \"type\" missing", name);
    if (!stdio && strcmp(type, "http") != 0 && strcmp(type, "sse") != 0)
        return err_set(e, ERR_INVALID,
                       "--mcp \"%s\": type \"%s\" unsupported; stdio, http or sse", name,
                       type);
    if (json_str_or(server, stdio ? "command" : "url", "")[0] == '\0')
        return err_set(e, ERR_INVALID,
                       "--mcp \"%s\": field \"%s\" missing, which %s needs", name,
                       stdio ? "command" : "url", type);
    return 0;
}

static int
add_server(json_t *list, const char *text, struct err *e)
{
    size_t size;
    struct err why = ERR_INIT;
    char *body = split("mcp", "name=JSON or name=@file", text, &size, e);
    SCOPED(string) char *name = strndup(text, body != NULL ? size : 0);

    if (body == NULL)
        return -1;
    SCOPED(json) json_t *given = json_parse(body, strlen(body), 0, &why);
    value_free(body);
    if (!json_is_object(given))
        return err_set(e, ERR_INVALID, "--mcp \"%s\": invalid JSON: %s", name,
                       given == NULL ? why.text : "not an object");
    if (check_server(name, given, e) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_str_or(json_array_get(list, i), "name", ""), name) == 0)
            return err_set(e, ERR_INVALID, "--mcp \"%s\" given twice", name);
    json_t *server = json_object();
    json_object_set_new(server, "name", json_string(name));
    for (size_t i = 0; i < ARRAY_LEN(server_fields); i++) {
        json_t *value = json_object_get(given, server_fields[i].key);

        if (value != NULL)
            json_object_set(server, server_fields[i].key, value);
    }
    json_array_append_new(list, server);
    return 0;
}

/* The last colon separates the skill, unless a slash follows it: URLs have colons too. */
static int
add_package(json_t *list, const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':');
    SCOPED(json) json_t *entry = json_object();

    if (colon != NULL && strchr(colon, '/') != NULL)
        colon = NULL;
    size_t size = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (size == 0)
        return err_set(e, ERR_INVALID, "--skills-sh \"%s\": the source is empty", text);
    if (colon != NULL && colon[1] == '\0')
        return err_set(e, ERR_INVALID,
                       "--skills-sh \"%s\": the skill after the colon is empty", text);
    json_object_set_new(entry, "source", json_stringn(text, size));
    if (colon != NULL)
        json_object_set_new(entry, "skill", json_string(colon + 1));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), entry))
            return err_set(e, ERR_INVALID, "--skills-sh \"%s\" given twice", text);
    json_array_append_new(list, TAKE(entry));
    return 0;
}

static int
add_lists(json_t *spec, const struct agentconfig_flags *f, struct err *e)
{
    if (f->n_servers > 0) {
        json_t *list = json_array();

        json_object_set_new(spec, "mcpServers", list);
        for (size_t i = 0; i < f->n_servers; i++)
            if (add_server(list, f->servers[i], e) < 0)
                return -1;
    }
    if (f->n_packages > 0) {
        json_t *list = json_array();

        json_object_set_new(spec, "skills", list);
        for (size_t i = 0; i < f->n_packages; i++)
            if (add_package(list, f->packages[i], e) < 0)
                return -1;
    }
    return 0;
}

json_t *
agentconfig_spec(const struct agentconfig_flags *f, struct err *e)
{
    SCOPED(json) json_t *spec = json_object();

    if (f->agents_md[0] != '\0') {
        char *text = value_read("--agents-md", f->agents_md, VALUE_FILE, e);

        if (text == NULL)
            return NULL;
        json_object_set_new(spec, "agentsMD", json_string(text));
        value_free(text);
    }
    if (f->n_skills + f->n_agents > 0) {
        json_t *plugin = json_pack("{s:s}", "name", "kelos");

        json_object_set_new(spec, "plugins", json_pack("[o]", plugin));
        if (add_contents(plugin, "skill", "skills", f->skills, f->n_skills, e) < 0 ||
            add_contents(plugin, "agent", "agents", f->agents, f->n_agents, e) < 0)
            return NULL;
    }
    return add_lists(spec, f, e) < 0 ? NULL : TAKE(spec);
}
