/* test_podstate.c - what a Pod has come to, and what is due next. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/runner/podstate.h"

#define NOW INT64_C(1800000000000)

static struct podstate *
state_of(const char *spec)
{
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *pod =
        json_pack("{s:{s:s, s:s, s:s}, s:o}", "metadata", "name", "p", "namespace", "ns",
                  "uid", "u", "spec", json_loads(spec, 0, NULL));
    struct podstate *p = podstate_new(pod, NOW, &e);

    cr_assert_not_null(p, "%s", e.text);
    return p;
}

static void
run(struct podstate *p, int i)
{
    p->containers[i].phase = CONTAINER_RUNNING;
    p->containers[i].begun = false;
    p->containers[i].started_ms = NOW;
}

static void
ended(struct podstate *p, int i, int code)
{
    struct exit_info info = {.code = code, .started_ms = NOW, .finished_ms = NOW + 5};

    podstate_ended(p, &p->containers[i], &info, NOW + 10);
}

static const char task[] = "{\"restartPolicy\": \"Never\", \"initContainers\": "
                           "[{\"name\": \"clone\"}, {\"name\": \"setup\"}],"
                           " \"containers\": [{\"name\": \"agent\"}]}";

Test(podstate, runs_init_containers_in_order_then_the_others)
{
    SCOPED(podstate) struct podstate *p = state_of(task);
    int64_t wake;

    cr_assert_eq(podstate_next(p, NOW, &wake), 0);
    p->containers[0].begun = true;
    cr_assert_eq(podstate_next(p, NOW, &wake), -1);
    run(p, 0);
    cr_assert_eq(podstate_next(p, NOW, &wake), -1);
    cr_assert_eq(podstate_phase(p), POD_PENDING);
    ended(p, 0, 0);
    cr_assert_eq(podstate_next(p, NOW, &wake), 1);
    run(p, 1);
    ended(p, 1, 0);
    cr_assert_eq(podstate_next(p, NOW, &wake), 2);
    run(p, 2);
    cr_assert_eq(podstate_phase(p), POD_RUNNING);
    ended(p, 2, 0);
    cr_assert_eq(podstate_phase(p), POD_SUCCEEDED);
    cr_assert_eq(podstate_next(p, NOW, &wake), -1);
}

Test(podstate, fails_with_its_init_container)
{
    SCOPED(podstate) struct podstate *p = state_of(task);
    int64_t wake;

    run(p, 0);
    ended(p, 0, 128);
    cr_assert_eq(podstate_phase(p), POD_FAILED);
    cr_assert_eq(podstate_next(p, NOW, &wake), -1);
    SCOPED(json) json_t *s = podstate_status(p);
    cr_expect_str_eq(json_str_or(s, "status.phase", ""), "Failed");
    cr_expect_eq(
        json_int_or(s, "status.initContainerStatuses[0].state.terminated.exitCode", 0),
        128);
    cr_expect_str_eq(
        json_str_or(s, "status.initContainerStatuses[0].state.terminated.reason", ""),
        "Error");
    cr_expect_str_eq(
        json_str_or(s, "status.containerStatuses[0].state.waiting.reason", ""),
        "PodInitializing");
}

Test(podstate, waits_and_tries_again_when_a_start_fails)
{
    SCOPED(podstate) struct podstate *p = state_of(task);
    int64_t wake;

    podstate_start_failed(&p->containers[0], "CreateContainerConfigError",
                          "secret \"s\" not found", NOW);
    cr_assert_eq(podstate_next(p, NOW, &wake), -1);
    cr_assert_eq(wake, NOW + 1000);
    cr_assert_eq(podstate_next(p, NOW + 1000, &wake), 0);
    podstate_start_failed(&p->containers[0], "CreateContainerConfigError",
                          "secret \"s\" not found", NOW);
    cr_assert_eq(p->containers[0].retry_ms, NOW + 2000);
    SCOPED(json) json_t *s = podstate_status(p);
    cr_expect_str_eq(
        json_str_or(s, "status.initContainerStatuses[0].state.waiting.message", ""),
        "secret \"s\" not found");
}

Test(podstate, restarts_as_the_policy_says)
{
    SCOPED(podstate)
    struct podstate *p = state_of(
        "{\"restartPolicy\": \"OnFailure\", \"containers\": [{\"name\": \"a\"}]}");

    run(p, 0);
    ended(p, 0, 1);
    cr_assert_eq(p->containers[0].phase, CONTAINER_WAITING);
    cr_assert_eq(p->containers[0].attempt, 1);
    cr_assert_str_eq(p->containers[0].reason, "CrashLoopBackOff");
    cr_assert_eq(podstate_phase(p), POD_RUNNING);
    SCOPED(json) json_t *s = podstate_status(p);
    cr_expect_eq(json_int_or(s, "status.containerStatuses[0].restartCount", 0), 1);
    cr_expect_eq(
        json_int_or(s, "status.containerStatuses[0].lastState.terminated.exitCode", 0),
        1);
    run(p, 0);
    ended(p, 0, 0);
    cr_assert_eq(podstate_phase(p), POD_SUCCEEDED);
}

Test(podstate, lets_a_sidecar_run_beside_and_end_last)
{
    SCOPED(podstate)
    struct podstate *p = state_of("{\"restartPolicy\": \"Never\", \"initContainers\": "
                                  "[{\"name\": \"db\", \"restartPolicy\": \"Always\"}],"
                                  " \"containers\": [{\"name\": \"agent\"}]}");
    int64_t wake;

    cr_assert_eq(podstate_next(p, NOW, &wake), 0);
    run(p, 0);
    cr_assert_eq(podstate_next(p, NOW, &wake), 1);
    run(p, 1);
    cr_assert_not(podstate_mains_ended(p));
    ended(p, 1, 0);
    cr_assert(podstate_mains_ended(p));
    cr_assert_eq(podstate_phase(p), POD_RUNNING, "the sidecar still stops");
    ended(p, 0, 143);
    cr_assert_eq(p->containers[0].phase, CONTAINER_ENDED, "it is not restarted");
    cr_assert_eq(podstate_phase(p), POD_SUCCEEDED);
}

Test(podstate, starts_nothing_when_ending_and_is_failed_then)
{
    SCOPED(podstate) struct podstate *p = state_of(task);
    int64_t wake;

    p->ending = true;
    cr_assert_eq(podstate_next(p, NOW, &wake), -1);
    cr_assert_eq(podstate_phase(p), POD_FAILED);
    p->ending = false;
    run(p, 0);
    strcpy(p->failed_reason, "DeadlineExceeded");
    cr_assert_eq(podstate_phase(p), POD_PENDING, "not before it has stopped");
    ended(p, 0, 143);
    cr_assert_eq(podstate_phase(p), POD_FAILED);
    SCOPED(json) json_t *s = podstate_status(p);
    cr_expect_str_eq(json_str_or(s, "status.reason", ""), "DeadlineExceeded");
}

Test(podstate, refuses_names_that_are_paths)
{
    static const char *const bad[] = {"../x", "", ".hidden", "a/b"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = ERR_INIT;
        SCOPED(json)
        json_t *pod = json_pack("{s:{s:[{s:s}]}}", "spec", "containers", "name", bad[i]);
        cr_expect_null(podstate_new(pod, NOW, &e));
        cr_expect_not_null(strstr(e.text, "spec.containers[0].name"), "%s", e.text);
    }
}
