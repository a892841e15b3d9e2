/* base64.c - see base64.h. */
#include "local/apiserver/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_add(struct buf *out, const char *bytes, size_t size)
{
    const unsigned char *p = (const unsigned char *)bytes;

    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i;
        unsigned v = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                     (n > 2 ? p[i + 2] : 0);

        buf_add_char(out, alphabet[v >> 18]);
        buf_add_char(out, alphabet[v >> 12 & 63]);
        buf_add_char(out, n > 1 ? alphabet[v >> 6 & 63] : '=');
        buf_add_char(out, n > 2 ? alphabet[v & 63] : '=');
    }
}

int
base64_decode(const char *text, struct buf *out)
{
    unsigned v = 0;
    size_t n = 0, pad = 0;

    for (; *text != '\0'; text++) {
        const char *at = strchr(alphabet, *text);

        if (*text == '\n' || *text == '\r')
            continue;
        if (*text == '=') {
            pad++;
            at = alphabet;
        } else if (at == NULL || pad > 0) {
            return -1;
        }
        v = v << 6 | (unsigned)(at - alphabet);
        if (++n % 4 != 0)
            continue;
        if (pad > 2)
            return -1;
        char bytes[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
        buf_add(out, bytes, 3 - pad);
        v = 0;
    }
    return n % 4 == 0 && !out->failed ? 0 : -1;
}
