/* admit.h - what every object goes through before it is stored: decoding, metadata rules,
 * unknown fields, defaults, validation. */
#ifndef KELOS_LOCAL_APISERVER_ADMIT_H
#define KELOS_LOCAL_APISERVER_ADMIT_H

#include "local/apiserver/api.h"

enum validation { VALIDATE_WARN, VALIDATE_STRICT, VALIDATE_IGNORE };

/* Reads a body by its content type (JSON, YAML, protobuf): a tree the caller owns, or NULL
 * with *f (400, 413, 415). */
json_t *admit_decode(const struct call *c, const struct resource *r, enum validation v,
                     struct reply *reply, struct fault *f);

/* ?fieldValidation= and ?dryRun=: 0 or -1 with *f. */
int admit_validation(const struct call *c, enum validation *v, struct fault *f);
int admit_dry_run(const struct call *c, bool *dry, struct fault *f);

/* Sets apiVersion and kind, or refuses those of another type. */
int admit_type(const struct resource *r, json_t *obj, struct fault *f);

/* Drops what the type does not know: refused, warned of or silent, as v says. */
int admit_fields(struct server *s, struct resource *r, json_t *obj, enum validation v,
                 struct reply *reply, struct fault *f);

/* Makes a decoded object ready to be stored as new: names, system fields, defaults, checks. */
int admit_create(struct server *s, struct resource *r, const char *ns, json_t *obj,
                 struct fault *f);

/* Makes `obj` ready to replace `old`; sub is NULL or "status". System fields are taken from
 * old; the generation moves. */
int admit_update(struct server *s, struct resource *r, const char *sub, json_t *obj,
                 const json_t *old, struct fault *f);

#endif
