/* mcp.c - see mcp.h. */
#include "reconciler/job/mcp.h"

#include <string.h>

#include "common/macros.h"
#include "common/utf8.h"
#include "reconciler/job/inputs.h"
#include "reconciler/job/job.h"

/* ---- references ---- */

/* Members that name a whole Secret, and the map that its keys go into. */
static const struct {
    const char *member, *into;
    bool any_case; /* names of headers are equal in any case */
} wholes[] = {
    {"headersFrom", "headers", true},
    {"envFrom", "env", false},
};

/* Members of envValueFrom[].valueFrom. */
static const struct {
    const char *member, *kind;
} singles[] = {
    {"secretKeyRef", INPUT_SECRET},
    {"configMapKeyRef", INPUT_CONFIG_MAP},
};

void
mcp_references(const json_t *servers, mcp_reference_fn *fn, void *arg)
{
    size_t i, k;
    json_t *server, *entry;

    json_array_foreach(servers, i, server)
    {
        for (size_t w = 0; w < ARRAY_LEN(wholes); w++) {
            const json_t *from = json_object_get(server, wholes[w].member);
            if (from != NULL)
                fn(arg, INPUT_SECRET, json_str_or(from, "secretRef.name", ""));
        }
        json_array_foreach(json_object_get(server, "envValueFrom"), k, entry)
        {
            const json_t *from = json_object_get(entry, "valueFrom");
            for (size_t s = 0; s < ARRAY_LEN(singles); s++)
                if (json_object_get(from, singles[s].member) != NULL)
                    fn(arg, singles[s].kind,
                       json_str_or(json_object_get(from, singles[s].member), "name", ""));
        }
    }
}

static void
count_one(void *arg, const char *kind, const char *name)
{
    (void)kind;
    (void)name;
    ++*(size_t *)arg;
}

bool
mcp_is_secret(const json_t *servers)
{
    size_t n = 0;

    mcp_references(servers, count_one, &n);
    return n > 0;
}

/* ---- values ---- */

static void
drop_in_any_case(json_t *map, const char *name)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(map, next, key, value)
    {
        if (strcasecmp(key, name) == 0)
            json_object_del(map, key);
    }
}

/* Whether a header may have the value: a line of text. */
static bool
is_line(const char *text, size_t size)
{
    return strlen(text) == size && strpbrk(text, "\r\n") == NULL;
}

/* Sets a value in `headers` or `env`. */
static int
set_value(json_t *server, const char *into, bool header, const char *name,
          const struct secret *value, struct err *e)
{
    json_t *map = json_object_get(server, into);
    const char *text = secret_reveal(value);
    size_t size = secret_size(value);

    if (!utf8_valid(text, size) || (header && !is_line(text, size)))
        return err_set(
            e, ERR_INVALID,
            "%s \"%s\" of MCP server \"%s\": the value holds bytes that cannot be "
            "passed on",
            header ? "header" : "variable", name, json_str_or(server, "name", ""));
    if (!json_is_object(map)) {
        map = json_object();
        json_object_set_new(server, into, map);
    }
    if (header)
        drop_in_any_case(map, name);
    json_object_set_new(map, name, json_stringn(text, size));
    return 0;
}

static int
add_whole(json_t *server, size_t row, const json_t *values, struct err *e)
{
    const json_t *from = json_object_get(server, wholes[row].member);
    const char *name = json_str_or(from, "secretRef.name", ""), *key;
    json_t *ignored;

    if (from == NULL)
        return 0;
    if (!inputs_has(values, INPUT_SECRET, name))
        return err_set(
            e, ERR_INVALID,
            "fetching %s secret \"%s\" for MCP server \"%s\": secrets \"%s\" not found",
            wholes[row].member, name, json_str_or(server, "name", ""), name);
    json_object_foreach(inputs_data(values, INPUT_SECRET, name), key, ignored)
    {
        SCOPED(secret) struct secret *v = inputs_value(values, INPUT_SECRET, name, key);
        if (v != NULL &&
            set_value(server, wholes[row].into, wholes[row].any_case, key, v, e) < 0)
            return -1;
    }
    return 0;
}

