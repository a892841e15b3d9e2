/* workspace.c - a Workspace's part of the Pod: the checkout, its branch, remotes, files. */
#include <ctype.h>
#include <string.h>

#include "common/base64.h"
#include "common/macros.h"
#include "reconciler/job/refname.h"
#include "reconciler/job/gitscript.h"
#include "reconciler/job/job.h"
#include "reconciler/job/repo.h"

#define CHECKOUT "/workspace/repo"
#define DEPTH_SIZE 24
#define TOKEN_FILE "/kelos/github-token/GITHUB_TOKEN"

bool
commit_id(const char *ref)
{
    size_t n = ref != NULL ? strspn(ref, "0123456789abcdefABCDEF") : 0;

    return (n == 40 || n == 64) && ref[n] == '\0';
}

/* Cleans like a path on disk would be: no empty part, no ".", ".." takes one back. */
static void
clean(const char *path, char *out, size_t room)
{
    size_t size = 0, floor = 0; /* floor: leading ".." cannot be taken back */
    bool absolute = *path == '/';

    if (absolute)
        out[size++] = '/', floor = 1;
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        bool up = n == 2 && path[0] == '.' && path[1] == '.';
        if (up && size > floor) {
            while (size > floor && out[size - 1] != '/')
                size--;
            if (size > floor)
                size--;
        } else if (n > 0 && !(n == 1 && *path == '.') && !(up && absolute)) {
            if (size > 0 && out[size - 1] != '/')
                out[size++] = '/';
            if (size + n + 2 > room)
                break;
            memcpy(out + size, path, n);
            size += n;
            if (up)
                floor = size;
        }
        path += n;
        path += *path == '/';
    }
    if (size == 0)
        out[size++] = '.';
    out[size] = '\0';
}

