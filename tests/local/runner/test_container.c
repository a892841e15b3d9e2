/* test_container.c - a real container under its monitor: claims, exits, limits, logs. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/loop.h"
#include "common/macros.h"
#include "local/runner/filter.h"
#include "local/runner/image.h"
#include "local/runner/launcher.h"
#include "local/runner/logsink.h"
#include "local/runner/monitor.h"
#include "local/runner/run.h"

static char dir[64];

static void
make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/kt-container.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void
remove_dir(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(container, .init = make_dir, .fini = remove_dir, .timeout = 60);
TestSuite(logsink, .init = make_dir, .fini = remove_dir);

/* The kelos-monitor that was built beside these tests. */
static const char *
monitor_program(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);

    cr_assert_gt(n, 0);
    path[n] = '\0';
    char *tests = strstr(path, "/tests/local/");
    cr_assert_not_null(tests);
    strcpy(tests, "/bin/kelos-monitor");
    return path;
}

static struct launch *
launch_of(const char *script)
{
    const struct image_host host = {.agents_dir = "/nonexistent",
                                    .capture = "/nonexistent"};
    struct image img = {.user = IMAGE_USER,
                        .name = "agent",
                        .home = "/home/agent",
                        .workdir = "/workspace"};
    struct launch *l = launch_new();
    struct err e = ERR_INIT;

    l->dir = strdup(dir);
    l->hostname = strdup("pod");
    l->cwd = strdup("/workspace");
    l->inner_id = IMAGE_USER;
    l->outer_id = launcher_outer_id();
    l->grace_ms = 20000;
    l->log_bytes = 1 << 20;
    cr_assert_eq(image_mounts(&host, &img, IMAGE_USER, l), 0);
    filter_build(&l->filter, &e);
    launch_add(&l->env, "PATH=/usr/bin:/bin");
    launch_add(&l->args, "sh");
    launch_add(&l->args, "-c");
    launch_add(&l->args, script);
    return l;
}

struct seen {
    bool started, ended;
    struct exit_info info;
};

static void
on_started(void *arg, int64_t wall_ms)
{
    (void)wall_ms;
    ((struct seen *)arg)->started = true;
}

static void
on_ended(void *arg, const struct exit_info *info)
{
    struct seen *s = arg;

    s->info = *info;
    s->ended = true;
}

/* Starts the script; *done then waits for its end. */
static struct run *
start(struct loop *loop, const char *script, struct seen *s)
{
    SCOPED(launch) struct launch *l = launch_of(script);
    const struct run_calls calls = {.started = on_started, .ended = on_ended, .arg = s};
    struct err e = ERR_INIT;
    struct run *r = run_start(loop, monitor_program(), l, &calls, &e);

    cr_assert_not_null(r, "%s", e.text);
    return r;
}

static void
wait_for(struct loop *loop, const bool *what)
{
    struct err e = ERR_INIT;

    cr_assert_eq(loop_poll_run(loop, what, 30000, &e), 1, "%s", e.text);
}

static char *
read_log(void)
{
    static char text[8192];
    char path[128];

    snprintf(path, sizeof path, "%s/log", dir);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

Test(container, gives_its_exit_code_and_its_output)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    struct seen s = {false};
    SCOPED(run) UNUSED struct run *r = start(loop, "echo out; echo err >&2; exit 7", &s);

    wait_for(loop, &s.ended);
    cr_expect(s.started);
    cr_expect_eq(s.info.code, 7);
    cr_expect_eq(s.info.signal, 0);
    cr_expect_leq(s.info.started_ms, s.info.finished_ms);
    cr_expect_not_null(strstr(read_log(), " stdout F out\n"), "%s", read_log());
    cr_expect_not_null(strstr(read_log(), " stderr F err\n"), "%s", read_log());
}

Test(container, has_no_descriptor_but_its_three)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    struct seen s = {false};
    SCOPED(run)
    UNUSED struct run *r =
        start(loop,
              /* the shell's own look at the directory is over when it asks */
              "for fd in /proc/$$/fd/[0-9]*; do case $fd in */[012]) ;; "
              "*) [ ! -e $fd ] || echo more: $fd;; esac; done; echo done",
              &s);

    wait_for(loop, &s.ended);
    cr_expect_not_null(strstr(read_log(), " stdout F done\n"), "%s", read_log());
    cr_expect_null(strstr(read_log(), "more: "), "%s", read_log());
}

Test(container, ends_at_sigterm_and_dies_with_its_monitor)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    struct seen s = {false};
    SCOPED(run) UNUSED struct run *r = start(loop, "sleep 100", &s);

    wait_for(loop, &s.started);
    run_end(r, false);
    wait_for(loop, &s.ended);
    cr_expect_eq(s.info.signal, SIGTERM);
    cr_expect_eq(s.info.code, 143);
}

Test(container, is_killed_at_once_when_asked)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    struct seen s = {false};
    SCOPED(run) UNUSED struct run *r = start(loop, "trap '' TERM; sleep 100", &s);

    wait_for(loop, &s.started);
    run_end(r, false);
    run_end(r, true);
    wait_for(loop, &s.ended);
    cr_expect_eq(s.info.code, 137);
}

