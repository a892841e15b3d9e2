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

/* How many pages a listing has by the Link header of its first one: where the URLs of the next
 * and of the last page differ in the number of `page=` alone, so that those between can be asked
 * for at once. 0: it does not say so. */
unsigned link_pages(const char *link);
/* The URL of page n (2 and more), made of that of page 2. False when it does not fit. */
bool link_page_url(const char *second, unsigned n, char *out, size_t room);

#endif
