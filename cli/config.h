/* config.h - the user's configuration file, ~/.kelos/config.yaml. */
#ifndef KELOS_CLI_CONFIG_H
#define KELOS_CLI_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/scoped.h"

struct config;

/* The file's path: `given`, else $KELOS_CONFIG, else $HOME/.kelos/config.yaml. Returns text
 * the caller frees, NULL when there is no home. */
char *config_path(const char *given);

/* Reads the file. A missing one is empty, unless it was named (`given` or $KELOS_CONFIG).
 * Returns a configuration the caller owns, or NULL with *e set: "config FILE: …".
 * Doubtful things (unknown keys, open permissions) go to stderr as warnings. */
struct config *config_load(const char *given, struct err *e);
/* One without a file. */
struct config *config_empty(void);
/* The same from memory, for tests. `path` is how errors name it. */
struct config *config_parse(const char *text, size_t size, const char *path,
                            struct err *e);
void config_free(struct config *c);
SCOPED_DEFINE(config)

const char *config_file(const struct config *c);

/* The value of a key ("workspace.githubApp.appID"), "" when unset; keys match in any case,
 * numbers and booleans are given as text. Borrowed. */
const char *config_get(const struct config *c, const char *key);
/* The list under a key, or NULL; borrowed. */
const json_t *config_list(const struct config *c, const char *key);

/* Calls fn(arg, message) for each unknown key, with the nearest known one. */
void config_check_keys(const struct config *c, void (*fn)(void *arg, const char *message),
                       void *arg);

/* "~" and "~/x" become the home directory; anything else is copied. Caller frees. */
char *config_expand_home(const char *path);

#endif
