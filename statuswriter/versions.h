/* versions.h - which version of an object was last written or looked at here, by a key that holds
 * its uid. A write that names this version cannot meet another object of the same name. */
#ifndef KELOS_STATUSWRITER_VERSIONS_H
#define KELOS_STATUSWRITER_VERSIONS_H

struct versions;

/* The caller owns; NULL when memory ran out. */
struct versions *versions_new(void);
void versions_free(struct versions *v);

/* "" when none is known; borrowed until the next call. */
const char *versions_get(const struct versions *v, const char *key);
/* Of LIMIT_STATUS_VERSIONS and more all are forgotten: who misses one looks. */
void versions_put(struct versions *v, const char *key, const char *version);
void versions_drop(struct versions *v, const char *key);

#endif
