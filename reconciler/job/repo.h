/* repo.h - a repository's URL taken apart: host, owner, name, and where its API is. Pure. */
#ifndef KELOS_RECONCILER_REPO_H
#define KELOS_RECONCILER_REPO_H

#include <stdbool.h>
#include <stddef.h>

/* Longer texts are cut: nothing that long names a repository. */
struct repo {
    char scheme
        [8]; /* "https", "http", "git", "ssh"; "" for owner/name and scp-like forms */
    char host
        [256]; /* lower case, with its port, without user information; "" when unknown */
    char owner[256];
    char name[256];
};

/* Reads http(s)://, git://, ssh:// URLs, git@HOST:OWNER/NAME and OWNER/NAME. One trailing
 * ".git" and one trailing slash are cut; user information is dropped. What has no owner
 * gives owner "" and name "unknown-repo-<text>". */
void repo_parse(const char *text, struct repo *out);

/* A host that is known and is not github.com. */
bool repo_enterprise(const struct repo *r);

/* The API's base URL, "" for github.com and for no host: https://HOST/api/v3. A URL that
 * says http:// of a loopback host keeps its scheme: there is no certificate there. */
void repo_api_base(const struct repo *r, char *out, size_t room);
/* The same of a URL. */
void repo_api_of(const char *url, char *out, size_t room);

#endif
