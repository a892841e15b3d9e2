/* fuzz_resume.c - a followed log: the first byte says where the connection breaks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/resume.h"
#include "common/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
show(void *arg, const char *bytes, size_t size)
{
    buf_add(arg, bytes, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf) struct buf whole = BUF_INIT, broken = BUF_INIT;

    if (size == 0)
        return 0;
    const char *log = (const char *)data + 1;
    size_t cut = --size * data[0] / 256;
    /* Unbroken, with its stamps, it is what came, in whatever pieces. */
    struct resume *r = resume_new(true, show, &whole);
    resume_feed(r, log, cut);
    resume_feed(r, log + cut, size - cut);
    resume_end(r);
    resume_free(r);
    if (whole.size != size || memcmp(buf_str(&whole), log, size) != 0)
        abort();
    /* Broken, and read again from the beginning, it may have lines twice, and loses none. */
    r = resume_new(true, show, &broken);
    resume_feed(r, log, cut);
    resume_again(r);
    resume_feed(r, log, size);
    resume_end(r);
    resume_free(r);
    if (broken.size < size)
        abort();
    return 0;
}
