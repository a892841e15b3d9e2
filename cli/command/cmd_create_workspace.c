/* cmd_create_workspace.c - kelos create workspace: a repository, and what opens it. */
#include "cli/command/create.h"

#include <stdio.h>
#include <string.h>

#include "cli/credential.h"
#include "cli/dialect.h"
#include "cli/dryrun.h"
#include "cli/flagrows.h"
#include "cli/upsert.h"
#include "cli/value.h"
#include "common/data/json.h"

static const struct flag workspace_flags[] = {
    {.name = "repo",
     .type = FLAG_STRING,
     .value = "URL",
     .required = true,
     .help = "repository: https://, http://, git:// or git@host:path",
     .complete = COMPLETE_NOTHING},
    {.name = "ref",
     .type = FLAG_STRING,
     .value = "REF",
     .help = "branch, tag or commit",
     .complete = COMPLETE_NOTHING},
    {.name = "secret",
     .type = FLAG_STRING,
     .value = "NAME",
     .help = "existing Secret with GITHUB_TOKEN, or appID, installationID and privateKey",
     .complete = COMPLETE_SECRET},
    {.name = "token",
     .type = FLAG_STRING,
     .value = "TOKEN",
     .help = "token to put in Secret NAME-credentials: text, @FILE, $VARIABLE or - for "
             "stdin"},
    {.name = "remote",
     .type = FLAG_ARRAY,
     .value = "NAME=URL",
     .help = "further remote (repeatable)",
     .complete = COMPLETE_NOTHING},
    {.name = "file",
     .type = FLAG_ARRAY,
     .value = "PATH=CONTENT",
     .help = "file to put in the checkout; content or @FILE (repeatable)"},
    {.name = "github-app-id",
     .type = FLAG_STRING,
     .value = "ID",
     .help = "GitHub App to put in Secret NAME-credentials, with the next two",
     .complete = COMPLETE_NOTHING},
    {.name = "github-installation-id",
     .type = FLAG_STRING,
     .value = "ID",
     .help = "its installation",
     .complete = COMPLETE_NOTHING},
    {.name = "github-private-key",
     .type = FLAG_STRING,
     .value = "FILE",
     .help = "its private key, - for standard input"},
    DRYRUN_FLAGS,
    FLAGROW_YES,
};

/* Adds "NAME=VALUE" texts as objects of two fields. */
static int
add_pairs(struct cli *c, json_t *spec, const char *flag, const char *path,
          const char *name_key, const char *value_key, struct err *e)
{
    char *const *texts;
    size_t count = args_list(c->args, flag, &texts);
    json_t *list = count > 0 ? json_array() : NULL;

    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(texts[i], '=');
        char *value;

        if (equals == NULL || equals == texts[i]) {
            json_decref(list);
            return err_set(e, ERR_INVALID, "--%s \"%s\": expected %s=%s", flag, texts[i],
                           name_key, value_key);
        }
        if ((value = value_read(flag, equals + 1, VALUE_FILE, e)) == NULL) {
            json_decref(list);
            return -1;
        }
        json_t *pair = json_object();
        json_object_set_new(pair, name_key,
                            json_stringn(texts[i], (size_t)(equals - texts[i])));
        json_object_set_new(pair, value_key, json_string(value));
        json_array_append_new(list, pair);
        value_free(value);
    }
    if (list != NULL)
        json_object_set_new(spec, path, list);
    return 0;
}

static int
check_repo(const char *repo, struct err *e)
{
    static const char *const starts[] = {"http://", "https://", "git://", "git@"};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (strncmp(repo, starts[i], strlen(starts[i])) == 0)
            return 0;
    return err_set(e, ERR_INVALID,
                   "--repo \"%s\": expected https://, http://, git:// or git@host:path",
                   repo);
}

static json_t *
workspace_object(struct cli *c, const char *ns, const char *secret, struct err *e)
{
    SCOPED(json)
    json_t *o = cli_object(dialect_res(KUBE_WORKSPACES), ns, args_word(c->args, 0));

    json_put_str(o, "spec.repo", args_string(c->args, "repo"));
    if (args_string(c->args, "ref")[0] != '\0')
        json_put_str(o, "spec.ref", args_string(c->args, "ref"));
    if (secret[0] != '\0')
        json_put_str(o, "spec.secretRef.name", secret);
    json_t *spec = json_object_get(o, "spec");
    if (add_pairs(c, spec, "remote", "remotes", "name", "url", e) < 0 ||
        add_pairs(c, spec, "file", "files", "path", "content", e) < 0)
        return NULL;
    return TAKE(o);
}

