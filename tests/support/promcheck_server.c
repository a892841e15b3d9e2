/* promcheck_server.c - reads text exposition on stdin, prints how many samples it holds, or
 * what is wrong with it and exits 1. */
#include <stdio.h>

#include "common/buf.h"
#include "common/scoped.h"
#include "tests/support/exposition.h"

int
main(void)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    char chunk[8192], why[256];
    size_t n;
    int samples;

    while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
        buf_add(&text, chunk, n);
    if ((samples = exposition_check(buf_str(&text), why, sizeof(why))) < 0) {
        printf("%s\n", why);
        return 1;
    }
    printf("%d\n", samples);
    return 0;
}
