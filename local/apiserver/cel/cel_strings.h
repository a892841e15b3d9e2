/* cel_strings.h - methods of text. a[0] is the target, further ones the arguments (null when
 * absent); their kinds have been checked. Positions count characters. */
#ifndef KELOS_LOCAL_APISERVER_CEL_STRINGS_H
#define KELOS_LOCAL_APISERVER_CEL_STRINGS_H

#include "local/apiserver/cel/cel_value.h"

struct value s_starts_with(struct cel_run *r, const struct value *a);
struct value s_ends_with(struct cel_run *r, const struct value *a);
struct value s_contains(struct cel_run *r, const struct value *a);
struct value s_matches(struct cel_run *r, const struct value *a);
struct value s_find(struct cel_run *r, const struct value *a);
struct value s_find_all(struct cel_run *r, const struct value *a);
struct value s_char_at(struct cel_run *r, const struct value *a);
struct value s_index_of(struct cel_run *r, const struct value *a);
struct value s_last_index_of(struct cel_run *r, const struct value *a);
struct value s_lower(struct cel_run *r, const struct value *a);
struct value s_upper(struct cel_run *r, const struct value *a);
struct value s_replace(struct cel_run *r, const struct value *a);
struct value s_split(struct cel_run *r, const struct value *a);
struct value s_substring(struct cel_run *r, const struct value *a);
struct value s_trim(struct cel_run *r, const struct value *a);
struct value s_reverse(struct cel_run *r, const struct value *a);

#endif
