/* cmd_complete.c - kelos __complete: what a shell may put for the word being typed.
 *
 * One candidate per line, a tab and a description after some, then ":DIRECTIVE". Nothing
 * that goes wrong is an error: there are then no candidates. */
#include "cli/command/commands.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dialect.h"
#include "common/data/json.h"

#define NAMES_LIMIT_S 5
#define NO_FILES 4
#define SHELL_DEFAULT 0

struct completing {
    struct command_path path;
    char **rest; /* the words before the partial one, without those of the command */
    size_t n_rest;
    const char *partial;
    bool plain; /* no descriptions */
};

static void
offer(const struct completing *k, const char *prefix, const char *word, const char *text)
{
    if (strncmp(word, k->partial, strlen(k->partial)) != 0 && prefix[0] == '\0')
        return;
    if (k->plain || text == NULL)
        printf("%s%s\n", prefix, word);
    else
        printf("%s%s\t%s\n", prefix, word, text);
}

static void
on_alarm(int signal UNUSED)
{
    static const char end[] = ":4\n";

    if (write(STDOUT_FILENO, end, sizeof(end) - 1) < 0)
        _exit(0);
    _exit(0);
}

/* Names from the cluster that the line's flags and the configuration choose. */
static void
offer_names(const struct completing *k, const struct kube_resource *res,
            const char *prefix, const char *partial)
{
    struct flag_set sets[MAX_FLAG_SETS];
    size_t n = command_flag_sets(&k->path, sets);
    struct err e = ERR_INIT;
    SCOPED(args) struct args *args = args_parse(sets, n, k->rest, k->n_rest, &e);
    struct cli c = {.path = &k->path, .args = args};

    if (args == NULL)
        return;
    c.config = config_load(args_string(args, "config"), &e);
    if (c.config == NULL)
        c.config = config_empty();
    fflush(stdout);
    signal(SIGALRM, on_alarm);
    alarm(NAMES_LIMIT_S);
    const char *ns = res->namespaced ? cli_namespace(&c, false, &e) : "";
    SCOPED(json) json_t *list = ns != NULL ? cli_list(&c, res, ns, NULL, &e) : NULL;
    alarm(0);
    const json_t *items = json_object_get(list, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *name = json_str_or(json_array_get(items, i), "metadata.name", "");

        if (strncmp(name, partial, strlen(partial)) == 0)
            printf("%s%s\n", prefix, name);
    }
    cli_close(&c);
}

/* What the names are of; NULL where names are not what is completed. */
static const struct kube_resource *
resource_of(enum complete_kind kind)
{
    static const struct {
        enum complete_kind kind;
        enum kube_res id;
    } rows[] = {
        {COMPLETE_TASK, KUBE_TASKS},           {COMPLETE_SPAWNER, KUBE_TASK_SPAWNERS},
        {COMPLETE_WORKSPACE, KUBE_WORKSPACES}, {COMPLETE_AGENTCONFIG, KUBE_AGENT_CONFIGS},
        {COMPLETE_SECRET, KUBE_SECRETS},       {COMPLETE_NAMESPACE, KUBE_NAMESPACES},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].kind == kind)
            return dialect_res(rows[i].id);
    return NULL;
}

/* Values of a flag; `prefix` stands before each ("--output="). Returns the directive. */
static int
offer_values(const struct completing *k, const struct flag *flag, const char *prefix,
             const char *partial)
{
    const struct kube_resource *resource = resource_of(flag->complete);

    for (size_t i = 0; flag->choices != NULL && flag->choices[i] != NULL; i++) {
        const char *open = strchr(flag->choices[i], '='); /* "jsonpath=TEMPLATE" */
        size_t size = open != NULL ? (size_t)(open - flag->choices[i]) + 1
                                   : strlen(flag->choices[i]);

        if (strncmp(flag->choices[i], partial, strlen(partial)) == 0)
            printf("%s%.*s\n", prefix, (int)size, flag->choices[i]);
    }
    if (resource != NULL)
        offer_names(k, resource, prefix, partial);
    return flag->complete == COMPLETE_FILES ? SHELL_DEFAULT : NO_FILES;
}

static bool
is_given(const struct completing *k, const struct flag *flag)
{
    size_t size = strlen(flag->name);

    for (size_t i = 0; i < k->n_rest; i++) {
        const char *word = k->rest[i];

        if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, flag->name, size) == 0 &&
            (word[2 + size] == '\0' || word[2 + size] == '='))
            return true;
        if (word[0] == '-' && word[1] == flag->letter && flag->letter != 0)
            return true;
    }
    return false;
}

