/* object.h - single objects: read from the store, written back, told to the watchers. */
#ifndef KELOS_LOCAL_APISERVER_OBJECT_H
#define KELOS_LOCAL_APISERVER_OBJECT_H

#include "local/apiserver/api.h"

/* The object, owned by the caller; NULL when it is absent (f->code 0) or on a fault. */
json_t *object_load(struct server *s, const struct resource *r, const char *ns,
                    const char *name, struct fault *f);
json_t *object_load_uid(struct server *s, const char *uid, char *key, size_t key_size,
                        struct fault *f);

/* Writes `obj` with the next resourceVersion, which is set in it. `old` is the stored state
 * (NULL for a new object; then uid and creationTimestamp must be set). Does what follows
 * from it: watchers, CRDs, the collector. Returns 0 or -1 with *f. */
int object_save(struct server *s, const struct resource *r, json_t *obj,
                const json_t *old, struct fault *f);
/* Removes it: the last state carries the version of the removal. */
int object_remove(struct server *s, const struct resource *r, json_t *obj,
                  struct fault *f);

/* Random version 4 UUID, 36 characters and NUL. */
#define UID_SIZE 37
void uid_new(char *out);
/* Five letters of generateName. */
void suffix_new(char *out, size_t letters);

const char *meta_str(const json_t *obj, const char *field);
/* metadata, made when absent. */
json_t *meta_of(json_t *obj);
bool meta_has_finalizer(const json_t *obj, const char *name);
void meta_drop_finalizer(json_t *obj, const char *name);
void meta_add_finalizer(json_t *obj, const char *name);

/* The text of a path as field selectors compare it ("" when absent). */
void field_text(const json_t *obj, const char *path, char *out, size_t size);

/* What faults about an object name. */
struct subject object_subject(const struct resource *r, const json_t *obj);

#endif
