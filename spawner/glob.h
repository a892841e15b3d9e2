/* glob.h - patterns over paths, as filePatterns has them. Pure.
 *
 * '*' and '?' stay within a folder, '**' as a whole part spans folders (none, too), [a-z]
 * and [!a-z] choose one character, {a,b} one of several texts, a backslash takes the next
 * character as it is. A pattern that is broken matches nothing. */
#ifndef KELOS_SPAWNER_GLOB_H
#define KELOS_SPAWNER_GLOB_H

#include <stdbool.h>
#include <stddef.h>

bool glob_match(const char *pattern, const char *path);

/* Texts of a list, borrowed. */
struct texts {
    const char **items;
    size_t n;
};

/* Whether of the files (`n` paths) one that matches no `exclude` matches an `include`; without
 * an include, whether one is left; without both always. */
bool glob_wants(const struct texts *include, const struct texts *exclude,
                const char *const *files, size_t n);

#endif
