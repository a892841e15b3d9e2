/* The demo's judgement, and the checks before local mode starts. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/demo/demo.h"
#include "cli/launch.h"
#include "cli/leftover.h"
#include "cli/local.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "common/data/yaml.h"

static void
see(json_t *history, const char *name, const char *phase, const char *commit)
{
    json_t *task = json_object();

    json_put_str(task, "metadata.name", name);
    if (phase[0] != '\0')
        json_put_str(task, "status.phase", phase);
    if (commit[0] != '\0')
        json_put_str(task, "status.results.commit", commit);
    json_array_append_new(history, task);
}

static json_t *
good_history(void)
{
    static const char *const names[] = {"issues-2", "issues-1", "issues-4"};
    json_t *history = json_array();

    see(history, "release-notes", "Waiting", "");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        see(history, names[i], "", "");
        see(history, names[i], "Running", "");
        see(history, names[i], "Succeeded", names[i]);
    }
    see(history, "release-notes", "Running", "");
    see(history, "release-notes", "Succeeded", "abc");
    return history;
}

Test(demo, a_good_run_passes)
{
    SCOPED(json) json_t *history = good_history();
    struct err e = ERR_INIT;

    cr_expect_eq(demo_check_order(history, &e), 0, "%s", e.text);
    cr_expect_eq(demo_check_concurrency(history, &e), 0, "%s", e.text);
    cr_expect_eq(demo_finished(history, &e), 1, "%s", e.text);
    cr_expect_eq(demo_check_prompt(history, "issues-2 issues-1 issues-4", &e), 0, "%s",
                 e.text);
    cr_expect_eq(demo_check_prompt(history, "issues-2 issues-1", &e), -1);
}

Test(demo, wrong_order_and_extra_tasks_are_seen)
{
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *extra = good_history(), *order = json_array(), *none = json_array();

    see(extra, "issues-3", "", "");
    cr_expect_eq(demo_check_order(extra, &e), -1);
    see(order, "issues-1", "", "");
    see(order, "issues-2", "", "");
    see(order, "issues-4", "", "");
    cr_expect_eq(demo_check_order(order, &e), -1);
    cr_expect_eq(demo_check_order(none, &e), -1);
}

Test(demo, two_at_a_time_are_seen)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *history = json_array();

    see(history, "issues-2", "Running", "");
    see(history, "issues-1", "", "");
    cr_expect_eq(demo_check_concurrency(history, &e), -1);
    cr_expect_eq(demo_finished(history, &e), 0);
    see(history, "issues-1", "Failed", "");
    see(history, "issues-2", "Failed", "");
    cr_expect_eq(demo_finished(history, &e), -1);
    cr_expect_not_null(strstr(e.text, "task/issues-2 failed"));
}

Test(demo, its_documents_are_well_formed)
{
    SCOPED(buf) struct buf issues = BUF_INIT, manifest = BUF_INIT;
    struct err e = ERR_INIT;

    demo_issues(&issues);
    SCOPED(json) json_t *forge = json_parse(buf_str(&issues), issues.size, 0, &e);
    cr_assert_not_null(forge, "%s", e.text);
    demo_manifest(9418, 8080, &manifest);
    SCOPED(yaml_docs)
    struct yaml_docs *docs =
        yaml_parse(buf_str(&manifest), manifest.size, "demo.yaml", &e);
    cr_assert_not_null(docs, "%s", e.text);
    cr_expect_eq(docs->count, 4);
    cr_expect_str_eq(json_str_or(docs->docs[1].value, "spec.repo", ""),
                     "git://127.0.0.1:9418/acme/shop.git");
}

/* ---- before local mode starts ---- */

Test(launch, a_directory_too_long_for_sockets_is_refused)
{
    char dir[200];
    struct err e = ERR_INIT;

    memset(dir, 'x', sizeof(dir) - 1);
    dir[0] = '/';
    dir[sizeof(dir) - 1] = '\0';
    cr_expect_eq(launch_check_length(dir, &e), -1);
    cr_expect_not_null(strstr(e.text, "--data"), "%s", e.text);
    dir[80] = '\0';
    cr_expect_eq(launch_check_length(dir, &e), 0, "%s", e.text);
}

Test(launch, a_directory_that_cannot_be_made_is_refused)
{
    struct err e = ERR_INIT;

    cr_expect_eq(launch_check_dir("/proc/kelos/data", &e), -1);
    cr_expect_not_null(strstr(e.text, "/proc/kelos/data is not writable"), "%s", e.text);
}

Test(launch, a_port_in_use_is_refused)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct err e = ERR_INIT;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    cr_expect_eq(launch_check_port(ntohs(address.sin_port), &e), -1);
    cr_expect_not_null(strstr(e.text, "--port"), "%s", e.text);
    close(fd);
    cr_expect_eq(launch_check_port(0, &e), 0);
}

Test(local, another_process_with_the_pid_is_no_supervisor)
{
    char dir[] = "/tmp/kelos-local.XXXXXX";

    cr_assert_not_null(mkdtemp(dir));
    SCOPED(string) char *path = local_path(dir, "supervisor.pid");
    cr_expect_eq(local_running(dir), 0);
    FILE *f = fopen(path, "w");
    fprintf(f, "%d\n", (int)getpid());
    fclose(f);
    cr_expect_eq(local_running(dir), 0);
    unlink(path);
    rmdir(dir);
}

Test(leftover, monitors_are_ended_and_others_left_alone)
{
    char dir[] = "/tmp/kelos-left.XXXXXX", path[256];
    struct err e = ERR_INIT;

    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/pods", dir);
    mkdir(path, 0700);
    strcat(path, "/uid");
    mkdir(path, 0700);
    strcat(path, "/agent");
    mkdir(path, 0700);
    strcat(path, "/claim.1");
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    /* The start time of somebody else: not ours to end. */
    FILE *f = fopen(path, "w");
    fprintf(f, "%d 1 0\n", (int)pid);
    fclose(f);
    cr_expect_eq(leftover_end_all(dir, &e), 0);
    cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0);

    char stat_path[64], line[1024];
    unsigned long long start = 0;
    snprintf(stat_path, sizeof(stat_path), "/proc/%d/stat", (int)pid);
    FILE *stat_file = fopen(stat_path, "r");
    cr_assert_not_null(fgets(line, sizeof(line), stat_file));
    fclose(stat_file);
    sscanf(strrchr(line, ')') + 2,
           "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
           "%*d %*d %*d %*d %llu",
           &start);
    f = fopen(path, "w");
    fprintf(f, "%d %llu 0\n", (int)pid, start);
    fclose(f);
    cr_expect_eq(leftover_end_all(dir, &e), 1, "%s", e.text);
    int status;
    cr_expect_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(dir);
}
