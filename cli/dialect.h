/* dialect.h - what the program is called, and the words that go with it: called axon, the same
 * commands speak of the older group axon.io, its configuration file and its names. Chosen once,
 * at the start; neither dialect reads or writes what is the other's. */
#ifndef KELOS_CLI_DIALECT_H
#define KELOS_CLI_DIALECT_H

#include <stdbool.h>

#include "common/kube/kube.h"

struct dialect {
    const char *program;           /* "kelos" */
    const char *config;            /* below the home directory: ".kelos/config.yaml" */
    const char *config_variable;   /* names another file: "KELOS_CONFIG" */
    const char *credential_secret; /* made from oauthToken or apiKey */
    const char *workspace;         /* made from the configuration's workspace */
    const char *workspace_secret;
    bool older; /* axon */
};

/* By the last part of argv[0]; anything but axon is kelos. */
void dialect_choose(const char *argv0);
const struct dialect *dialect(void);

/* The resource of the dialect's group that stands for one of kelos.dev; others as they are. */
const struct kube_resource *dialect_res(enum kube_res id);

#endif
