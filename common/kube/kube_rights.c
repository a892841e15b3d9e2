/* kube_rights.c - see kube.h: which actor may use which verb on which resource.
 *
 * All workers of one Pod hold the same token, so this table is what keeps them apart: it is
 * discipline inside our own code, not the server's RBAC (docs/security.md). */
#include "common/kube/kube.h"

#include <string.h>

enum {
    R_GET = 1 << KUBE_GET,
    R_LIST = 1 << KUBE_LIST,
    R_WATCH = 1 << KUBE_WATCH,
    R_CREATE = 1 << KUBE_CREATE,
    R_UPDATE = 1 << KUBE_UPDATE,
    R_PATCH = 1 << KUBE_PATCH_MERGE | 1 << KUBE_PATCH_JSON | 1 << KUBE_APPLY,
    R_DELETE = 1 << KUBE_DELETE,
    R_READ = R_GET | R_LIST | R_WATCH,
    R_OWN = R_GET | R_CREATE | R_PATCH | R_DELETE,
    R_ALL = R_READ | R_CREATE | R_UPDATE | R_PATCH | R_DELETE,
};

#define MAIN ""      /* the object itself */
#define ANY "*"      /* with every subresource */
#define OURS "kelos" /* all kinds of our API groups */

struct right {
    enum kube_actor actor;
    unsigned verbs;
    const char *group, *plural, *subresource;
};

/* clang-format off */
static const struct right rights[] = {
    {KUBE_AS_WATCHER,      R_READ,                       OURS,  ANY,           MAIN},
    {KUBE_AS_WATCHER,      R_READ,                       "batch", "jobs",      MAIN},
    {KUBE_AS_WATCHER,      R_READ,                       "",    "pods",        MAIN},
    {KUBE_AS_WATCHER,      R_READ,                       "apps", "deployments", MAIN},
    {KUBE_AS_WATCHER,      R_READ,                       "batch", "cronjobs",  MAIN},
    {KUBE_AS_WATCHER,      R_GET | R_CREATE | R_UPDATE,  "coordination.k8s.io", "leases", MAIN},

    {KUBE_AS_SECRETS_WATCHER, R_LIST | R_WATCH,          "",    "secrets",     MAIN},

    {KUBE_AS_RECONCILER,   R_GET,                        OURS,  ANY,           MAIN},
    {KUBE_AS_RECONCILER,   R_OWN | R_LIST,               OURS,  "tasks",       MAIN},
    {KUBE_AS_RECONCILER,   R_GET | R_PATCH,              OURS,  "taskspawners", MAIN},
    {KUBE_AS_RECONCILER,   R_OWN,                        "batch", "jobs",      MAIN},
    {KUBE_AS_RECONCILER,   R_OWN,                        "batch", "cronjobs",  MAIN},
    {KUBE_AS_RECONCILER,   R_OWN,                        "apps", "deployments", MAIN},
    {KUBE_AS_RECONCILER,   R_GET | R_LIST | R_DELETE,    "",    "pods",        MAIN},
    {KUBE_AS_RECONCILER,   R_OWN,                        "",    "secrets",     MAIN},
    {KUBE_AS_RECONCILER,   R_OWN,                        "",    "configmaps",  MAIN},
    {KUBE_AS_RECONCILER,   R_OWN,                        "",    "serviceaccounts", MAIN},
    {KUBE_AS_RECONCILER,   R_OWN,                        "rbac.authorization.k8s.io", "rolebindings", MAIN},

    {KUBE_AS_STATUSWRITER, R_GET | R_PATCH,              OURS,  ANY,           "status"},
    {KUBE_AS_STATUSWRITER, R_GET,                        OURS,  ANY,           MAIN},
    {KUBE_AS_STATUSWRITER, R_CREATE | R_PATCH,           "",    "events",      MAIN},
    {KUBE_AS_STATUSWRITER, R_GET,                        "",    "pods",        MAIN},
    {KUBE_AS_STATUSWRITER, R_GET,                        "",    "pods",        "log"},

    {KUBE_AS_RUNNER,       R_ALL,                        "",    "pods",        ANY},
    {KUBE_AS_RUNNER,       R_READ | R_CREATE | R_PATCH,  "",    "nodes",       ANY},
    {KUBE_AS_RUNNER,       R_GET | R_CREATE | R_PATCH,   "coordination.k8s.io", "leases", MAIN},
    {KUBE_AS_RUNNER,       R_READ | R_PATCH | R_UPDATE | R_DELETE, "batch", "jobs", ANY},
    {KUBE_AS_RUNNER,       R_GET | R_WATCH,              "",    "secrets",     MAIN},
    {KUBE_AS_RUNNER,       R_GET | R_WATCH,              "",    "configmaps",  MAIN},
    {KUBE_AS_RUNNER,       R_GET | R_CREATE,             "",    "serviceaccounts", ANY},
    {KUBE_AS_RUNNER,       R_CREATE | R_PATCH,           "",    "events",      MAIN},
};
/* clang-format on */

static bool
group_fits(const char *row, const char *group)
{
    if (strcmp(row, OURS) == 0)
        return strcmp(group, "kelos.dev") == 0 || strcmp(group, "axon.io") == 0;
    return strcmp(row, group) == 0;
}

static bool
text_fits(const char *row, const char *text)
{
    return strcmp(row, ANY) == 0 || strcmp(row, text) == 0;
}

int
kube_allowed(enum kube_actor actor, enum kube_verb verb, const struct kube_resource *res,
             const char *subresource, struct err *e)
{
    static const char *const actors[] = {
        "the user",         "the watcher", "the watcher", "a reconciler",
        "the statuswriter", "the runner",  "a spawner"};
    static const char *const verbs[] = {"get",   "list",  "watch", "create", "update",
                                        "patch", "patch", "apply", "delete"};
    const char *sub = subresource != NULL ? subresource : MAIN;
    enum kube_actor beneath = actor == KUBE_AS_SECRETS_WATCHER ? KUBE_AS_WATCHER : actor;

    if (actor == KUBE_AS_USER)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
        const struct right *r = &rights[i];
        if ((r->actor == actor || r->actor == beneath) && (r->verbs & 1u << verb) != 0 &&
            group_fits(r->group, res->group) && text_fits(r->plural, res->plural) &&
            text_fits(r->subresource, sub))
            return 0;
    }
    return err_set(e, ERR_FORBIDDEN, "%s may not %s %s%s%s (own rights table)",
                   actors[actor], verbs[verb], res->plural, *sub != '\0' ? "/" : "", sub);
}
