/* regex.h - regular expressions as schemas and CEL write them (RE2's syntax), in linear time.
 *
 * Alternation, groups (capturing, (?:…), (?i) (?s) (?m) flags), classes with ranges and
 * [[:alpha:]], \d \w \s \b and their opposites, \pL-like classes for Letter/Number/…: ASCII
 * only, . ^ $ \A \z, * + ? {n,m} with lazy forms (the same language, another match
 * length).
 *
 * Why our own: the contract is RE2's language in linear time, for patterns that strangers write.
 * PCRE2 backtracks and speaks another dialect, POSIX regcomp lacks classes and lazy forms, and
 * RE2 itself is C++. */
#ifndef KELOS_LOCAL_APISERVER_REGEX_H
#define KELOS_LOCAL_APISERVER_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/scoped.h"

struct regex;

/* Returns a program the caller owns, or NULL with *e: ERR_INVALID, ERR_LIMIT (REGEX_NODES). */
struct regex *regex_compile(const char *pattern, struct err *e);
void regex_free(struct regex *r);
SCOPED_DEFINE(regex)

/* Is there a match anywhere in the text? */
bool regex_match(const struct regex *r, const char *text, size_t size);

/* The leftmost match from offset `from` on: true with *start and *end (bytes). */
bool regex_find(const struct regex *r, const char *text, size_t size, size_t from,
                size_t *start, size_t *end);

#endif
