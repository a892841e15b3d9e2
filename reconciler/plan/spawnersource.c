/* spawnersource.c - see spawnersource.h. */
#include "reconciler/plan/spawnersource.h"

#include "reconciler/auth/credentials.h"
#include "reconciler/plan/sourcekeys.h"
#include "reconciler/plan/sources.h"
#include "reconciler/plan/spawnercycle.h"
#include "reconciler/job/wish.h"

/* Reads the credential of the source. False: not usable now (told by an error in memory). */
static bool
read_credential(struct source_ask *r, const struct spawner_view *v, enum cred_kind kind,
                const char *secret, const char *base, struct credential *c)
{
    *c = credential_get(r->shard->credentials, kind, r->ns, secret, base, r->key);
    if (c->state == CRED_READY) {
        shard_add_at(r->shard, r->key, c->again_ms);
        return true;
    }
    if (c->state != CRED_PENDING) {
        spawner_memory_error(r->memory, "CredentialError", c->message);
        cycle_unbuilt(&(struct cycle_of){r->shard, r->memory, r->ns, v->view.meta.name},
                      v, c->message);
        shard_add_at(r->shard, r->key, c->again_ms);
        r->memory->resolved = true;
    }
    return false;
}

static void
wish_remote(struct source_ask *r, const struct spawner_view *v,
            const struct workspace_view *w)
{
    bool jira = v->source == SOURCE_JIRA;
    const char *secret = jira ? v->jira_secret : w->secret;
    struct credential c = {.identity = ""};
    struct err e = ERR_INIT;
    struct wish wish;

    if (wish_make(v, w, &wish, &e) < 0) {
        snprintf(r->config_error, sizeof r->config_error, "%s", e.text);
        r->memory->resolved = true;
        return;
    }
    if (!jira && *wish.api_base == '\0')
        snprintf(wish.api_base, sizeof wish.api_base, "%s", r->shard->github_api);
    if (secret != NULL &&
        !read_credential(r, v, jira ? CRED_JIRA : CRED_GITHUB, secret, wish.api_base, &c))
        return;
    sources_set(r->shard->sources, r->key, v,
                &(struct source_wish){.kind = v->source,
                                      .api_base = wish.api_base,
                                      .identity = c.identity,
                                      .user = jira ? c.user : NULL,
                                      .token = c.token,
                                      .owner = wish.repo.owner,
                                      .repo = wish.repo.name});
    r->memory->resolved = true;
}

/* The Pod has the credential. Without a key there is no Pod yet. */
static void
wish_pod(struct source_ask *r, const struct spawner_view *v,
         const struct workspace_view *w)
{
    const char *public_key = source_keys_of(r->shard, v->view.meta.uid);
    struct err e = ERR_INIT;
    struct wish wish = {.api_base = ""};
    bool remote = source_is_github(v->source) || v->source == SOURCE_JIRA;

    r->memory->resolved = true;
    if (remote && wish_make(v, w, &wish, &e) < 0) {
        snprintf(r->config_error, sizeof r->config_error, "%s", e.text);
        return;
    }
    if (source_is_github(v->source) && *wish.api_base == '\0')
        snprintf(wish.api_base, sizeof wish.api_base, "%s", r->shard->github_api);
    if (public_key == NULL)
        sources_drop(r->shard->sources, r->key);
    else if (remote || strcmp(v->phase, "Suspended") != 0)
        sources_set(r->shard->sources, r->key, v,
                    &(struct source_wish){.kind = v->source,
                                          .api_base = wish.api_base,
                                          .identity = "",
                                          .owner = remote ? wish.repo.owner : "",
                                          .repo = remote ? wish.repo.name : "",
                                          .public_key = public_key});
}

void
spawner_source(struct source_ask *r, const struct spawner_view *v)
{
    if (plan_config_error(v, r->config_error, sizeof r->config_error) || v->suspend) {
        sources_drop(r->shard->sources, r->key);
        r->memory->resolved = true;
        return;
    }
    const struct workspace_view *w =
        store_workspace(r->shard->store, &v->view.meta, v->workspace);
    if (w != NULL && w->view.wrong != NULL) {
        snprintf(r->config_error, sizeof r->config_error,
                 "Workspace \"%s\" cannot be used: %s", v->workspace, w->view.wrong);
        sources_drop(r->shard->sources, r->key);
        r->memory->resolved = true;
        return;
    }
    if (v->workspace != NULL && w == NULL) {
        r->workspace_missing = true;
        sources_drop(r->shard->sources, r->key);
        r->memory->resolved = true;
        return;
    }
    if (r->pod)
        wish_pod(r, v, w);
    else if (source_is_github(v->source) || v->source == SOURCE_JIRA)
        wish_remote(r, v, w);
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
