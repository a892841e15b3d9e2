/* route.c - see route.h. */
#include "local/apiserver/route.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS 10

int
url_unescape(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++) {
        if (*text == '%') {
            char hex[3] = {text[1], text[1] != '\0' ? text[2] : '\0', '\0'};

            if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]) ||
                strcmp(hex, "00") == 0)
                return -1;
            *out++ = (char)strtol(hex, NULL, 16);
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
    return 0;
}

/* Cuts at slashes, then decodes each segment. Returns the number, -1 for a bad escape. */
static int
segments(char *path, char **out)
{
    int n = 0;

    for (char *p = strtok(path, "/"); p != NULL; p = strtok(NULL, "/")) {
        if (n == SEGMENTS || url_unescape(p) < 0)
            return -1;
        out[n++] = p;
    }
    return n;
}

static int
no_route(struct fault *f)
{
    return fault_set(f, 404, "NotFound",
                     "the server could not find the requested resource");
}

/* seg points behind the version: [namespaces NS] PLURAL [NAME [SUB]]. */
static int
take_resource(struct registry *r, char **seg, int n, struct target *t, struct fault *f)
{
    bool in_namespace = n >= 3 && strcmp(seg[0], "namespaces") == 0 &&
                        !(strcmp(t->group, "") == 0 && (strcmp(seg[2], "status") == 0 ||
                                                        strcmp(seg[2], "finalize") == 0));

    t->ns = "";
    if (in_namespace) {
        t->ns = seg[1];
        seg += 2;
        n -= 2;
    }
    if (n < 1 || n > 3)
        return no_route(f);
    t->plural = seg[0];
    t->name = n > 1 ? seg[1] : NULL;
    t->sub = n > 2 ? seg[2] : NULL;
    t->resource = registry_find(r, t->group, t->version, t->plural);
    if (t->resource == NULL || (in_namespace && !t->resource->namespaced))
        return no_route(f);
    t->all = t->resource->namespaced && !in_namespace;
    if (t->all && t->name != NULL)
        return no_route(f);
    return 0;
}

int
route_resource(struct registry *r, const char *path, struct target *t, struct fault *f)
{
    char *seg[SEGMENTS];
    int n;

    memset(t, 0, sizeof *t);
    if (strlen(path) >= sizeof t->path_copy)
        return fault_set(f, 414, "BadRequest", "the path is too long");
    strcpy(t->path_copy, path);
    if ((n = segments(t->path_copy, seg)) < 0)
        return fault_bad_request(f, "the path cannot be read");
    if (n >= 3 && strcmp(seg[0], "api") == 0) {
        t->group = "";
        t->version = seg[1];
        return take_resource(r, seg + 2, n - 2, t, f);
    }
    if (n >= 4 && strcmp(seg[0], "apis") == 0) {
        t->group = seg[1];
        t->version = seg[2];
        return take_resource(r, seg + 3, n - 3, t, f);
    }
    return no_route(f);
}