static const char *
path_fault(const char *path, const char *cleaned)
{
    size_t blank = strspn(path, " \t\r\n\v\f");

    if (path[blank] == '\0')
        return "path is empty";
    if (strchr(path, '\\') != NULL)
        return "path must use forward slashes";
    if (strcmp(cleaned, ".") == 0)
        return "path resolves to current directory";
    if (cleaned[0] == '/')
        return "absolute paths are not allowed";
    if (strcmp(cleaned, "..") == 0 || strncmp(cleaned, "../", 3) == 0)
        return "path escapes repository root";
    if (strcasecmp(cleaned, ".git") == 0 || strncasecmp(cleaned, ".git/", 5) == 0)
        return "path is inside .git";
    if (strlen(path) > 1000)
        return "path is longer than 1000 bytes";
    for (const char *c = cleaned; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            return "path holds a control character";
    return NULL;
}

const char *
path_clean(const char *path, char *out, size_t room)
{
    char cleaned[1100];

    clean(path, cleaned, sizeof cleaned);
    snprintf(out, room, "%s", cleaned);
    return path_fault(path, cleaned);
}

int
workspace_path(const char *path, char *out, size_t room, struct err *e)
{
    const char *fault = path_clean(path, out, room);

    if (fault != NULL)
        return err_set(e, ERR_INVALID, "invalid workspace file path \"%s\": %s", path,
                       fault);
    return 0;
}

static json_t *
init_container(struct pod_parts *p, const char *name, json_t *command, json_t *args)
{
    json_t *c = json_pack("{s:s}", "name", name);

    if (command != NULL)
        json_object_set_new(c, "command", command);
    if (json_array_size(args) > 0)
        json_object_set(c, "args", args);
    json_decref(args);
    git_container(p->wish, c);
    json_object_set_new(c, "volumeMounts",
                        json_pack("[o]", volume_mount("workspace", "/workspace", false)));
    json_array_append_new(p->init, c);
    return c;
}

static json_t *
script_command(const char *script)
{
    return json_pack("[s,s,o]", "sh", "-c", literal(script));
}

/* The token as variables, unless the controller gives it as a file only. */
static void
token_env(const struct pod_parts *p, json_t *env, bool enterprise)
{
    const char *secret = p->wish->token_secret;

    if (job_policy_of(p->wish)->token_file)
        return;
    env_add(env, env_secret("GITHUB_TOKEN", secret, "GITHUB_TOKEN"));
    env_add(env, env_secret(enterprise ? "GH_ENTERPRISE_TOKEN" : "GH_TOKEN", secret,
                            "GITHUB_TOKEN"));
}

/* What a step that talks to the remote needs: the token and where gh finds its host. */
static json_t *
remote_env(const struct pod_parts *p, const struct repo *repo)
{
    const char *secret = p->wish->token_secret;
    bool enterprise = repo_enterprise(repo);
    json_t *env = json_array();

    if (enterprise)
        env_add(env, env_literal("GH_HOST", repo->host));
    if (secret != NULL) {
        token_env(p, env, enterprise);
        env_add(env, env_literal("KELOS_GITHUB_TOKEN_FILE", TOKEN_FILE));
    }
    return env;
}

static void
give_remote(struct pod_parts *p, json_t *container, json_t *env)
{
    if (json_array_size(env) > 0)
        json_object_set(container, "env", env);
    json_decref(env);
    if (p->wish->token_secret != NULL)
        json_array_append_new(
            json_object_get(container, "volumeMounts"),
            volume_mount("kelos-github-token", "/kelos/github-token", true));
}

/* What `git fetch --depth` takes; git's own word for "all" is the largest number. */
static const char *
depth_of(const struct workspace_view *w, char *out)
{
    snprintf(out, DEPTH_SIZE, "%lld", (long long)(w->depth > 0 ? w->depth : INT32_MAX));
    return out;
}

static void
add_clone(struct pod_parts *p, const struct repo *repo)
{
    const struct workspace_view *w = p->wish->workspace;
    bool token = p->wish->token_secret != NULL;
    char depth[DEPTH_SIZE];
    json_t *command = NULL, *args;

    if (commit_id(w->ref)) {
        command = script_command(token ? gitscript_commit_token : gitscript_commit);
        args = json_pack("[s,s,o,s]", "--", w->ref, literal(w->repo), CHECKOUT);
        if (w->depth != 1)
            json_array_append_new(args, json_string(depth_of(w, depth)));
    } else {
        args = json_array();
        if (token) {
            command = script_command(gitscript_clone);
            json_array_append_new(args, json_string("--"));
        }
        json_array_append_new(args, json_string("clone"));
        if (w->ref != NULL) {
            json_array_append_new(args, json_string("--branch"));
            json_array_append_new(args, literal(w->ref));
        }
        json_array_append_new(args, json_string("--no-single-branch"));
        if (w->depth > 0) {
            json_array_append_new(args, json_string("--depth"));
            json_array_append_new(args, json_string(depth_of(w, depth)));
        }
        json_array_append_new(args, json_string("--"));
        json_array_append_new(args, literal(w->repo));
        json_array_append_new(args, json_string(CHECKOUT));
    }
    give_remote(p, init_container(p, "git-clone", command, args), remote_env(p, repo));
}

static int
add_remotes(struct pod_parts *p, struct err *e)
{
    const struct workspace_view *w = p->wish->workspace;
    SCOPED(buf) struct buf script = BUF_INIT;

    if (w->n_remotes == 0)
        return 0;
    buf_add_str(&script, "set -eu\ncd " CHECKOUT "\n");
    for (size_t i = 0; i < w->n_remotes; i++) {
        const struct workspace_remote *r = &w->remotes[i];
        if (*r->name == '-' || *r->url == '-')
            return err_set(e, ERR_INVALID,
                           "invalid workspace remote \"%s\": begins with a dash",
                           r->name);
        buf_add_str(&script, i > 0 ? " &&\n" : "");
        /* One that a resumed checkout has already gets the URL. */
        buf_add_str(&script, "{ git remote add ");
        gitscript_quote(&script, r->name);
        buf_add_char(&script, ' ');
        gitscript_quote(&script, r->url);
        buf_add_str(&script, " 2> /dev/null || git remote set-url ");
        gitscript_quote(&script, r->name);
        buf_add_char(&script, ' ');
        gitscript_quote(&script, r->url);
        buf_add_str(&script, "; }");
    }
    buf_add_char(&script, '\n');
    init_container(p, "remote-setup", script_command(buf_str(&script)), json_array());
    return 0;
}

static int
add_branch(struct pod_parts *p, const struct repo *repo, struct err *e)
{
    const char *branch = p->wish->task->branch;
    bool token = p->wish->token_secret != NULL;
    char depth[DEPTH_SIZE];

    if (branch == NULL)
        return 0;
    if (!refname_valid(branch))
        return err_set(e, ERR_INVALID, "branch \"%s\" is not a name that git takes",
                       branch);
    json_t *env = remote_env(p, repo);
    env_add(env, env_literal("KELOS_BRANCH", branch));
    if (p->wish->workspace->depth != 1)
        env_add(env,
                env_literal("KELOS_CLONE_DEPTH", depth_of(p->wish->workspace, depth)));
    json_t *c = init_container(
        p, "branch-setup",
        script_command(token ? gitscript_branch_token : gitscript_branch), json_array());
    give_remote(p, c, env);
    return 0;
}

/* Adds one file to the script, its content inside or, when all together are large, as a key
 * of the content ConfigMap. */
static int
add_file(struct pod_parts *p, size_t i, bool inlined, struct buf *script, struct err *e)
{
    const struct named_text *f = &p->wish->workspace->files[i];
    SCOPED(buf) struct buf target = BUF_INIT;
    char cleaned[1100], key[32];

    if (workspace_path(f->name, cleaned, sizeof cleaned, e) < 0)
        return -1;
    buf_printf(&target, CHECKOUT "/%s", cleaned);
    buf_add_str(script, inlined ? "put " : "put_file ");
    gitscript_quote(script, buf_str(&target));
    if (inlined) {
        buf_add_str(script, " '");
        base64_encode(script, f->content, strlen(f->content));
        buf_add_str(script, "'\n");
    } else {
        snprintf(key, sizeof key, "files-%zu", i);
        json_object_set_new(p->content, key, json_string(f->content));
        buf_printf(script, " /kelos/content/%s\n", key);
    }
    return 0;
}

static int
add_files(struct pod_parts *p, struct err *e)
{
    const struct workspace_view *w = p->wish->workspace;
    SCOPED(buf) struct buf script = BUF_INIT;
    size_t total = 0;

    if (w->n_files == 0)
        return 0;
    for (size_t i = 0; i < w->n_files; i++)
        total += strlen(w->files[i].content);
    buf_add_str(&script, gitscript_files);
    for (size_t i = 0; i < w->n_files; i++)
        if (add_file(p, i, total <= JOB_INLINE_BYTES, &script, e) < 0)
            return -1;
    json_t *c = init_container(p, "workspace-files", script_command(buf_str(&script)),
                               json_array());
    if (total > JOB_INLINE_BYTES)
        json_array_append_new(json_object_get(c, "volumeMounts"),
                              volume_mount("kelos-content", "/kelos/content", true));
    return 0;
}

static void
add_token_volume(struct pod_parts *p)
{
    const char *secret = p->wish->token_secret;

    if (secret == NULL)
        return;
    json_array_append_new(p->volumes,
                          json_pack("{s:s,s:{s:s,s:[{s:s,s:s}],s:b}}", "name",
                                    "kelos-github-token", "secret", "secretName", secret,
                                    "items", "key", "GITHUB_TOKEN", "path",
                                    "GITHUB_TOKEN", "optional", 1));
    json_array_append_new(
        p->mounts, volume_mount("kelos-github-token", "/kelos/github-token", true));
}

int
workspace_add(struct pod_parts *p, struct err *e)
{
    const struct workspace_view *w = p->wish->workspace;
    struct repo repo;

    if (w == NULL)
        return 0;
    if (w->ref != NULL && *w->ref == '-')
        return err_set(e, ERR_INVALID, "workspace ref \"%s\" begins with a dash", w->ref);
    if (w->setup != NULL && strlen(w->setup) > JOB_INLINE_BYTES)
        return err_set(e, ERR_INVALID,
                       "setupCommand has %zu bytes, at most %d are passed on",
                       strlen(w->setup), JOB_INLINE_BYTES);
    repo_parse(w->repo, &repo);
    json_array_append_new(p->volumes,
                          json_pack("{s:s,s:{}}", "name", "workspace", "emptyDir"));
    json_array_append_new(p->mounts, volume_mount("workspace", "/workspace", false));
    add_token_volume(p);
    add_clone(p, &repo);
    if (add_remotes(p, e) < 0 || add_branch(p, &repo, e) < 0)
        return -1;
    return add_files(p, e);
}

static void
upstream_env(struct pod_parts *p)
{
    const struct workspace_view *w = p->wish->workspace;
    char full[520];
    struct repo repo;

    if (p->wish->task->upstream_repo != NULL) {
        env_add(p->env, env_literal("KELOS_UPSTREAM_REPO", p->wish->task->upstream_repo));
        return;
    }
    for (size_t i = 0; i < w->n_remotes; i++) {
        if (strcmp(w->remotes[i].name, "upstream") != 0)
            continue;
        repo_parse(w->remotes[i].url, &repo);
        if (repo.owner[0] == '\0')
            return;
        snprintf(full, sizeof full, "%s/%s", repo.owner, repo.name);
        env_add(p->env, env_literal("KELOS_UPSTREAM_REPO", full));
        return;
    }
}

void
workspace_env(struct pod_parts *p)
{
    const struct workspace_view *w = p->wish->workspace;
    const char *secret = p->wish->token_secret;
    struct repo repo;

    if (w == NULL)
        return;
    repo_parse(w->repo, &repo);
    bool enterprise = repo_enterprise(&repo);
    if (enterprise)
        env_add(p->env, env_literal("GH_HOST", repo.host));
    if (w->ref != NULL)
        env_add(p->env, env_literal("KELOS_BASE_BRANCH", w->ref));
    upstream_env(p);
    if (secret != NULL) {
        token_env(p, p->env, enterprise);
        env_add(p->env, env_literal("GH_CONFIG_DIR", "/workspace/.gh-config"));
        env_add(p->env, env_literal("KELOS_GITHUB_TOKEN_FILE", TOKEN_FILE));
    }
    if (w->setup != NULL)
        env_add(p->env, env_literal("KELOS_SETUP_COMMAND", w->setup));
}
