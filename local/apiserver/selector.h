/* selector.h - label and field selectors of lists and watches. */
#ifndef KELOS_LOCAL_APISERVER_SELECTOR_H
#define KELOS_LOCAL_APISERVER_SELECTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"
#include "local/apiserver/resource.h"

struct selector;

/* Reads both forms (NULL or "": everything). `r` says which fields may be selected (NULL: any).
 * Returns a selector the caller owns; NULL with *e ERR_INVALID. */
struct selector *selector_parse(const char *labels, const char *fields,
                                const struct resource *r, struct err *e);
void selector_free(struct selector *sel);
SCOPED_DEFINE(selector)

bool selector_match(const struct selector *sel, const json_t *obj);
/* True when it matches everything. */
bool selector_empty(const struct selector *sel);

/* The i-th field path (as for common/data/json.h) that may be selected for a type besides name
 * and namespace; false at the end. */
bool selector_field(const struct resource *r, size_t i, char *path, size_t size);

#endif