static int
add_single(json_t *server, const json_t *entry, size_t row, const json_t *values,
           struct err *e)
{
    const json_t *from =
        json_object_get(json_object_get(entry, "valueFrom"), singles[row].member);
    const char *variable = json_str_or(entry, "name", ""), *kind = singles[row].kind;
    const char *name = json_str_or(from, "name", ""), *key = json_str_or(from, "key", "");
    const char *mcp = json_str_or(server, "name", "");

    if (from == NULL)
        return 0;
    SCOPED(secret) struct secret *v = inputs_value(values, kind, name, key);
    if (v != NULL)
        return set_value(server, "env", false, variable, v, e);
    if (json_bool_or(from, "optional", false))
        return 0;
    if (!inputs_has(values, kind, name))
        return err_set(
            e, ERR_INVALID,
            "fetching %s \"%s\" for MCP server \"%s\" env \"%s\": %ss \"%s\" not found",
            kind, name, mcp, variable, kind, name);
    return err_set(e, ERR_INVALID,
                   "%s \"%s\" has no key \"%s\" for MCP server \"%s\" env \"%s\"", kind,
                   name, key, mcp, variable);
}

/* What comes later wins: env, then single values, then whole Secrets. */
static int
resolve(json_t *server, const json_t *values, struct err *e)
{
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(server, "envValueFrom"), i, entry)
    {
        for (size_t s = 0; s < ARRAY_LEN(singles); s++)
            if (add_single(server, entry, s, values, e) < 0)
                return -1;
    }
    for (size_t w = 0; w < ARRAY_LEN(wholes); w++)
        if (add_whole(server, w, values, e) < 0)
            return -1;
    json_object_del(server, "envValueFrom");
    for (size_t w = 0; w < ARRAY_LEN(wholes); w++)
        json_object_del(server, wholes[w].member);
    return 0;
}

json_t *
mcp_resolve(const json_t *servers, const json_t *values, struct err *e)
{
    SCOPED(json) json_t *all = servers != NULL ? json_deep_copy(servers) : json_array();
    size_t i;
    json_t *server;

    json_array_foreach(all, i, server)
    {
        if (resolve(server, values, e) < 0)
            return NULL;
    }
    return TAKE(all);
}

/* ---- text ---- */

/* What an entry holds; empty ones are left out. */
static const char *const members[] = {"type", "command", "args", "url", "headers", "env"};

static bool
empty_value(const json_t *v)
{
    return v == NULL || json_is_null(v) ||
           (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static int
add_server(json_t *servers, const json_t *item, struct err *e)
{
    const char *name = json_str_or(item, "name", "");

    if (component_check("MCP server", name, e) < 0)
        return -1;
    if (json_object_get(servers, name) != NULL)
        return err_set(e, ERR_INVALID, "duplicate MCP server name \"%s\"", name);
    json_t *entry = json_object();
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(item, members[i]);
        if (!empty_value(value))
            json_object_set(entry, members[i], value);
    }
    return json_object_set_new(servers, name, entry);
}

char *
mcp_text(const json_t *servers, struct err *e)
{
    SCOPED(json) json_t *all = json_object();

    for (size_t i = 0; i < json_array_size(servers); i++)
        if (add_server(all, json_array_get(servers, i), e) < 0) {
            err_wrap(e, "invalid MCP server configuration");
            return NULL;
        }
    SCOPED(json) json_t *whole = json_pack("{s:O}", "mcpServers", all);
    SCOPED(string) char *text = json_dump_canonical(whole);
    if (strlen(text) > MCP_BYTES) {
        err_set(e, ERR_INVALID,
                "invalid MCP server configuration: it has %zu bytes, at most %d can be "
                "passed on",
                strlen(text), MCP_BYTES);
        return NULL;
    }
    return TAKE(text);
}
