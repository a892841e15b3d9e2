/* cel_lists.h - methods of lists, called as those of cel_strings.h. */
#ifndef KELOS_LOCAL_APISERVER_CEL_LISTS_H
#define KELOS_LOCAL_APISERVER_CEL_LISTS_H

#include "local/apiserver/cel/cel_value.h"

struct value l_join(struct cel_run *r, const struct value *a);
struct value l_is_sorted(struct cel_run *r, const struct value *a);
struct value l_sum(struct cel_run *r, const struct value *a);
struct value l_min(struct cel_run *r, const struct value *a);
struct value l_max(struct cel_run *r, const struct value *a);
struct value l_index_of(struct cel_run *r, const struct value *a);
struct value l_last_index_of(struct cel_run *r, const struct value *a);

#endif
