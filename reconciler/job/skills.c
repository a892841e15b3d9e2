/* skills.c - see skills.h. */
#include "reconciler/job/skills.h"

#include <string.h>

#include "common/secret.h"
#include "reconciler/job/gitscript.h"
#include "reconciler/job/inputs.h"
#include "reconciler/job/repo.h"

#define PLUGIN_DIR "/kelos/plugin"
#define TOKEN_KEY "GITHUB_TOKEN"
#define VARIABLE "KELOS_SKILLS_GITHUB_TOKEN_"
#define ASKPASS "/tmp/kelos-skills-askpass"

int
skills_check(const struct agentconfig_view *a, const json_t *values, struct err *e)
{
    for (size_t i = 0; i < a->n_skills; i++) {
        const char *secret = a->skills[i].secret, *source = a->skills[i].source;
        if (secret == NULL)
            continue;
        if (!inputs_has(values, INPUT_SECRET, secret))
            return err_set(
                e, ERR_INVALID,
                "fetching secret \"%s\" for skills.sh source \"%s\": secrets \"%s\" not "
                "found",
                secret, source, secret);
        SCOPED(secret)
        struct secret *token = inputs_value(values, INPUT_SECRET, secret, TOKEN_KEY);
        if (token == NULL)
            return err_set(e, ERR_INVALID,
                           "secret \"%s\" has no key \"" TOKEN_KEY
                           "\" for skills.sh source \"%s\"",
                           secret, source);
        if (secret_size(token) == 0)
            return err_set(e, ERR_INVALID,
                           "secret \"%s\" has empty key \"" TOKEN_KEY
                           "\" for skills.sh source "
                           "\"%s\"",
                           secret, source);
    }
    return 0;
}

/* The place of the Secret among those in use, in order of first use; adds it to env. */
static size_t
token_index(json_t *env, const char *secret)
{
    char name[64];
    size_t n = json_array_size(env) - 1; /* HOME is the first */

    for (size_t i = 0; i < n; i++)
        if (strcmp(json_str_or(json_array_get(env, i + 1), "valueFrom.secretKeyRef.name",
                               ""),
                   secret) == 0)
            return i;
    snprintf(name, sizeof name, VARIABLE "%zu", n);
    env_add(env, env_secret(name, secret, TOKEN_KEY));
    return n;
}

/* Whoever answers git's questions for a password; the token is in the command's environment
 * only. */
static const char askpass[] =
    "cat > " ASKPASS " <<'KELOS_ASKPASS'\n"
    "#!/bin/sh\n"
    "case \"$1\" in\n"
    "*sername*) printf '%s\\n' \"$KELOS_SKILLS_GIT_USERNAME\" ;;\n"
    "*) printf '%s\\n' \"$KELOS_SKILLS_GIT_TOKEN\" ;;\n"
    "esac\n"
    "KELOS_ASKPASS\n"
    "chmod 700 " ASKPASS "\n";

/* The variables of one command with a token. */
static void
add_token(struct buf *script, const char *source, size_t n)
{
    struct repo repo;

    repo_parse(source, &repo);
    bool enterprise = strstr(source, "://") != NULL && repo_enterprise(&repo);
    buf_printf(script,
               "GITHUB_TOKEN=\"$" VARIABLE "%zu\" KELOS_SKILLS_GIT_TOKEN=\"$" VARIABLE
               "%zu\" KELOS_SKILLS_GIT_USERNAME=x-access-token GIT_ASKPASS=" ASKPASS
               " GIT_TERMINAL_PROMPT=0 ",
               n, n);
    if (enterprise) {
        buf_add_str(script, "GH_HOST=");
        gitscript_quote(script, repo.host);
        buf_add_char(script, ' ');
    }
    buf_printf(script, "%s=\"$" VARIABLE "%zu\" ",
               enterprise ? "GH_ENTERPRISE_TOKEN" : "GH_TOKEN", n);
}

static void
add_command(struct buf *script, json_t *env, const struct skill_source *s)
{
    if (s->secret != NULL)
        add_token(script, s->source, token_index(env, s->secret));
    buf_add_str(script, "npx -y skills add ");
    gitscript_quote(script, s->source);
    buf_add_str(script, " -a universal -y -g");
    if (s->skill != NULL) {
        buf_add_str(script, " -s ");
        gitscript_quote(script, s->skill);
    }
    buf_add_char(script, '\n');
}

static bool
any_private(const struct agentconfig_view *a)
{
    for (size_t i = 0; i < a->n_skills; i++)
        if (a->skills[i].secret != NULL)
            return true;
    return false;
}

/* Options and ssh addresses are no sources. */
static int
source_check(const char *source, struct err *e)
{
    if (*source == '\0')
        return err_set(e, ERR_INVALID,
                       "invalid skills configuration: skills.sh source is empty");
    if (*source == '-' || strncmp(source, "git@", 4) == 0 ||
        strncmp(source, "ssh://", 6) == 0)
        return err_set(
            e, ERR_INVALID,
            "invalid skills configuration: skills.sh source \"%s\" is neither owner/name "
            "nor an https URL",
            source);
    return 0;
}

int
skills_add(struct pod_parts *p, struct err *e)
{
    const struct agentconfig_view *a = p->wish->agent_config;
    SCOPED(buf) struct buf script = BUF_INIT;

    for (size_t i = 0; i < a->n_skills; i++)
        if (source_check(a->skills[i].source, e) < 0)
            return -1;
    json_t *env = json_pack("[o]", env_literal("HOME", PLUGIN_DIR));
    buf_add_str(&script, "set -eu\napk add --no-cache git\n");
    if (any_private(a))
        buf_add_str(&script, askpass);
    for (size_t i = 0; i < a->n_skills; i++)
        add_command(&script, env, &a->skills[i]);
    buf_add_str(&script,
                "if [ ! -d " PLUGIN_DIR "/.agents/skills ]; then\n"
                "    echo 'skills-install: no skill was installed' >&2\n"
                "    exit 1\n"
                "fi\n"
                "mkdir -p " PLUGIN_DIR "/skills-sh/skills\n"
                "mv " PLUGIN_DIR "/.agents/skills/* " PLUGIN_DIR "/skills-sh/skills/\n"
                "rm -rf " PLUGIN_DIR "/.agents " PLUGIN_DIR "/.npm\n"
                "chown -R 61100:61100 " PLUGIN_DIR "\n");
    json_array_append_new(
        p->init, json_pack("{s:s,s:s,s:[s,s,o],s:o,s:[o]}", "name", "skills-install",
                           "image", p->wish->images->node, "command", "sh", "-c",
                           literal(buf_str(&script)), "env", env, "volumeMounts",
                           volume_mount("kelos-plugin", PLUGIN_DIR, false)));
    return 0;
}
