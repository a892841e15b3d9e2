/* path.h - steps of a path such as `spec.containers[0].name` or
 * `metadata.labels[a.b/c]`. */
#ifndef KELOS_COMMON_PATH_H
#define KELOS_COMMON_PATH_H

#include <stdbool.h>
#include <stddef.h>

struct path_step {
    const char *text; /* borrowed from the path, not NUL-terminated */
    size_t size;
    bool index; /* written in brackets and all digits */
    size_t number;
};

/* Takes the next step off *path. Returns false at its end. */
bool path_next(const char **path, struct path_step *step);

#endif
