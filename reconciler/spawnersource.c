/* spawnersource.c - see spawnersource.h. */
#include "reconciler/spawnersource.h"

#include "reconciler/credentials.h"
#include "reconciler/repo.h"
#include "reconciler/sources.h"

static const struct workspace_view *
workspace(struct source_ask *r, const struct spawner_view *v)
{
    return v->workspace == NULL
               ? NULL
               : (const struct workspace_view *)store_get(
                     r->shard->store, KIND_WORKSPACE, r->profile, r->ns, v->workspace);
}

/* Which repository is polled: the override's, on the Workspace's host when it names none. */
static void
polled_repo(const struct spawner_view *v, const struct workspace_view *w,
            struct repo *out)
{
    struct repo own;

    repo_parse(w->repo, &own);
    *out = own;
    if (v->repo == NULL)
        return;
    repo_parse(v->repo, out);
    if (out->host[0] == '\0') {
        memcpy(out->host, own.host, sizeof out->host);
        memcpy(out->scheme, own.scheme, sizeof out->scheme);
    }
}

/* Reads the credential of the source. False: not usable now (told by an error in memory). */
static bool
read_credential(struct source_ask *r, enum cred_kind kind, const char *secret,
                const char *base, struct credential *c)
{
    *c = credential_get(r->shard->credentials, kind, r->ns, secret, base, r->key);
    if (c->state == CRED_READY) {
        shard_add_at(r->shard, r->key, c->again_ms);
        return true;
    }
    if (c->state != CRED_PENDING) {
        spawner_memory_error(r->memory, "CredentialError", c->message);
        shard_add_at(r->shard, r->key, c->again_ms);
        r->memory->resolved = true;
    }
    return false;
}

static void
wish_github(struct source_ask *r, const struct spawner_view *v)
{
    const struct workspace_view *w = workspace(r, v);
    struct credential c = {.identity = ""};
    struct repo repo;
    char base[300];

    if (w == NULL) {
        r->workspace_missing = true;
        return;
    }
    polled_repo(v, w, &repo);
    repo_api_base(&repo, base, sizeof base);
    if (repo.owner[0] == '\0') {
        snprintf(r->config_error, sizeof r->config_error,
                 "repository \"%.200s\" names no owner and name",
                 v->repo != NULL ? v->repo : w->repo);
        return;
    }
    if (w->secret != NULL && !read_credential(r, CRED_GITHUB, w->secret, base, &c))
        return;
    sources_set(r->shard->sources, r->key, v,
                &(struct source_wish){.kind = SOURCE_GITHUB,
                                      .api_base = base,
                                      .identity = c.identity,
                                      .token = c.token,
                                      .owner = repo.owner,
                                      .repo = repo.name});
    r->memory->resolved = true;
}

static void
wish_jira(struct source_ask *r, const struct spawner_view *v)
{
    struct credential c = {.identity = ""};
    char base[600];

    snprintf(base, sizeof base, "%s", v->jira_base != NULL ? v->jira_base : "");
    if (*base != '\0' && base[strlen(base) - 1] == '/')
        base[strlen(base) - 1] = '\0';
    if (v->jira_secret != NULL &&
        !read_credential(r, CRED_JIRA, v->jira_secret, base, &c))
        return;
    sources_set(r->shard->sources, r->key, v,
                &(struct source_wish){.kind = SOURCE_JIRA,
                                      .api_base = base,
                                      .identity = c.identity,
                                      .user = c.user,
                                      .token = c.token,
                                      .owner = "",
                                      .repo = ""});
    r->memory->resolved = true;
}

void
spawner_source(struct source_ask *r, const struct spawner_view *v)
{
    if (plan_config_error(v, r->config_error, sizeof r->config_error) || v->suspend) {
        sources_drop(r->shard->sources, r->key);
        r->memory->resolved = true;
        return;
    }
    if (v->workspace != NULL && workspace(r, v) == NULL) {
        r->workspace_missing = true;
        sources_drop(r->shard->sources, r->key);
        r->memory->resolved = true;
        return;
    }
    if (v->source == SOURCE_GITHUB)
        wish_github(r, v);
    else if (v->source == SOURCE_JIRA)
        wish_jira(r, v);
    else if (v->source == SOURCE_CRON && strcmp(v->phase, "Suspended") != 0) {
        sources_set(r->shard->sources, r->key, v,
                    &(struct source_wish){.kind = SOURCE_CRON,
                                          .api_base = "",
                                          .identity = "",
                                          .owner = "",
                                          .repo = ""});
        r->memory->resolved = true;
    }
}
