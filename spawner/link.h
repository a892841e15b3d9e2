/* link.h - URLs that an answer names: whose they are, and which page comes next. Pure. */
#ifndef KELOS_SPAWNER_LINK_H
#define KELOS_SPAWNER_LINK_H

#include <stdbool.h>
#include <stddef.h>

/* The length of "scheme://host:port", 0 when the text has no such form. */
size_t url_origin_size(const char *url);

/* Whether `url` has the scheme, host and port of `base`. */
bool url_same_origin(const char *base, const char *url);

/* The URL of <...>; rel="next" in a Link header's value. Returns false when there is none
 * that fits. */
bool link_next(const char *link, char *out, size_t room);

#endif
