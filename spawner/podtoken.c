/* podtoken.c - see podtoken.h. */
#include "spawner/podtoken.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/log.h"

#define TOKEN_MAX 16384 /* as a message carries one */

struct secret *
podtoken_env(const char *name)
{
    char *value = getenv(name);
    size_t size = value != NULL ? strlen(value) : 0;
    struct secret *s = size > 0 ? secret_new(value, size) : NULL;

    /* unsetenv only forgets where it is. */
    if (value != NULL)
        explicit_bzero(value, size);
    unsetenv(name);
    return s;
}

void
podtoken_take(struct podtoken *t)
{
    t->inotify = -1;
    t->github = podtoken_env("GITHUB_TOKEN");
    t->jira_user = podtoken_env("JIRA_USER");
    t->jira_token = podtoken_env("JIRA_TOKEN");
}

int
podtoken_prepare(struct podtoken *t, struct sandbox *sandbox, struct err *e)
{
    char *slash;

    if (*t->file == '\0')
        return 0;
    if (strlen(t->file) >= sizeof t->folder || t->file[0] != '/')
        return err_set(e, ERR_INVALID, "--github-token-file: must be an absolute path");
    snprintf(t->folder, sizeof t->folder, "%s", t->file);
    slash = strrchr(t->folder, '/');
    slash[slash == t->folder ? 1 : 0] = '\0';
    if ((t->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0)
        return err_errno(e, "inotify");
    if (inotify_add_watch(t->inotify, t->folder,
                          IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0)
        log_warn(NULL, "--github-token-file: %s: %s", t->folder, strerror(errno));
    return sandbox_allow(sandbox, t->folder, SANDBOX_READ, e);
}

static void
read_file(struct podtoken *t)
{
    SCOPED(fd) int fd = open(t->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char text[TOKEN_MAX + 1], *first = text;
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;

    if (n < 0 && errno == ENOENT) {
        log_warn(NULL, "token file %s is not there yet", t->file);
        return;
    }
    if (n < 0 || n > TOKEN_MAX) {
        log_error(NULL, "reading token file %s: %s", t->file,
                  n < 0 ? strerror(errno) : "too long");
        return;
    }
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    for (; n > 0 && isspace((unsigned char)*first); n--)
        first++;
    secret_free(t->from_file);
    t->from_file = n > 0 ? secret_new(first, (size_t)n) : NULL;
    explicit_bzero(text, sizeof text);
}

static void
on_change(void *arg, struct worker *w, int fd, int events)
{
    char unread[4096];
    struct podtoken *t = arg;

    (void)w;
    (void)events;
    while (read(fd, unread, sizeof unread) > 0)
        ;
    read_file(t);
    t->changed(t->arg);
}

int
podtoken_start(struct podtoken *t, struct worker *w, struct err *e)
{
    if (t->inotify < 0)
        return 0;
    read_file(t);
    return worker_watch(w, t->inotify, WATCH_IN, on_change, t) < 0
               ? err_set(e, ERR_SYSTEM, "out of memory")
               : 0;
}

void
podtoken_close(struct podtoken *t)
{
    secret_free(t->github);
    secret_free(t->from_file);
    secret_free(t->jira_user);
    secret_free(t->jira_token);
    if (t->inotify >= 0)
        close(t->inotify);
}

static const char *
text_of(const struct secret *s)
{
    return s != NULL ? secret_reveal(s) : "";
}

bool
podtoken_lacks(const struct podtoken *t, const char *type)
{
    return *t->file != '\0' && strncmp(type, "github", 6) == 0 &&
           *podtoken_token(t, type) == '\0';
}

const char *
podtoken_user(const struct podtoken *t, const char *type)
{
    return text_of(strcmp(type, "jira") == 0 ? t->jira_user : NULL);
}

const char *
podtoken_token(const struct podtoken *t, const char *type)
{
    if (strcmp(type, "jira") == 0)
        return text_of(t->jira_token);
    if (strcmp(type, "cron") == 0)
        return "";
    return text_of(t->from_file != NULL ? t->from_file : t->github);
}