Test(container, is_found_again_and_followed_by_another_runner)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    struct seen first = {false}, second = {false};
    const struct run_calls calls = {
        .started = on_started, .ended = on_ended, .arg = &second};
    struct run *r = start(loop, "sleep 0.3; exit 5", &first), *adopted;
    struct exit_info info;
    struct claim claim;

    wait_for(loop, &first.started);
    run_free(r); /* as if the runner had died: the container goes on */
    cr_assert_eq(run_find(loop, dir, 0, &calls, &adopted, &info, &claim), RUN_LIVES);
    wait_for(loop, &second.ended);
    cr_expect_eq(second.info.code, 5);
    run_free(adopted);
    cr_assert_eq(run_find(loop, dir, 0, &calls, &adopted, &info, &claim), RUN_OVER);
    cr_expect_eq(info.code, 5);
    cr_assert_eq(run_find(loop, dir, 1, &calls, &adopted, &info, &claim), RUN_NEVER);
}

Test(container, is_started_once_whoever_tries)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    struct seen a = {false}, b = {false}, c = {false};
    SCOPED(run) UNUSED struct run *one = start(loop, "echo ran; sleep 0.2", &a);
    SCOPED(run) UNUSED struct run *two = start(loop, "echo ran; sleep 0.2", &b);

    wait_for(loop, &a.ended);
    wait_for(loop, &b.ended);
    SCOPED(run) UNUSED struct run *three = start(loop, "echo ran; sleep 0.2", &c);
    wait_for(loop, &c.ended);
    cr_expect_eq(a.info.code + b.info.code + c.info.code, 0);
    const char *log = read_log(), *first = strstr(log, "ran");
    cr_assert_not_null(first);
    cr_expect_null(strstr(first + 1, "ran"), "%s", log);
}

Test(container, of_a_killed_monitor_is_dead_and_its_end_unknown)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    struct seen s = {false};
    SCOPED(run) UNUSED struct run *r = start(loop, "sleep 100", &s);
    struct claim claim;

    wait_for(loop, &s.started);
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    cr_assert_eq(claim_look(fd, 0, &claim), CLAIM_ALIVE);
    close(fd);
    kill(claim.pid, SIGKILL);
    wait_for(loop, &s.ended);
    cr_expect_eq(s.info.code, 137);
    cr_expect_str_eq(s.info.reason, "ContainerStatusUnknown");
}

Test(container, that_cannot_start_says_why)
{
    struct err e = ERR_INIT;
    SCOPED(loop) struct loop *loop = loop_poll_new(&e);
    SCOPED(launch) struct launch *l = launch_of("true");
    struct seen s = {false};
    const struct run_calls calls = {.started = on_started, .ended = on_ended, .arg = &s};

    free(l->args.items[0]);
    l->args.items[0] = strdup("/no/such/program");
    SCOPED(run) UNUSED struct run *r = run_start(loop, monitor_program(), l, &calls, &e);
    cr_assert_not_null(r, "%s", e.text);
    wait_for(loop, &s.ended);
    cr_expect_not(s.started);
    cr_expect_str_eq(s.info.reason, "StartError");
    cr_expect_not_null(strstr(s.info.message, "/no/such/program"), "%s", s.info.message);
}

Test(launch, decodes_what_it_encodes_and_refuses_every_shortening)
{
    struct err e = ERR_INIT;
    SCOPED(buf) struct buf bytes = BUF_INIT;

    snprintf(dir, sizeof dir, "/x");
    SCOPED(launch) struct launch *l = launch_of("echo");
    cr_assert_eq(launch_encode(l, &bytes), 0);
    SCOPED(launch) struct launch *back = launch_decode(bytes.data, bytes.size, &e);
    cr_assert_not_null(back);
    cr_expect_str_eq(back->dir, "/x");
    cr_expect_eq(back->args.count, 3);
    cr_expect_eq(back->mount_count, l->mount_count);
    cr_expect_eq(back->grace_ms, 20000);
    for (size_t n = 0; n < bytes.size; n += 1 + n / 16) {
        SCOPED(launch) struct launch *cut = launch_decode(bytes.data, n, &e);
        cr_expect_null(cut, "%zu bytes", n);
    }
}

Test(logsink, keeps_lines_of_two_streams_whole)
{
    struct err e = ERR_INIT;
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    SCOPED(logsink) struct logsink *s = logsink_open(fd, 0, &e);
    int64_t t = INT64_C(1767323045000000006);

    logsink_feed(s, 0, "half", 4, t);
    logsink_feed(s, 1, "other\n", 6, t);
    logsink_feed(s, 0, " line\nrest", 10, t);
    logsink_end(s, t);
    cr_assert_str_eq(read_log(), "2026-01-02T03:04:05.000000006Z stderr F other\n"
                                 "2026-01-02T03:04:05.000000006Z stdout F half line\n"
                                 "2026-01-02T03:04:05.000000006Z stdout F rest\n");
    close(fd);
}

Test(logsink, marks_a_cut_line_and_rotates_at_its_limit)
{
    struct err e = ERR_INIT;
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    SCOPED(logsink) struct logsink *s = logsink_open(fd, 1 << 20, &e);
    static char chunk[1 << 16];
    struct stat st;

    memset(chunk, 'x', sizeof chunk);
    for (int i = 0; i < 20; i++)
        logsink_feed(s, 0, chunk, sizeof chunk, 1);
    logsink_feed(s, 0, "\n", 1, 1);
    cr_assert_eq(fstatat(fd, "log", &st, 0), 0);
    cr_expect_lt(st.st_size, (1 << 20) + 200);
    logsink_feed(s, 0, "next\n", 5, 1);
    cr_assert_eq(fstatat(fd, "log.1", &st, 0), 0);
    cr_expect_not_null(strstr(read_log(), " F next\n"));
    close(fd);
}
