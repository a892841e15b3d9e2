/* suggest.h - near matches for a mistyped word. */
#ifndef KELOS_CLI_SUGGEST_H
#define KELOS_CLI_SUGGEST_H

#include <stddef.h>

/* Number of single-character edits between two words, case ignored; at most `cap` + 1. */
size_t suggest_distance(const char *a, const char *b, size_t cap);

/* Whether `known` is worth offering for `typed`: two edits at most, or one is the beginning
 * of the other. Returns the distance (0 to 2), or -1. */
int suggest_rank(const char *typed, const char *known);

/* The best of `count` words, NULL when none is near. */
const char *suggest_best(const char *typed, const char *const *known, size_t count);

#endif
