/* test_kubeexec.c - credential plugins: what they are told, what they may answer. */
#include "common/kube/kubeexec.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "tests/support/fault.h"
#include "tests/support/rows.h"

#define V1 "client.authentication.k8s.io/v1"
#define BETA "client.authentication.k8s.io/v1beta1"
#define ANSWER(version, status)                                                          \
    "{\"apiVersion\":\"" version "\",\"kind\":\"ExecCredential\"," status "}"

static char dir[64];

static void
setup(void)
{
    strcpy(dir, "/tmp/kubeexec.XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
}

static void
teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(kubeexec, .init = setup, .fini = teardown);

struct rig {
    struct fault *fault;
    struct loop *loop;
    struct kube *kube;
    struct kubeexec *exec;
};

/* A client whose plugin is the shell script; `runs` counts its starts in a file. */
static struct rig
rig_up(const char *script, const char *version, const char *mode,
       const struct fault_rule *rules, size_t n)
{
    char path[128];
    struct err e = ERR_INIT;
    struct rig r = {.fault = fault_start(rules, n), .loop = loop_poll_new(&e)};
    struct kubeconfig *c = calloc(1, sizeof *c);
    const struct kube_options o = {.actor = KUBE_AS_USER, .program = "kelos-test"};
    const struct kubeexec_options xo = {.timeout_ms = 8000};

    snprintf(path, sizeof path, "%s/plugin", dir);
    FILE *f = fopen(path, "w");
    fprintf(f,
            "#!/bin/sh\necho run >> %s/runs\necho \"$KUBERNETES_EXEC_INFO\" > "
            "%s/info\necho \"$1 $EXTRA\" > %s/args\n%s\n",
            dir, dir, dir, script);
    fclose(f);
    chmod(path, 0700);
    c->source = strdup("t");
    c->context = strdup("t");
    c->server = strdup(fault_url(r.fault));
    c->namespace_ = strdup("d");
    c->ca_pem = NULL;
    c->exec = calloc(1, sizeof *c->exec);
    c->exec->api_version = strdup(version);
    c->exec->command =
        strdup(strcmp(script, "missing") == 0 ? "/none/such/plugin" : path);
    c->exec->args = calloc(2, sizeof(char *));
    c->exec->args[0] = strdup("get-token");
    c->exec->env = calloc(2, sizeof(char *));
    c->exec->env[0] = strdup("EXTRA=value");
    c->exec->interactive_mode = strdup(mode);
    c->exec->install_hint = strdup("install\x1b it");
    c->exec->provide_cluster_info = true;
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert(r.kube != NULL, "%s", e.text);
    r.exec = kubeexec_attach(r.kube, &xo, &e);
    return r;
}

static void
rig_down(struct rig *r)
{
    kube_free(r->kube);
    kubeexec_free(r->exec);
    loop_free(r->loop);
    fault_stop(r->fault);
}

static int
get(struct rig *r, struct err *e)
{
    const struct kube_request req = {
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = "d", .name = "p"};

    *e = (struct err)ERR_INIT;
    return kube_call_wait(r->kube, &req, NULL, NULL, e);
}

static const char *
file(const char *name)
{
    static char text[4096];
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    if (f != NULL)
        fclose(f);
    return text;
}

static const struct fault_rule all[] = {{"GET", 0, 0, "json {}"}};

Test(kubeexec, runs_once_and_tells_the_plugin_where_it_is)
{
    struct rig r =
        rig_up("echo '" ANSWER(V1, "\"status\":{\"token\":\"from-plugin\"}") "'", V1,
               "Never", all, 1);
    struct err e;

    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    cr_assert_str_eq(file("runs"), "run\n", "kept in memory");
    cr_assert_str_eq(file("args"), "get-token value\n");
    cr_assert(strstr(fault_request(r.fault, 1), "Authorization: Bearer from-plugin\n") !=
              NULL);
    const char *info = file("info");
    SCOPED(json) json_t *v = json_parse(info, strlen(info), 0, &e);
    cr_assert_str_eq(json_str_or(v, "apiVersion", ""), V1);
    cr_assert_str_eq(json_str_or(v, "kind", ""), "ExecCredential");
    cr_assert(!json_bool_or(v, "spec.interactive", true));
    cr_assert_str_eq(json_str_or(v, "spec.cluster.server", ""), fault_url(r.fault));
    row_claim("KC/EXEC-1");
    rig_down(&r);
}

Test(kubeexec, runs_again_after_a_401_and_when_the_credential_expired)
{
    static const struct fault_rule rules[] = {
        {"GET", 1, 1, "json {}"},
        {"GET", 2, 2, "status 401\njson {}"},
        {"GET", 3, 0, "json {}"},
    };
    struct err e;
    struct rig r = rig_up("echo '" ANSWER(V1, "\"status\":{\"token\":\"t\"}") "'", V1,
                          "Never", rules, 3);

    cr_assert_eq(get(&r, &e), 0);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    cr_assert_str_eq(file("runs"), "run\nrun\n");
    rig_down(&r);
    r = rig_up("echo '" ANSWER(V1, "\"status\":{\"token\":\"t\",\"expirationTimestamp\":"
                                   "\"2020-01-01T00:00:00Z\"}") "'",
               V1, "Never", all, 1);
    get(&r, &e);
    get(&r, &e);
    cr_assert_str_eq(file("runs"), "run\nrun\nrun\nrun\n");
    row_claim("KC/EXEC-4");
    rig_down(&r);
}

Test(kubeexec, refuses_answers_that_are_not_valid)
{
    static const struct {
        const char *answer, *error;
    } bads[] = {
        {ANSWER(BETA, "\"status\":{\"token\":\"t\"}"), "the kubeconfig says"},
        {ANSWER(V1, "\"x\":1"), "status: is missing"},
        {ANSWER(V1, "\"status\":{}"), "neither token nor certificate"},
        {ANSWER(V1, "\"status\":{\"clientKeyData\":\"k\"}"), "go together"},
        {ANSWER(V1, "\"status\":{\"token\":1}"), "status.token: is a number"},
        {ANSWER(V1, "\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}"),
         "is no time"},
        {"{", "JSON"},
    };
    struct kube_credential c;

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct err e = ERR_INIT;
        cr_expect_eq(kubeexec_read(bads[i].answer, strlen(bads[i].answer), V1, &c, &e),
                     -1);
        cr_expect(strstr(e.text, bads[i].error) != NULL, "%s: %s", bads[i].answer,
                  e.text);
    }
    struct err e = ERR_INIT;
    static const char pair[] = ANSWER(
        V1, "\"status\":{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}");
    cr_assert_eq(kubeexec_read(pair, strlen(pair), V1, &c, &e), 0);
    cr_assert_str_eq(c.cert_pem, "c");
    secret_free(c.key_pem);
    free(c.cert_pem);
    row_claim("KC/EXEC-3");
}

