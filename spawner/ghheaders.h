/* ghheaders.h - the headers of a request to GitHub; they hold the token, so they are wiped. */
#ifndef KELOS_SPAWNER_GHHEADERS_H
#define KELOS_SPAWNER_GHHEADERS_H

#include "spawner/source.h"

struct ghheaders {
    const char *lines[4]; /* ends with NULL */
    struct buf authorization, condition;
};

/* `etag` "" : unconditional. */
void ghheaders_fill(struct ghheaders *h, const struct source *src, const char *etag);
void ghheaders_scoped_free(struct ghheaders *h);

#endif
