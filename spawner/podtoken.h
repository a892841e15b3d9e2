/* podtoken.h - the credential of a spawner in a Pod: from the environment, and from a file that a
 * sidecar replaces. */
#ifndef KELOS_SPAWNER_PODTOKEN_H
#define KELOS_SPAWNER_PODTOKEN_H

#include "common/secret.h"
#include "common/worker/worker.h"

struct podtoken {
    const char *file;         /* --github-token-file, "" : none */
    char folder[4096];        /* of the file */
    struct secret *github;    /* GITHUB_TOKEN; NULL: none */
    struct secret *from_file; /* what the file held last; NULL: nothing */
    struct secret *jira_user, *jira_token;
    int inotify; /* -1: none */
    void (*changed)(void *arg);
    void *arg;
};

/* Takes the value out of the environment and wipes it there. NULL when it is not set or empty;
 * the caller owns the result. */
struct secret *podtoken_env(const char *name);

/* Takes GITHUB_TOKEN, JIRA_USER and JIRA_TOKEN. */
void podtoken_take(struct podtoken *t);
/* Grants and watches the folder of `file`; before the sandbox closes. */
int podtoken_prepare(struct podtoken *t, struct sandbox *sandbox, struct err *e);
/* Reads the file, now and whenever it was replaced: then `changed` is called. */
int podtoken_start(struct podtoken *t, struct worker *w, struct err *e);
void podtoken_close(struct podtoken *t);

/* Whether a file should bring the token of a source of this type and there is none yet, nor one
 * of the environment: asking without it would be asking as nobody. */
bool podtoken_lacks(const struct podtoken *t, const char *type);

/* For a source of this type; "" : none. Borrowed until `changed`. */
const char *podtoken_user(const struct podtoken *t, const char *type);
const char *podtoken_token(const struct podtoken *t, const char *type);

#endif
