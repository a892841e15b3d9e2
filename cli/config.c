/* config.c - see config.h. */
#include "cli/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/dialect.h"
#include "cli/suggest.h"
#include "common/buf.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/data/yaml.h"

struct config {
    char *path;
    json_t *root;  /* an object */
    json_t *texts; /* scalars that were asked for, as text: what config_get lends */
};

static const char *const known_keys[] = {
    "oauthToken",
    "apiKey",
    "secret",
    "credentialType",
    "type",
    "model",
    "effort",
    "namespace",
    "kubeconfig",
    "agentConfig",
    "env",
    "workspace",
    "workspace.name",
    "workspace.repo",
    "workspace.ref",
    "workspace.token",
    "workspace.githubApp",
    "workspace.githubApp.appID",
    "workspace.githubApp.installationID",
    "workspace.githubApp.privateKeyPath",
};

char *
config_expand_home(const char *path)
{
    const char *home = getenv("HOME");
    char *out = NULL;

    if (home == NULL || path[0] != '~' || (path[1] != '\0' && path[1] != '/'))
        return strdup(path);
    return asprintf(&out, "%s%s", home, path + 1) < 0 ? NULL : out;
}

char *
config_path(const char *given)
{
    const char *named =
        given != NULL && given[0] != '\0' ? given : getenv(dialect()->config_variable);
    const char *home = getenv("HOME");
    char *out = NULL;

    if (named != NULL && named[0] != '\0')
        return config_expand_home(named);
    if (home == NULL || home[0] == '\0')
        return NULL;
    return asprintf(&out, "%s/%s", home, dialect()->config) < 0 ? NULL : out;
}

static struct config *
config_make(const char *path, json_t *root)
{
    struct config *c = calloc(1, sizeof(*c));

    if (c == NULL)
        abort();
    c->path = strdup(path);
    c->root = root;
    c->texts = json_object();
    return c;
}

struct config *
config_empty(void)
{
    return config_make("", json_object());
}

void
config_free(struct config *c)
{
    if (c == NULL)
        return;
    json_decref(c->root);
    json_decref(c->texts);
    free(c->path);
    free(c);
}

const char *
config_file(const struct config *c)
{
    return c->path;
}

struct config *
config_parse(const char *text, size_t size, const char *path, struct err *e)
{
    SCOPED(json) json_t *root = yaml_parse_one(text, size, path, e);

    if (root == NULL) {
        err_wrap(e, "config");
        return NULL;
    }
    if (json_is_null(root))
        return config_make(path, json_object());
    if (!json_is_object(root)) {
        err_set(e, ERR_INVALID,
                "config %s: expected keys and values (try %s init --force)", path,
                dialect()->program);
        return NULL;
    }
    return config_make(path, TAKE(root));
}

static int
read_file(const char *path, struct buf *out, struct stat *st)
{
    FILE *f = fopen(path, "re");
    char chunk[16384];
    size_t n;
    int saved;

    if (f == NULL)
        return -1;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        if (buf_add(out, chunk, n) < 0)
            break;
    saved = ferror(f) ? errno : 0;
    if (fstat(fileno(f), st) < 0)
        saved = errno;
    fclose(f);
    errno = out->failed ? EFBIG : saved;
    return errno != 0 ? -1 : 0;
}

static void
warn(void *arg, const char *message)
{
    fprintf(stderr, "Warning: config %s: %s\n", (const char *)arg, message);
}

static void
warn_mode(const struct config *c, const struct stat *st)
{
    static const char *const secrets[] = {"oauthToken", "apiKey", "workspace.token"};

    if ((st->st_mode & 077) == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        const char *value = config_get(c, secrets[i]);

        if (value[0] != '\0' && value[0] != '@' && value[0] != '$' &&
            strcmp(value, "none") != 0) {
            fprintf(stderr,
                    "Warning: config %s holds %s and can be read by others; chmod 600\n",
                    c->path, secrets[i]);
            return;
        }
    }
}

struct config *
config_load(const char *given, struct err *e)
{
    SCOPED(string) char *path = config_path(given);
    SCOPED(buf) struct buf text = {.limit = LIMIT_YAML_FILE_BYTES};
    const char *variable = getenv(dialect()->config_variable);
    bool named = given[0] != '\0' || (variable != NULL && variable[0] != '\0');
    struct stat st;

    if (path == NULL)
        return config_empty();
    if (read_file(path, &text, &st) < 0) {
        if (errno == ENOENT && !named)
            return config_make(path, json_object());
        if (errno == ENOENT)
            err_set(e, ERR_NOT_FOUND,
                    "config %s: no such file (%s init --config makes one)", path,
                    dialect()->program);
        else
            err_errno(e, "config %s", path);
        return NULL;
    }
    struct config *c = config_parse(buf_str(&text), text.size, path, e);
    buf_wipe(&text);
    if (c != NULL) {
        config_check_keys(c, warn, path);
        warn_mode(c, &st);
    }
    return c;
}

/* The member of any case; the last one wins as elsewhere. */
static const json_t *
member(const json_t *object, const char *name, size_t size)
{
    const char *key;
    json_t *value;
    const json_t *found = NULL;

    if (!json_is_object(object))
        return NULL;
    json_object_foreach((json_t *)object, key,
                        value) if (strlen(key) == size &&
                                   strncasecmp(key, name, size) == 0) found = value;
    return found;
}

static const json_t *
find(const struct config *c, const char *key)
{
    const json_t *at = c->root;

    while (at != NULL && *key != '\0') {
        size_t size = strcspn(key, ".");

        at = member(at, key, size);
        key += size + (key[size] == '.' ? 1 : 0);
    }
    return at;
}

const char *
config_get(const struct config *c, const char *key)
{
    const json_t *value = find(c, key);

    if (json_is_string(value))
        return json_string_value(value);
    if (!json_is_number(value) && !json_is_boolean(value))
        return "";
    SCOPED(string)
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_object_set_new(c->texts, key, json_string(text));
    return json_string_value(json_object_get(c->texts, key));
}

const json_t *
config_list(const struct config *c, const char *key)
{
    const json_t *value = find(c, key);

    return json_is_array(value) ? value : NULL;
}

static void
check_object(const json_t *object, const char *prefix,
             void (*fn)(void *arg, const char *message), void *arg)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        char full[256], message[512];
        bool known = false;

        snprintf(full, sizeof(full), "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);
        for (size_t i = 0; i < ARRAY_LEN(known_keys); i++)
            known = known || strcasecmp(full, known_keys[i]) == 0;
        if (!known) {
            const char *near = suggest_best(full, known_keys, ARRAY_LEN(known_keys));

            snprintf(message, sizeof(message), "unknown key %s%s%s%s", full,
                     near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                     near != NULL ? "?" : "");
            fn(arg, message);
        } else if (json_is_object(value)) {
            check_object(value, full, fn, arg);
        }
    }
}

void
config_check_keys(const struct config *c, void (*fn)(void *arg, const char *message),
                  void *arg)
{
    check_object(c->root, "", fn, arg);
}
