/* fuzz_render.c - an agent's log through the renderer: the first byte chooses the agent. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const agents[] = {"claude-code", "codex", "gemini", "opencode"};
    char *text = NULL;
    size_t text_size;

    if (size == 0)
        return 0;
    FILE *out = open_memstream(&text, &text_size);
    struct render *r = render_new(agents[data[0] % 4], out, out, (data[0] & 4) != 0);
    size_t half = 1 + (size - 1) / 2; /* a line may come in pieces */
    render_feed(r, (const char *)data + 1, half - 1);
    render_feed(r, (const char *)data + half, size - half);
    render_end(r, (data[0] & 8) != 0);
    render_free(r);
    fclose(out);
    /* Only the renderer itself may colour. */
    if ((data[0] & 4) == 0 && memchr(text, '\033', text_size) != NULL)
        abort();
    free(text);
    return 0;
}