/* The name is checked before the Secret is written, so that a clash changes nothing. */
static int
check_free(struct cli *c, const char *ns, const char *name, struct err *e)
{
    const struct kube_resource *res = dialect_res(KUBE_WORKSPACES);
    struct kube_request r = {.verb = KUBE_GET, .res = res, .ns = ns, .name = name};
    struct err why = ERR_INIT;

    if (cli_call(c, &r, NULL, NULL, &why) == 0)
        return err_set(e, ERR_EXISTS, "create workspace: %s.%s \"%s\" already exists",
                       res->plural, res->group, name);
    if (why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

static const char *const app_flags[] = {"github-app-id", "github-installation-id",
                                        "github-private-key"};

/* What opens the repository is said in one way, and whole. */
static int
check_access(const struct args *args, struct err *e)
{
    bool secret = args_string(args, "secret")[0] != '\0';
    bool token = args_string(args, "token")[0] != '\0';
    size_t app = 0;

    for (size_t i = 0; i < ARRAY_LEN(app_flags); i++)
        app += args_string(args, app_flags[i])[0] != '\0';
    if (secret && token)
        return err_set(e, ERR_INVALID, "use --secret or --token, not both");
    if (app > 0 && (secret || token))
        return err_set(e, ERR_INVALID, "use --%s or --github-app-id, not both",
                       secret ? "secret" : "token");
    for (size_t i = 0; app > 0 && i < ARRAY_LEN(app_flags); i++)
        if (args_string(args, app_flags[i])[0] == '\0')
            return err_set(e, ERR_INVALID,
                           "--%s missing: --github-app-id, --github-installation-id and "
                           "--github-private-key go together",
                           app_flags[i]);
    for (size_t i = 0; app > 0 && i < 2; i++)
        if (args_string(
                args,
                app_flags[i])[strspn(args_string(args, app_flags[i]), "0123456789")] !=
            '\0')
            return err_set(e, ERR_INVALID, "--%s \"%s\": expected digits", app_flags[i],
                           args_string(args, app_flags[i]));
    return 0;
}

/* The keys of the Secret that is to be made; *values NULL: none is. */
static int
read_access(const struct args *args, json_t **values, struct err *e)
{
    *values = NULL;
    if (args_string(args, "github-app-id")[0] != '\0') {
        *values = credential_app("--github-private-key", args_string(args, app_flags[0]),
                                 args_string(args, app_flags[1]),
                                 args_string(args, app_flags[2]), e);
        return *values != NULL ? 0 : -1;
    }
    if (args_string(args, "token")[0] == '\0')
        return 0;
    char *token = value_read("--token", args_string(args, "token"),
                             VALUE_FILE | VALUE_ENV | VALUE_STDIN, e);
    if (token == NULL)
        return -1;
    *values = json_pack("{s:s}", "GITHUB_TOKEN", token);
    value_free(token);
    return *values != NULL ? 0 : err_set(e, ERR_INVALID, "--token: not a text");
}

/* The Secret first, as the Workspace is of no use without it; then the one goes with the other. */
static int
write_both(struct cli *c, const char *ns, const char *secret, const json_t *values,
           json_t *workspace, struct err *e)
{
    SCOPED(json) json_t *made = NULL;

    if (values != NULL &&
        (check_free(c, ns, args_word(c->args, 0), e) < 0 ||
         upsert_secret(c, ns, secret, values, args_bool(c->args, "yes"), e) < 0))
        return -1;
    if ((made = create_object(c, ns, workspace, e)) == NULL) {
        if (values != NULL)
            fprintf(stderr, "Already in place: secret/%s\n", secret);
        return -1;
    }
    return values != NULL ? upsert_own(c, ns, secret, values, made, e) : 0;
}

static int
run_workspace(struct cli *c, struct err *e)
{
    const char *name = args_word(c->args, 0);
    const char *secret = args_string(c->args, "secret");
    SCOPED(json) json_t *values = NULL;
    enum print_format format;
    char made[300];
    int dry = dryrun_read(c->args, &format, e);

    if (dry < 0 || check_access(c->args, e) < 0)
        return -1;
    if (kube_check_subdomain(name, e) < 0)
        return err_wrap(e, "workspace \"%s\"", name);
    if (check_repo(args_string(c->args, "repo"), e) < 0 ||
        read_access(c->args, &values, e) < 0)
        return -1;
    const char *ns = cli_namespace(c, dry == DRYRUN_CLIENT, e);
    if (ns == NULL)
        return -1;
    if (values != NULL) {
        snprintf(made, sizeof(made), "%s-credentials", name);
        secret = made;
    }
    SCOPED(json) json_t *object = workspace_object(c, ns, secret, e);
    if (object == NULL)
        return -1;
    if (dry == DRYRUN_NONE)
        return write_both(c, ns, secret, values, object, e);
    SCOPED(json) json_t *objects = json_array();
    if (values != NULL)
        json_array_append_new(objects, upsert_secret_object(ns, secret, values));
    json_array_append(objects, object);
    return dryrun_show(c, objects, dry == DRYRUN_SERVER, format, e);
}

static const char *const ws[] = {"ws", NULL};
const struct command create_workspace = {
    .name = "workspace",
    .aliases = ws,
    .words = "NAME",
    .summary = "Describe a repository that agents work in",
    .examples = "  kelos create workspace shop --repo https://github.com/acme/shop.git "
                "--ref main\n"
                "  kelos create workspace shop --repo https://github.com/acme/shop.git "
                "--token @token.txt\n"
                "  kelos create workspace shop --repo https://github.com/acme/shop.git "
                "--github-app-id 12 --github-installation-id 34 --github-private-key "
                "app.pem\n",
    .flags = FLAGS(workspace_flags),
    .min_words = 1,
    .max_words = 1,
    .noun = "workspace",
    .completes = COMPLETE_NOTHING,
    .run = run_workspace,
};