/* Required flags come first, alone, until they are there. */
static bool
offer_flags(const struct completing *k, bool only_required)
{
    struct flag_set sets[MAX_FLAG_SETS];
    size_t n = command_flag_sets(&k->path, sets);
    bool required = false;

    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < sets[s].count; i++)
            required = required ||
                       (sets[s].flags[i].required && !is_given(k, &sets[s].flags[i]));
    if (only_required && !required)
        return false;
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct flag *f = &sets[s].flags[i];
            char word[64];

            snprintf(word, sizeof(word), "--%s", f->name);
            if (f->required == required &&
                (f->type == FLAG_ARRAY || f->type == FLAG_SLICE || !is_given(k, f)))
                offer(k, "", word, f->help);
        }
    return true;
}

/* How many of the words are no flags and no values of flags. */
static size_t
count_words(const struct completing *k)
{
    size_t count = 0;

    for (size_t i = 0; i < k->n_rest; i++) {
        if (k->rest[i][0] != '-' || k->rest[i][1] == '\0')
            count++;
        else if (command_takes_next(&k->path, k->rest[i], NULL))
            i++;
    }
    return count;
}

static int
complete_word(const struct completing *k)
{
    const struct command *leaf = command_leaf(&k->path);
    const struct flag *flag = NULL;
    const char *equals = strchr(k->partial, '=');
    struct flag_set sets[MAX_FLAG_SETS];
    size_t n = command_flag_sets(&k->path, sets);

    if (k->n_rest > 0 && command_takes_next(&k->path, k->rest[k->n_rest - 1], &flag)) {
        struct completing before = *k;

        before.n_rest--; /* the flag has no value yet, so it is left out of the line */
        return offer_values(&before, flag, "", k->partial);
    }
    if (strncmp(k->partial, "--", 2) == 0 && equals != NULL) {
        char prefix[80];

        flag = args_find(sets, n, k->partial + 2, (size_t)(equals - k->partial - 2));
        snprintf(prefix, sizeof(prefix), "%.*s", (int)(equals - k->partial + 1),
                 k->partial);
        return flag != NULL ? offer_values(k, flag, prefix, equals + 1) : NO_FILES;
    }
    if (k->partial[0] == '-') {
        offer_flags(k, false);
        return NO_FILES;
    }
    size_t words = count_words(k);
    if (leaf->children != NULL) {
        for (size_t i = 0; words == 0 && leaf->children[i] != NULL; i++)
            if (command_offered(leaf->children[i]))
                offer(k, "", leaf->children[i]->name, leaf->children[i]->summary);
        return NO_FILES;
    }
    if (words < leaf->min_words || !offer_flags(k, true)) {
        const struct kube_resource *resource = resource_of(leaf->completes);

        if (words == 0 && resource != NULL)
            offer_names(k, resource, "", k->partial);
    }
    return leaf->completes == COMPLETE_FILES && leaf->max_words > 0 ? SHELL_DEFAULT
                                                                    : NO_FILES;
}

static int
complete(struct cli *c, bool plain)
{
    struct completing k = {.plain = plain, .partial = ""};

    if (c->n_raw > 0)
        k.partial = c->raw[c->n_raw - 1];
    if ((k.rest = calloc(c->n_raw + 1, sizeof(*k.rest))) == NULL)
        return 0;
    k.n_rest = command_find(c->raw, c->n_raw > 0 ? c->n_raw - 1 : 0, &k.path, k.rest);
    int directive = complete_word(&k);
    printf(":%d\n", directive);
    fprintf(stderr, "Completion ended with directive %d\n", directive);
    free(k.rest);
    return 0;
}

static int
run_complete(struct cli *c, struct err *e UNUSED)
{
    return complete(c, false);
}

static int
run_plain(struct cli *c, struct err *e UNUSED)
{
    return complete(c, true);
}

const struct command command_complete = {
    .name = "__complete",
    .summary = "Candidates for a shell",
    .max_words = SIZE_MAX,
    .no_config = true,
    .hidden = true,
    .raw = true,
    .run = run_complete,
};
const struct command command_complete_plain = {
    .name = "__completeNoDesc",
    .summary = "Candidates for a shell, without descriptions",
    .max_words = SIZE_MAX,
    .no_config = true,
    .hidden = true,
    .raw = true,
    .run = run_plain,
};
