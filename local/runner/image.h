/* image.h - what an image name stands for on this machine: a directory with an entrypoint.
 *
 * The last component of the name, without tag and digest, names a directory below the
 * agents directory: `ghcr.io/x/claude-code:latest` is agents/claude-code. In it:
 *
 *     kelos_entrypoint.sh   appears as /kelos_entrypoint.sh (and /axon_entrypoint.sh)
 *     kelos_agent.sh        appears as /kelos/kelos_agent.sh: what entrypoints have in common
 *     bin/                  appears as /kelos/bin, first in PATH
 *     image.json            optional: {"entrypoint": ["git"], "user": 61100,
 *                           "name": "agent", "home": "/home/agent", "workdir": "/workspace"}
 *
 * Programs are the host's: /usr, /bin, /lib and a few files of /etc, all read-only, and
 * the directories given as agent paths. */
#ifndef KELOS_LOCAL_RUNNER_IMAGE_H
#define KELOS_LOCAL_RUNNER_IMAGE_H

#include <jansson.h>
#include <stdint.h>

#include "common/err.h"
#include "common/flags.h"
#include "local/runner/launch.h"

#define IMAGE_USER 61100 /* the user id of agent images */

struct image_host {
    const char *agents_dir; /* holds one directory per image */
    const char *capture;    /* the kelos-capture program */
    struct flag_list
        agent_paths; /* more directories, visible read-only at their own path */
};

struct image {
    char dir[4096];
    char name[64], home[256], workdir[256];
    int64_t user;
    json_t *entrypoint; /* array of strings or NULL; owned */
};

/* Finds the image. Returns 0 with *out filled (release with image_clear), or -1:
 * ERR_NOT_FOUND (no such directory; names it), ERR_INVALID (name or image.json). */
int image_find(const struct image_host *host, const char *image_name, struct image *out,
               struct err *e);
void image_clear(struct image *img);

/* Adds the file system of the image as user `id` sees it: host programs, devices, home,
 * /tmp, entrypoint, capture tool. 0, or -1 when memory ran out. */
int image_mounts(const struct image_host *host, const struct image *img, int64_t id,
                 struct launch *l);

/* The image's own environment (PATH, HOME, LANG), as {"NAME": "value"}; the caller owns. */
json_t *image_env(const struct image_host *host, const struct image *img);

#endif
