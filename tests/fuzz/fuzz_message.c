/* fuzz_message.c - bytes as a peer might send them: envelope and body behind a length. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *sink;
    struct message m;
    struct message_fault fault;
    void *envelope, *body;
    size_t envelope_size, body_size, cut;

    if (size < 1)
        return 0;
    if (sink == NULL)
        sink = fopen("/dev/null", "w");
    cut = data[0] < size - 1 ? data[0] : size - 1;
    if (message_decode(&m, data + 1, cut, data + 1 + cut, size - 1 - cut, &fault) < 0)
        return 0;
    message_dump(&m, sink);
    /* What was accepted must be sayable again. */
    if (message_encode(&m, &envelope, &envelope_size, &body, &body_size, &fault) < 0)
        abort();
    free(envelope);
    free(body);
    message_free(&m);
    return 0;
}
