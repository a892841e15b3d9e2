/* manifest.h - one YAML document as something to apply. */
#ifndef KELOS_CLI_MANIFEST_H
#define KELOS_CLI_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/kube/kube.h"
#include "common/data/yaml.h"

struct manifest {
    const char *file;                /* borrowed */
    struct yaml_doc *doc;            /* borrowed */
    const struct kube_resource *res; /* static */
    const char *ns;                  /* NULL for cluster-scoped kinds; borrowed */
    const char *name;                /* borrowed from the document */
};

/* Reads kind, name and namespace, and puts the namespace in when it is missing. With `fixed`
 * (-n was given) another namespace in the document is an error. Returns 0, or -1 with *e
 * set: "FILE:LINE: …". */
int manifest_read(const char *file, struct yaml_doc *doc, const char *ns, bool fixed,
                  struct manifest *out, struct err *e);

/* Calls fn(arg, path) for each field of the document that the server's answer has not. */
void manifest_unknown_fields(const struct manifest *m, const json_t *answer,
                             void (*fn)(void *arg, const char *path), void *arg);

#endif
