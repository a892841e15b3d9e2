/* pem.c - see pem.h. */
#include "common/http/pem.h"

#include <stdint.h>
#include <string.h>

#include "common/base64.h"
#include "common/scoped.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"
#define SEQUENCE 0x30

/* Whether the bytes are one DER sequence, whole and with nothing behind it. */
static bool
is_sequence(const uint8_t *p, size_t size)
{
    size_t length = 0, head = 2;

    if (size < head || p[0] != SEQUENCE)
        return false;
    if (p[1] < 0x80)
        return size == head + p[1];
    head += p[1] & 0x7f;
    if (head > 2 + sizeof(uint32_t) || size < head)
        return false;
    for (size_t i = 2; i < head; i++)
        length = length << 8 | p[i];
    return size == head + length;
}

static bool
is_certificate(const char *text, size_t size)
{
    SCOPED(buf) struct buf der = {.limit = size};
    struct err ignored = ERR_INIT;

    return base64_decode(&der, text, size, &ignored) == 0 &&
           is_sequence((const uint8_t *)der.data, der.size);
}

int
pem_certificates(const char *text, size_t size)
{
    const char *at = text, *end = text + size;
    int count = 0;

    while ((at = memmem(at, (size_t)(end - at), BEGIN, strlen(BEGIN))) != NULL) {
        const char *from = at + strlen(BEGIN);
        const char *to = memmem(from, (size_t)(end - from), END, strlen(END));

        if (to == NULL || !is_certificate(from, (size_t)(to - from)))
            return -1;
        count++;
        at = to + strlen(END);
    }
    return count;
}
