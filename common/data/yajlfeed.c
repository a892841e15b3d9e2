/* yajlfeed.c - see yajlfeed.h. */
#include "common/data/yajlfeed.h"

#include <string.h>

yajl_handle
yajl_feed_new(const yajl_callbacks *callbacks, void *arg)
{
    yajl_handle h = yajl_alloc(callbacks, NULL, arg);

    if (h != NULL)
        yajl_config(h, yajl_dont_validate_strings, 1);
    return h;
}

static int
fail(yajl_handle h, yajl_status status, const char *bytes, size_t size, struct err *e)
{
    if (status == yajl_status_ok || e->code != ERR_NONE)
        return status == yajl_status_ok ? 0 : -1;
    unsigned char *text = yajl_get_error(h, 0, (const unsigned char *)bytes, size);
    if (text == NULL)
        return err_set(e, ERR_PROTO, "not JSON");
    int n = (int)strcspn((char *)text, "\n");
    err_set(e, ERR_PROTO, "not JSON: %.*s", n, (char *)text);
    yajl_free_error(h, text);
    return -1;
}

int
yajl_feed(yajl_handle h, const char *bytes, size_t size, struct err *e)
{
    return fail(h, yajl_parse(h, (const unsigned char *)bytes, size), bytes, size, e);
}

int
yajl_feed_end(yajl_handle h, struct err *e)
{
    return fail(h, yajl_complete_parse(h), "", 0, e);
}
