/* replay.c - runs a fuzz target over saved inputs, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size;

    if (f == NULL)
        return -1;
    if (fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0) {
        fclose(f);
        return -1;
    }
    rewind(f);
    bytes = malloc((size_t)size + 1);
    size_t n = bytes != NULL ? fread(bytes, 1, (size_t)size, f) : 0;
    fclose(f);
    LLVMFuzzerTestOneInput(bytes, n);
    free(bytes);
    return 0;
}

int
main(int argc, char **argv)
{
    int ran = 0, bad = 0;

    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        struct dirent *entry;
        char path[4096];

        if (d == NULL) {
            fprintf(stderr, "replay: cannot open %s\n", argv[i]);
            bad++;
            continue;
        }
        while ((entry = readdir(d)) != NULL) {
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (replay(path) < 0)
                bad++;
            else
                ran++;
        }
        closedir(d);
    }
    printf("%d passed, %d failed\n", ran, bad);
    return bad != 0;
}
