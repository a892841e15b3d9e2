/* bundle.h - what an installation consists of, and how the values change it.
 *
 * The documents are those of share/kelos/crds and share/kelos/manifests, in the order in which
 * they stand there; the Helm chart makes the same of them. Everything here is about data: nothing
 * is asked of a cluster. */
#ifndef KELOS_CLI_BUNDLE_H
#define KELOS_CLI_BUNDLE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/scoped.h"

/* Marks every installed object, so that a later installation finds what it no longer has. */
#define BUNDLE_LABEL "app.kubernetes.io/managed-by"
#define BUNDLE_LABEL_VALUE "kelos-install"

struct bundle {
    json_t *crds;       /* CustomResourceDefinitions */
    json_t *controller; /* all else: Namespace first */
};

/* Reads the documents that these values (of values.h, checked) ask for; all there are with NULL.
 * Returns 0 with *b to be released by the caller, or -1 with *e: a file that is missing or is no
 * YAML, by name and line. */
int bundle_read(const json_t *values, struct bundle *b, struct err *e);
void bundle_release(struct bundle *b);
/* SCOPED(bundle) struct bundle b = {NULL, NULL}; */
static inline void
bundle_scoped_free(struct bundle *b)
{
    bundle_release(b);
}

/* Puts the values and the label into every object. An image that names neither tag nor digest
 * gets image.tag; a pull policy goes to every container and, as --X-image-pull-policy, after every
 * argument --X-image=…; other arguments stay as they are. */
void bundle_tailor(struct bundle *b, const json_t *values);

/* Whether the bundle has an object of that kind, namespace (NULL: cluster-scoped) and name. */
bool bundle_has(const struct bundle *b, const char *kind, const char *ns,
                const char *name);

#endif
