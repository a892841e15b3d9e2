/* cmd_apply.c - kelos apply -f: documents from files, by server-side apply. */
#include "cli/command/commands.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/manifest.h"
#include "cli/suggest.h"
#include "cli/value.h"
#include "common/data/json.h"
#include "common/data/yaml.h"

static const struct flag flags[] = {
    {.name = "filename",
     .letter = 'f',
     .type = FLAG_ARRAY,
     .value = "FILE",
     .required = true,
     .help = "file, folder or - for standard input (repeatable)"},
    {.name = "recursive",
     .letter = 'R',
     .type = FLAG_BOOL,
     .help = "folders with all below"},
    {.name = "dry-run",
     .type = FLAG_BOOL,
     .help = "let the server check, change nothing"},
};

struct applying {
    struct cli *cli;
    bool given_ns; /* -n stood on the line */
    bool dry_run;
    size_t done, failed;
};

static void
complain(struct applying *a, const struct err *e)
{
    fflush(stdout);
    fprintf(stderr, "Error: %s\n", e->text);
    a->failed++;
}

static void
on_unknown(void *arg, const char *path)
{
    const struct manifest *m = arg;

    fprintf(stderr, "Warning: %s:%d: unknown field \"%s\", which the server left out\n",
            m->file, yaml_line(m->doc, path), path);
}

static int
get_before(struct applying *a, const struct manifest *m, char *version, size_t size,
           struct err *e)
{
    struct kube_request r = {.verb = KUBE_GET,
                             .res = m->res,
                             .ns = m->ns,
                             .name = m->name,
                             .secret = m->res == kube_res(KUBE_SECRETS)};
    SCOPED(json) json_t *before = NULL;
    struct err why = ERR_INIT;

    version[0] = '\0';
    if (cli_call(a->cli, &r, &before, NULL, &why) == 0) {
        snprintf(version, size, "%s",
                 json_str_or(before, "metadata.resourceVersion", ""));
        return 0;
    }
    if (why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

static int
apply_document(struct applying *a, struct manifest *m, struct err *e)
{
    const struct kube_param dry[] = {{"dryRun", "All"}, {NULL, NULL}};
    struct kube_request r = {.verb = KUBE_APPLY,
                             .res = m->res,
                             .ns = m->ns,
                             .name = m->name,
                             .body = m->doc->value,
                             .force = true,
                             .params = a->dry_run ? dry : NULL,
                             .secret = m->res == kube_res(KUBE_SECRETS)};
    SCOPED(json) json_t *after = NULL;
    char version[129];
    const char *verb = "configured";

    if (get_before(a, m, version, sizeof(version), e) < 0 ||
        cli_call(a->cli, &r, &after, NULL, e) < 0)
        return err_wrap(e, "%s:%d: %s/%s", m->file, m->doc->line, m->res->singular,
                        m->name);
    manifest_unknown_fields(m, after, on_unknown, m);
    if (version[0] == '\0')
        verb = "created";
    else if (strcmp(version, json_str_or(after, "metadata.resourceVersion", "")) == 0)
        verb = "unchanged";
    printf("%s/%s %s%s\n", m->res->singular, m->name, verb,
           a->dry_run ? " (dry run)" : "");
    fflush(stdout);
    return 0;
}

static void
apply_documents(struct applying *a, const char *file, struct yaml_docs *docs)
{
    for (size_t i = 0; i < docs->count; i++) {
        struct manifest m;
        struct err e = ERR_INIT;

        if (docs->docs[i].value == NULL || json_is_null(docs->docs[i].value))
            continue;
        const char *ns = cli_namespace(a->cli, false, &e);
        if (ns == NULL ||
            manifest_read(file, &docs->docs[i], ns, a->given_ns, &m, &e) < 0 ||
            apply_document(a, &m, &e) < 0)
            complain(a, &e);
        a->done++;
    }
}

static void
apply_file(struct applying *a, const char *path)
{
    struct err e = ERR_INIT;
    SCOPED(yaml_docs) struct yaml_docs *docs = NULL;

    if (strcmp(path, "-") == 0) {
        char *text = value_read_file("--filename", "-", &e);

        docs = text != NULL ? yaml_parse(text, strlen(text), "standard input", &e) : NULL;
        value_free(text);
    } else {
        docs = yaml_read(path, &e);
    }
    if (docs == NULL)
        complain(a, &e);
    else
        apply_documents(a, strcmp(path, "-") == 0 ? "standard input" : path, docs);
}

static bool
is_manifest(const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    size_t size = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (size > strlen(endings[i]) &&
            strcmp(name + size - strlen(endings[i]), endings[i]) == 0)
            return name[0] != '.';
    return false;
}

static void
apply_folder(struct applying *a, const char *path)
{
    struct dirent **names;
    bool deep = args_bool(a->cli->args, "recursive");
    int count = scandir(path, &names, NULL, alphasort);

    if (count < 0) {
        struct err e = ERR_INIT;

        err_errno(&e, "%s", path);
        complain(a, &e);
        return;
    }
    for (int i = 0; i < count; i++) {
        SCOPED(string) char *inner = NULL;
        struct stat st;

        if (asprintf(&inner, "%s/%s", path, names[i]->d_name) >= 0 &&
            stat(inner, &st) == 0) {
            if (S_ISDIR(st.st_mode) && deep && names[i]->d_name[0] != '.')
                apply_folder(a, inner);
            else if (S_ISREG(st.st_mode) && is_manifest(names[i]->d_name))
                apply_file(a, inner);
        }
        free(names[i]);
    }
    free(names);
}

static int
run_apply(struct cli *c, struct err *e)
{
    struct applying a = {.cli = c,
                         .given_ns = args_given(c->args, "namespace"),
                         .dry_run = args_bool(c->args, "dry-run")};
    char *const *paths;
    size_t count = args_list(c->args, "filename", &paths);
    struct stat st;

    if (cli_kube(c, e) == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(paths[i], "-") != 0 && stat(paths[i], &st) < 0) {
            struct err why = ERR_INIT;

            err_errno(&why, "%s", paths[i]);
            complain(&a, &why);
        } else if (strcmp(paths[i], "-") != 0 && S_ISDIR(st.st_mode)) {
            apply_folder(&a, paths[i]);
        } else {
            apply_file(&a, paths[i]);
        }
    }
    if (a.done == 0 && a.failed == 0)
        return err_set(e, ERR_INVALID,
                       "no documents found: looked for .yaml, .yml and .json");
    return a.failed > 0 ? err_set(e, ERR_INVALID, "%s", "") : 0;
}

const struct command command_apply = {
    .name = "apply",
    .words = "-f FILE",
    .summary = "Create or change what YAML documents describe",
    .examples = "  kelos apply -f task.yaml\n"
                "  kelos apply -f examples/demo\n"
                "  cat *.yaml | kelos apply -f -\n",
    .flags = FLAGS(flags),
    .completes = COMPLETE_FILES,
    .run = run_apply,
};
