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
#define SOURCE_DIR PLUGIN_DIR "/.source"
#define RESULT_DIR PLUGIN_DIR "/skills-sh/skills"

/* take URL COMMIT SKILL: fetches the commit ("": the newest) and copies its skills, or the one
 * named SKILL, with git and a shell alone: no root, no package tool, no other network. A commit's
 * id is the checksum of all that it holds. */
static const char take[] =
    "take() {\n"
    "    rm -rf " SOURCE_DIR "\n"
    "    git init -q " SOURCE_DIR "\n"
    "    git -C " SOURCE_DIR " fetch -q --depth 1 -- \"$1\" \"${2:-HEAD}\"\n"
    "    git -C " SOURCE_DIR " checkout -q FETCH_HEAD\n"
    "    rm -rf " SOURCE_DIR "/.git\n"
    "    find " SOURCE_DIR " -name SKILL.md -type f > " PLUGIN_DIR "/.found\n"
    "    n=0\n"
    "    while IFS= read -r file; do\n"
    "        from=${file%/SKILL.md} base=${file%/SKILL.md} base=${base##*/}\n"
    "        name=$(sed -n '2,/^---/s/^name:[ \"'\\'']*\\([A-Za-z0-9._-]*\\).*/\\1/p' "
    "\"$file\" | head -n 1)\n"
    "        case $name in '' | .*) name=$base ;; esac\n"
    "        case $3 in '' | \"$name\" | \"$base\") ;; *) continue ;; esac\n"
    "        rm -rf \"" RESULT_DIR "/$name\"\n"
    "        mkdir -p \"" RESULT_DIR "/$name\"\n"
    "        cp -R \"$from/.\" \"" RESULT_DIR "/$name/\"\n"
    "        n=$((n + 1))\n"
    "    done < " PLUGIN_DIR "/.found\n"
    "    rm -rf " SOURCE_DIR " " PLUGIN_DIR "/.found\n"
    "    if [ $n -eq 0 ]; then\n"
    "        echo \"skills-install: $1 holds no skill${3:+ $3}\" >&2\n"
    "        exit 1\n"
    "    fi\n"
    "}\n";

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

/* Where "owner/name#COMMIT" names its commit; NULL: the source is not pinned. */
static const char *
pin_of(const char *source)
{
    const char *mark = strrchr(source, '#');

    return mark != NULL && commit_id(mark + 1) ? mark : NULL;
}

/* Whether git alone installs it, instead of the skills tool, which needs root and npm. */
static bool
by_git(const struct pod_parts *p, const struct skill_source *s)
{
    return job_policy_of(p->wish)->restricted || pin_of(s->source) != NULL;
}

static void
add_take(struct buf *script, const struct skill_source *s)
{
    const char *pin = pin_of(s->source);
    SCOPED(buf) struct buf url = BUF_INIT;

    buf_printf(
        &url, "%s%.*s", strstr(s->source, "://") != NULL ? "" : "https://github.com/",
        (int)(pin != NULL ? (size_t)(pin - s->source) : strlen(s->source)), s->source);
    buf_add_str(script, "take ");
    gitscript_quote(script, buf_str(&url));
    buf_add_char(script, ' ');
    gitscript_quote(script, pin != NULL ? pin + 1 : "");
    buf_add_char(script, ' ');
    gitscript_quote(script, s->skill != NULL ? s->skill : "");
}

static void
add_npx(struct buf *script, const struct skill_source *s)
{
    buf_add_str(script, "npx -y skills add ");
    gitscript_quote(script, s->source);
    buf_add_str(script, " -a universal -y -g");
    if (s->skill != NULL) {
        buf_add_str(script, " -s ");
        gitscript_quote(script, s->skill);
    }
}

/* A function's variables would stay: those of take are set in a shell of its own. */
static void
add_command(const struct pod_parts *p, struct buf *script, json_t *env,
            const struct skill_source *s)
{
    bool git = by_git(p, s), closed = git && s->secret != NULL;

    if (closed)
        buf_add_str(script, "( export ");
    if (s->secret != NULL)
        add_token(script, s->source, token_index(env, s->secret));
    if (closed)
        buf_add_str(script, "; ");
    if (git)
        add_take(script, s);
    else
        add_npx(script, s);
    buf_add_str(script, closed ? " )\n" : "\n");
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

/* The end of the skills tool's work: its result goes where the agents look. */
static const char move_result[] =
    "if [ ! -d " PLUGIN_DIR "/.agents/skills ]; then\n"
    "    echo 'skills-install: no skill was installed' >&2\n"
    "    exit 1\n"
    "fi\n"
    "mkdir -p " RESULT_DIR "\n"
    "mv " PLUGIN_DIR "/.agents/skills/* " RESULT_DIR "/\n"
    "rm -rf " PLUGIN_DIR "/.agents " PLUGIN_DIR "/.npm\n"
    "chown -R 61100:61100 " PLUGIN_DIR "\n";

/* With the skills tool in the node image, as root; or, when git is enough, like every other
 * container of ours. */
static json_t *
container_of(const struct pod_parts *p, bool npx, const char *script, json_t *env)
{
    const struct images *images = p->wish->images;
    json_t *c =
        json_pack("{s:s,s:[s,s,o],s:o,s:[o]}", "name", "skills-install", "command", "sh",
                  "-c", literal(script), "env", env, "volumeMounts",
                  volume_mount("kelos-plugin", PLUGIN_DIR, false));

    if (!npx) {
        git_container(p->wish, c);
        return c;
    }
    json_object_set_new(c, "image", json_string(images->node));
    if (images->node_pull != NULL)
        json_object_set_new(c, "imagePullPolicy", json_string(images->node_pull));
    return c;
}

int
skills_add(struct pod_parts *p, struct err *e)
{
    const struct agentconfig_view *a = p->wish->agent_config;
    SCOPED(buf) struct buf script = BUF_INIT;
    bool npx = false, git = false;

    for (size_t i = 0; i < a->n_skills; i++) {
        if (source_check(a->skills[i].source, e) < 0)
            return -1;
        git = git || by_git(p, &a->skills[i]);
        npx = npx || !by_git(p, &a->skills[i]);
    }
    json_t *env = json_pack("[o]", env_literal("HOME", PLUGIN_DIR));
    buf_add_str(&script, "set -eu\n");
    if (npx)
        buf_add_str(&script, "apk add --no-cache git\n");
    if (any_private(a))
        buf_add_str(&script, askpass);
    if (git)
        buf_add_str(&script, take);
    for (size_t i = 0; i < a->n_skills; i++)
        add_command(p, &script, env, &a->skills[i]);
    if (npx)
        buf_add_str(&script, move_result);
    json_array_append_new(p->init, container_of(p, npx, buf_str(&script), env));
    return 0;
}
