/* bundle.h - what an installation consists of, and how the flags change it.
 *
 * The documents are those of share/kelos/crds and share/kelos/manifests, in the order in which
 * they stand there. Everything here is about data: nothing is asked of a cluster. */
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
    json_t *controller; /* all else: Namespace first, Deployment last */
};

/* What the flags ask for. Texts are borrowed. */
struct bundle_wish {
    const char *version;     /* tag of every image that says :latest; "latest" keeps it */
    const char *pull_policy; /* "": as the manifests say */
    bool axon;               /* with the definitions of the older group */
    const char *isolation;   /* process or pod: sources may have Pods; "": none has */
    bool secrets;            /* a changed Secret takes effect at once */
};

/* What is only there when it is asked for. */
enum { BUNDLE_AXON = 1, BUNDLE_ISOLATION = 2, BUNDLE_SECRETS = 4, BUNDLE_ALL = 7 };

/* Reads the documents from the installed files, with these besides. Returns 0 with *b to be released by the caller,
 * or -1 with *e: a file that is missing or is no YAML, by name and line. */
int bundle_read(unsigned with, struct bundle *b, struct err *e);
void bundle_release(struct bundle *b);
/* SCOPED(bundle) struct bundle b = {NULL, NULL}; */
static inline void
bundle_scoped_free(struct bundle *b)
{
    bundle_release(b);
}

/* Puts version, pull policy and label into every object. The policy goes to every container and,
 * as --X-image-pull-policy, after every argument --X-image=…; other arguments stay as they
 * are. */
void bundle_tailor(struct bundle *b, const struct bundle_wish *w);

/* Whether the bundle has an object of that kind, namespace (NULL: cluster-scoped) and name. */
bool bundle_has(const struct bundle *b, const char *kind, const char *ns,
                const char *name);

#endif
