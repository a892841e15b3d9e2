#include "spawner/ghheaders.h"

#include "common/buf.h"

void
ghheaders_fill(struct ghheaders *h, const struct source *src, const char *etag)
{
    size_t n = 0;

    h->lines[n++] = "Accept: application/vnd.github.v3+json";
    if (src->token != NULL) {
        buf_printf(&h->authorization, "Authorization: token %s",
                   secret_reveal(src->token));
        h->lines[n++] = buf_str(&h->authorization);
    }
    if (*etag != '\0') {
        buf_printf(&h->condition, "If-None-Match: %s", etag);
        h->lines[n++] = buf_str(&h->condition);
    }
    h->lines[n] = NULL;
}

void
ghheaders_scoped_free(struct ghheaders *h)
{
    buf_wipe(&h->authorization);
    buf_free(&h->condition);
}
