/* repo.c - see repo.h. */
#include "reconciler/job/repo.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/macros.h"

static const char *const schemes[] = {"https", "http", "git", "ssh"};

static void
copy(char *out, size_t room, const char *from, size_t size)
{
    if (size >= room)
        size = room - 1;
    memcpy(out, from, size);
    out[size] = '\0';
}

/* Length without one trailing slash and one trailing ".git". */
static size_t
trimmed(const char *text)
{
    size_t size = strlen(text);

    if (size > 0 && text[size - 1] == '/')
        size--;
    if (size > 4 && strncmp(text + size - 4, ".git", 4) == 0)
        size -= 4;
    return size;
}

static void
set_host(struct repo *r, const char *authority, size_t size)
{
    const char *at = memrchr(authority, '@', size);

    if (at != NULL) {
        size -= (size_t)(at + 1 - authority);
        authority = at + 1;
    }
    copy(r->host, sizeof r->host, authority, size);
    for (char *c = r->host; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    /* A port of ssh or git is not the one of the API. */
    if (strcmp(r->scheme, "ssh") == 0 || strcmp(r->scheme, "git") == 0) {
        const char *bracket = strrchr(r->host, ']');
        char *colon = strrchr(bracket != NULL ? bracket : r->host, ':');
        if (colon != NULL)
            *colon = '\0';
    }
    if (strcmp(r->host, "www.github.com") == 0 ||
        strcmp(r->host, "ssh.github.com") == 0 || strcmp(r->host, "github.com:443") == 0)
        copy(r->host, sizeof r->host, "github.com", strlen("github.com"));
}

/* Of "a/b/owner/name" the last two; false when there are fewer. */
static bool
set_path(struct repo *r, const char *path, size_t size)
{
    const char *slash = memrchr(path, '/', size);

    if (slash == NULL || slash == path || slash + 1 == path + size)
        return false;
    const char *before = memrchr(path, '/', (size_t)(slash - path));
    const char *owner = before != NULL ? before + 1 : path;
    copy(r->owner, sizeof r->owner, owner, (size_t)(slash - owner));
    copy(r->name, sizeof r->name, slash + 1, (size_t)(path + size - slash - 1));
    return *r->owner != '\0';
}

/* The text behind "scheme://", NULL when it is no URL of a known scheme. */
static const char *
after_scheme(struct repo *r, const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i]);
        if (strncasecmp(text, schemes[i], n) == 0 && strncmp(text + n, "://", 3) == 0) {
            copy(r->scheme, sizeof r->scheme, schemes[i], n);
            return text + n + 3;
        }
    }
    return NULL;
}

static bool
parse_into(struct repo *r, const char *text)
{
    const char *end = text + trimmed(text);
    const char *rest = after_scheme(r, text);
    const char *colon = strchr(text, ':'), *at = strchr(text, '@');

    if (rest != NULL) {
        const char *slash = rest < end ? memchr(rest, '/', (size_t)(end - rest)) : NULL;
        if (slash == NULL)
            return false;
        set_host(r, rest, (size_t)(slash - rest));
        return set_path(r, slash + 1, (size_t)(end - slash - 1));
    }
    /* USER@HOST:PATH */
    if (at != NULL && colon != NULL && at < colon && colon < end &&
        memchr(text, '/', (size_t)(colon - text)) == NULL) {
        set_host(r, text, (size_t)(colon - text));
        return set_path(r, colon + 1, (size_t)(end - colon - 1));
    }
    return set_path(r, text, (size_t)(end - text));
}

void
repo_parse(const char *text, struct repo *out)
{
    *out = (struct repo){"", "", "", ""};
    if (!parse_into(out, text)) {
        out->owner[0] = '\0';
        snprintf(out->name, sizeof out->name, "unknown-repo-%.200s", text);
    }
}

bool
repo_enterprise(const struct repo *r)
{
    return r->host[0] != '\0' && strcmp(r->host, "github.com") != 0;
}

static bool
loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
           (strncmp(host, "localhost", 9) == 0 && (host[9] == '\0' || host[9] == ':'));
}

void
repo_api_base(const struct repo *r, char *out, size_t room)
{
    bool plain = strcmp(r->scheme, "http") == 0 && loopback(r->host);
    const char *dot = strstr(r->host, ".ghe.com");

    if (!repo_enterprise(r))
        copy(out, room, "", 0);
    else if (dot != NULL && dot[strlen(".ghe.com")] == '\0')
        snprintf(out, room, "https://api.%s", r->host);
    else
        snprintf(out, room, "%s://%s/api/v3", plain ? "http" : "https", r->host);
}

void
repo_api_of(const char *url, char *out, size_t room)
{
    struct repo repo;

    repo_parse(url, &repo);
    repo_api_base(&repo, out, room);
}
