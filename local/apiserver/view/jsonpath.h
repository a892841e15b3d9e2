/* jsonpath.h - the JSON paths of printer columns: .a.b, ['a.b'], [0], [-1], [*], .., filters. */
#ifndef KELOS_LOCAL_APISERVER_JSONPATH_H
#define KELOS_LOCAL_APISERVER_JSONPATH_H

#include <jansson.h>

/* All values that `path` reaches, as a new array (empty when none or when the path is
 * malformed). Values are borrowed references held by the array. */
json_t *jsonpath_find(const json_t *root, const char *path);

#endif