Test(kubeexec, takes_only_the_versions_it_knows_and_a_terminal_where_one_is_needed)
{
    struct err e;
    struct rig r = rig_up("echo '" ANSWER(BETA, "\"status\":{\"token\":\"t\"}") "'", BETA,
                          "Always", all, 1);

    cr_assert_eq(get(&r, &e), -1);
    cr_assert(strstr(e.text, "needs a terminal") != NULL, "%s", e.text);
    cr_assert_str_eq(file("runs"), "");
    rig_down(&r);
    r = rig_up(
        "read x && echo got; echo '" ANSWER(BETA, "\"status\":{\"token\":\"t\"}") "'",
        BETA, "IfAvailable", all, 1);
    cr_assert_eq(get(&r, &e), 0, "stdin is empty: %s", e.text);
    row_claim("KC/EXEC-2");
    rig_down(&r);
}

Test(kubeexec, bounds_time_and_output_and_says_why_it_failed)
{
    static const struct {
        const char *script, *error;
    } bads[] = {
        {"sleep 600 & sleep 600", "no answer in 8 s"},
        {"head -c 2000000 /dev/zero", "bytes of output"},
        {"echo 'please log in' >&2; exit 3", "exit code 3: please log in"},
        {"kill -9 $$", "killed by signal 9"},
        {"missing", "is not installed"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct err e;
        int64_t began = clock_mono_ms();
        struct rig r = rig_up(bads[i].script, V1, "Never", all, 1);
        cr_expect_eq(get(&r, &e), -1);
        cr_expect(strstr(e.text, bads[i].error) != NULL, "%s: %s", bads[i].script,
                  e.text);
        cr_expect_eq(fault_count(r.fault), 0);
        cr_expect_lt(clock_mono_ms() - began, 60000);
        rig_down(&r);
    }
    row_claim("KC/EXEC-5");
}
