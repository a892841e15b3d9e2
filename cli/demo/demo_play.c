/* demo_play.c - what happens on the demo's stage, and whether it was right. */
#include "cli/demo/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command/commands.h"
#include "cli/follow.h"
#include "cli/subprocess.h"
#include "common/clock.h"
#include "common/data/json.h"

#define RUN_MS 60000
#define SETTLE_MS 8000
#define POLLS_AFTER_CLOSE 2

struct play {
    struct stage *stage;
    struct show *show;
    json_t *history; /* see demo.h */
    int64_t calls;   /* of the forge, when the issue was closed */
};

/* A command of our own, as a user would type it. */
static int
run_kelos(const char *const *words, struct err *e)
{
    const char *argv[16] = {"/proc/self/exe"};
    size_t n = 1;

    printf("$ kelos");
    for (size_t i = 0; words[i] != NULL && n < 15; i++) {
        printf(" %s", words[i]);
        argv[n++] = words[i];
    }
    putchar('\n');
    return subprocess_must(argv, NULL, NULL, e);
}

static int
on_task(void *arg, const json_t *task, bool gone, struct err *e)
{
    struct play *p = arg;

    if (gone)
        return err_set(e, ERR_INVALID, "task/%s was deleted",
                       json_str_or(task, "metadata.name", ""));
    json_array_append(p->history, (json_t *)task);
    show_update(p->show, p->history);
    return demo_finished(p->history, e);
}

static int
check_branch(struct play *p, const char *name, const char *branch, struct err *e)
{
    const json_t *task = demo_newest(p->history, name);
    const char *said = json_str_or(task, "status.results.commit", "");
    SCOPED(buf) struct buf commit = BUF_INIT;

    if (stage_commit(p->stage, branch, &commit, e) < 0)
        return -1;
    if (commit.size == 0)
        return err_set(e, ERR_INVALID, "the repository has no branch %s (task/%s)",
                       branch, name);
    if (strcmp(said, buf_str(&commit)) != 0)
        return err_set(
            e, ERR_INVALID,
            "task/%s reports commit \"%s\", but branch %s of the repository is at %s",
            name, said, branch, buf_str(&commit));
    return 0;
}

static int
check_branches(struct play *p, struct err *e)
{
    char name[64], branch[64];

    for (size_t i = 0; i < DEMO_MATCHING; i++) {
        snprintf(name, sizeof(name), DEMO_SPAWNER "-%d", demo_order[i]);
        snprintf(branch, sizeof(branch), "fix-%d", demo_order[i]);
        if (check_branch(p, name, branch, e) < 0)
            return -1;
    }
    return check_branch(p, DEMO_DEPENDENT, DEMO_DEPENDENT, e);
}

static void
passed(const char *what)
{
    printf("ok    %s\n", what);
    fflush(stdout);
}

/* Closing an issue and asking the forge again must start nothing. */
static int
until_polled(struct play *p, struct cli *c, struct err *e)
{
    int64_t until = clock_mono_ms() + SETTLE_MS;

    if ((p->calls = stage_calls(p->stage, e)) < 0 ||
        stage_close_issue(p->stage, demo_order[1], e) < 0)
        return -1;
    for (;;) {
        int64_t now = stage_calls(p->stage, e);

        if (now < 0)
            return -1;
        if (now >= p->calls + POLLS_AFTER_CLOSE)
            break;
        if (clock_mono_ms() > until)
            return err_set(e, ERR_TIMEOUT,
                           "the spawner did not ask the forge again within %d s",
                           SETTLE_MS / 1000);
        usleep(50000);
    }
    SCOPED(json) json_t *tasks = cli_list(c, kube_res(KUBE_TASKS), "default", NULL, e);
    if (tasks == NULL)
        return -1;
    size_t count = json_array_size(json_object_get(tasks, "items"));
    if (count != DEMO_MATCHING + 1)
        return err_set(e, ERR_INVALID,
                       "after closing an issue there are %zu Tasks instead of %d", count,
                       DEMO_MATCHING + 1);
    return 0;
}

static int
judge(struct play *p, struct cli *c, struct err *e)
{
    SCOPED(buf) struct buf prompt = BUF_INIT;

    if (demo_check_order(p->history, e) < 0)
        return -1;
    passed("exactly the three matching issues became Tasks, in priority order");
    if (demo_check_concurrency(p->history, e) < 0)
        return -1;
    passed("never two of them at a time (maxConcurrency: 1)");
    if (check_branches(p, e) < 0)
        return -1;
    passed("each branch is in the repository, at the commit that status.results names");
    /* The demo agent commits its prompt: what stands there is what the agent was asked. */
    if (stage_change(p->stage, DEMO_DEPENDENT, &prompt, e) < 0 ||
        demo_check_prompt(p->history, buf_str(&prompt), e) < 0)
        return -1;
    passed("the dependent Task got the results of the others in its prompt");
    if (until_polled(p, c, e) < 0)
        return -1;
    passed("closing an issue and polling again started nothing");
    return 0;
}

static int
play(struct play *p, struct cli *c, struct err *e)
{
    const char *const apply[] = {"apply", "-f", p->stage->manifest, NULL};

    if (run_kelos(apply, e) < 0)
        return -1;
    putchar('\n');
    int rc =
        follow(c, kube_res(KUBE_TASKS), "default", NULL, NULL, RUN_MS, on_task, p, e);
    if (rc == 0)
        return err_set(e, ERR_TIMEOUT, "the Tasks had not ended after %d s",
                       RUN_MS / 1000);
    putchar('\n');
    return rc < 0 ? -1 : judge(p, c, e);
}

int
demo_play(struct stage *s, struct err *e)
{
    struct command_path path = {.rows = {&command_root}, .depth = 1};
    struct flag_set sets[MAX_FLAG_SETS];
    char *words[] = {(char *)"--kubeconfig", s->kubeconfig};
    SCOPED(args)
    struct args *args =
        args_parse(sets, command_flag_sets(&path, sets), words, ARRAY_LEN(words), e);
    struct cli c = {.path = &path, .args = args, .config = config_empty()};
    struct play p = {.stage = s, .history = json_array()};

    p.show = show_new();
    int rc = args == NULL ? -1 : play(&p, &c, e);
    show_free(p.show);
    json_decref(p.history);
    cli_close(&c);
    return rc;
}
