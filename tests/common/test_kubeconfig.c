/* test_kubeconfig.c - which cluster, and who we are there. */
#include "common/kube/kubeconfig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "tests/support/rows.h"

static char dir[64];

static void
setup(void)
{
    strcpy(dir, "/tmp/kubeconfig.XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
}

static void
teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(kubeconfig, .init = setup, .fini = teardown);

/* Writes a file below the test's folder; its path is valid until the fourth next call. */
static const char *
put(const char *name, const char *text)
{
    static char paths[4][160];
    static int n;
    char *path = paths[n++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
    FILE *f = fopen(path, "w");
    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
    return path;
}

#define CONTEXT                                                                          \
    "current-context: c\ncontexts:\n- name: c\n  context: {cluster: k, user: u, "        \
    "namespace: team}\n"
#define CLUSTER "clusters:\n- name: k\n  cluster:\n    server: https://h:6443/\n"
#define USER "users:\n- name: u\n  user:\n"

static struct kubeconfig *
load(const char *text, struct err *e)
{
    const struct kubeconfig_options o = {.path = put("config", text)};
    return kubeconfig_load(&o, e);
}

Test(kubeconfig, resolves_a_context_with_every_field)
{
    struct err e = ERR_INIT;
    SCOPED(kubeconfig)
    struct kubeconfig *c = load(
        CONTEXT CLUSTER
        "    tls-server-name: other\n    proxy-url: socks5://p:1\n    extra: {a: 1}\n"
        "    certificate-authority-data: Q0E=\n" USER
        "    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ\n    token: "
        "tok\n"
        "    as: jane\n    as-uid: '7'\n    as-groups: [a, b]\n    as-user-extra: {k: "
        "[v]}\n"
        "preferences: {}\n",
        &e);

    cr_assert(c != NULL, "%s", e.text);
    cr_assert_str_eq(c->server, "https://h:6443");
    cr_assert_str_eq(c->namespace_, "team");
    cr_assert_str_eq(c->server_name, "other");
    cr_assert_str_eq(c->proxy, "socks5://p:1");
    cr_assert_str_eq(c->ca_pem, "CA");
    cr_assert_str_eq(c->cert_pem, "CERT");
    cr_assert_str_eq(secret_reveal(c->key_pem), "KEY");
    cr_assert_str_eq(secret_reveal(c->token), "tok");
    cr_assert_str_eq(c->as, "jane");
    cr_assert_str_eq(c->as_groups[1], "b");
    cr_assert_str_eq(json_str_or(c->as_extra, "k[0]", ""), "v");
    row_claim("KC/CFG-5");
}

Test(kubeconfig, takes_json_and_files_beside_the_config)
{
    struct err e = ERR_INIT;

    put("ca.crt", "CA");
    put("tok", "t");
    SCOPED(kubeconfig)
    struct kubeconfig *c =
        load("{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{"
             "\"cluster\":\"k\",\"user\":\"u\"}}],"
             "\"clusters\":[{\"name\":\"k\",\"cluster\":{\"server\":\"http://"
             "h\",\"certificate-authority\":\"ca.crt\"}}],"
             "\"users\":[{\"name\":\"u\",\"user\":{\"tokenFile\":\"tok\"}}]}",
             &e);
    char want[160];

    cr_assert(c != NULL, "%s", e.text);
    snprintf(want, sizeof want, "%s/ca.crt", dir);
    cr_assert_str_eq(c->ca_file, want);
    cr_assert_str_eq(c->namespace_, "default");
    cr_assert(c->token_file != NULL);
}

static const struct {
    const char *text, *error;
} bads[] = {
    {"current-context: x\n", "context \"x\" does not exist"},
    {"current-context: c\ncontexts:\n- name: c\n  context: {user: u}\n",
     "context \"c\" has no cluster"},
    {"current-context: c\ncontexts:\n- name: c\n  context: {cluster: k}\n",
     "context \"c\" has no user"},
    {CONTEXT, "names cluster \"k\", which does not exist"},
    {CONTEXT CLUSTER, "names user \"u\", which does not exist"},
    {CONTEXT "clusters:\n- name: k\n  cluster: {}\n" USER "    token: a\n",
     "cluster \"k\": has no server"},
    {CONTEXT CLUSTER USER "    client-certificate-data: Q0E=\n",
     "client-certificate without client-key"},
    {CONTEXT CLUSTER USER "    client-key-data: Q0E=\n",
     "client-key without client-certificate"},
    {CONTEXT CLUSTER USER "    auth-provider: {name: gcp}\n",
     "auth-provider \"gcp\" is obsolete; use an exec plugin"},
    {CONTEXT CLUSTER USER "    auth-provider: {name: gcp}\n    exec: {command: x}\n",
     "auth-provider and exec exclude each other"},
    {CONTEXT CLUSTER
     "    insecure-skip-tls-verify: true\n    certificate-authority-data: Q0E=\n" USER
     "    token: a\n",
     "exclude each other"},
    {CONTEXT CLUSTER "    certificate-authority: none.crt\n" USER "    token: a\n",
     "none.crt: No such file or directory"},
    {CONTEXT CLUSTER "    certificate-authority-data: '!!'\n" USER "    token: a\n",
     "certificate-authority-data: not base64"},
    {CONTEXT CLUSTER USER "    as-uid: a\n", "need as"},
    {CONTEXT CLUSTER USER "    username: a\n    token: b\n",
     "username and token exclude each other"},
    {CONTEXT CLUSTER USER "    token: 12\n", "token: is a number, must be a string"},
    {CONTEXT CLUSTER USER
     "    exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}\n",
     "exec.apiVersion must be"},
    {CONTEXT CLUSTER USER
     "    exec: {command: x, apiVersion: client.authentication.k8s.io/v1}\n",
     "exec.interactiveMode: is missing"},
    {CONTEXT CLUSTER USER
     "    exec: {apiVersion: client.authentication.k8s.io/v1beta1}\n",
     "exec.command: is missing"},
    {"a: [1\n", "config:"},
    {"users: {}\n", "users: is an object, must be a list"},
};

Test(kubeconfig, says_in_words_what_is_wrong)
{
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct err e = ERR_INIT;
        cr_expect_eq(load(bads[i].text, &e), NULL, "%s", bads[i].text);
        cr_expect(strstr(e.text, bads[i].error) != NULL, "%s\nhave: %s", bads[i].error,
                  e.text);
        cr_expect_eq(e.code, ERR_INVALID, "%s", e.text);
    }
    row_claim("KC/CFG-6");
    row_claim("KC/AUTH-4");
}

Test(kubeconfig, prefers_inline_data_and_says_so)
{
    struct err e = ERR_INIT;
    SCOPED(kubeconfig)
    struct kubeconfig *c = load(
        CONTEXT CLUSTER
        "    certificate-authority: none\n    certificate-authority-data: Q0E=\n" USER
        "    token: t\n",
        &e);

    cr_assert(c != NULL, "%s", e.text);
    cr_assert_str_eq(c->ca_pem, "CA");
    cr_assert_eq(c->ca_file, NULL);
    cr_assert(strstr(json_str_or(c->warnings, "[0]", ""),
                     "certificate-authority is not used") != NULL);
}

Test(kubeconfig, merges_files_first_definition_wins_whole)
{
    struct err e = ERR_INIT;
    char list[400];
    char a[160], b[160];

    strcpy(a, put("a", "users:\n- name: u\n  user: {token: first}\n"));
    strcpy(b, put("sub/b", CONTEXT CLUSTER "    certificate-authority: b.crt\n" USER
                                           "    token: second\n    username: x\n"));
    put("sub/b.crt", "CA");
    snprintf(list, sizeof list, "%s:/none/such::%s:%s", a, a, b);
    const struct kubeconfig_options o = {.env = list, .home = "/nonexistent"};
    SCOPED(kubeconfig) struct kubeconfig *c = kubeconfig_load(&o, &e);
    cr_assert(c != NULL, "%s", e.text);
    cr_assert_str_eq(secret_reveal(c->token), "first");
    cr_assert_eq(c->username, NULL, "nothing of the later definition is taken");
    cr_assert(strstr(c->ca_file, "/sub/b.crt") != NULL,
              "relative to the file that says it");
    row_claim("KC/CFG-4");
}

Test(kubeconfig, finds_files_in_their_order)
{
    struct err e = ERR_INIT;
    char home[160], env[160], path[160];

    snprintf(home, sizeof home, "%s/home", dir);
    mkdir(home, 0700);
    put("home/.kube/config", CONTEXT CLUSTER USER "    token: home\n");
    strcpy(env, put("env", CONTEXT CLUSTER USER "    token: env\n"));
    strcpy(path, put("path", CONTEXT CLUSTER USER "    token: path\n"));
    struct kubeconfig_options o = {.path = path, .env = env, .home = home};
    const char *const want[] = {"path", "env", "home"};
    for (int i = 0; i < 3; i++) {
        SCOPED(kubeconfig) struct kubeconfig *c = kubeconfig_load(&o, &e);
        cr_assert(c != NULL, "%s", e.text);
        cr_expect_str_eq(secret_reveal(c->token), want[i]);
        if (i == 0)
            o.path = NULL;
        else
            o.env = NULL;
    }
    o = (struct kubeconfig_options){.path = path, .token = "flag"};
    SCOPED(kubeconfig) struct kubeconfig *c = kubeconfig_load(&o, &e);
    cr_assert_str_eq(secret_reveal(c->token), "flag");
    o = (struct kubeconfig_options){.path = "/none/such"};
    cr_assert_eq(kubeconfig_load(&o, &e), NULL);
    cr_assert_eq(e.code, ERR_INVALID);
    cr_assert(strstr(e.text, "/none/such does not exist") != NULL);
    o = (struct kubeconfig_options){.env = "/none/a:/none/b", .home = home};
    cr_assert_eq(kubeconfig_load(&o, &e), NULL);
    cr_assert_eq(e.code, ERR_NOT_FOUND);
    cr_assert(strstr(e.text, "none of its files exists") != NULL, "%s", e.text);
    o = (struct kubeconfig_options){.env = put("broken", "a: [")};
    cr_assert_eq(kubeconfig_load(&o, &e), NULL);
    cr_assert(strstr(e.text, "/broken:1:") != NULL ||
                  strstr(e.text, "/broken:2:") != NULL,
              "%s", e.text);
    row_claim("KC/CFG-3");
}

Test(kubeconfig, knows_the_cluster_it_runs_in)
{
    struct err e = ERR_INIT;
    char home[160];

    put("sa/token", " tok \n");
    put("sa/ca.crt", "CA");
    put("sa/namespace", "prod\n");
    snprintf(home, sizeof home, "%s/home", dir);
    mkdir(home, 0700);
    put("home/.kube/config", CONTEXT CLUSTER USER "    token: home\n");
    char service[160];
    snprintf(service, sizeof service, "%s/sa", dir);
    struct kubeconfig_options o = {.service_host = "fd00::1",
                                   .service_port = "443",
                                   .service_dir = service,
                                   .home = home,
                                   .in_cluster_first = true};
    struct kubeconfig *c = kubeconfig_load(&o, &e);
    cr_assert(c != NULL, "%s", e.text);
    cr_assert_str_eq(c->server, "https://[fd00::1]:443");
    cr_assert_str_eq(c->namespace_, "prod");
    cr_assert_str_eq(c->source, "in-cluster");
    kubeconfig_free(c);
    o.in_cluster_first = false;
    c = kubeconfig_load(&o, &e);
    cr_assert_str_eq(secret_reveal(c->token), "home",
                     "the CLI takes the home file first");
    kubeconfig_free(c);
    o.home = "/nonexistent";
    o.pod_namespace = "mine";
    c = kubeconfig_load(&o, &e);
    cr_assert_str_eq(c->namespace_, "mine");
    kubeconfig_free(c);
    row_claim("KC/CFG-1");
    char ca[200];
    snprintf(ca, sizeof ca, "%s/ca.crt", service);
    unlink(ca);
    cr_assert_eq(kubeconfig_load(&o, &e), NULL, "a missing CA is an error");
    cr_assert(strstr(e.text, "ca.crt") != NULL);
    row_claim("KC/CFG-2");
}

Test(kubeconfig, falls_back_to_the_local_one_when_nothing_is_configured)
{
    struct err e = ERR_INIT;
    const struct kubeconfig_options o = {
        .home = "/nonexistent",
        .fallback = put("local", CONTEXT CLUSTER USER "    token: local\n")};
    SCOPED(kubeconfig) struct kubeconfig *c = kubeconfig_load(&o, &e);

    cr_assert(c != NULL, "%s", e.text);
    cr_assert_str_eq(secret_reveal(c->token), "local");
    const struct kubeconfig_options none = {.home = "/nonexistent"};
    cr_assert_eq(kubeconfig_load(&none, &e), NULL);
    cr_assert_eq(e.code, ERR_NOT_FOUND);
}

Test(kubeconfig, reads_an_exec_plugin)
{
    struct err e = ERR_INIT;
    SCOPED(kubeconfig)
    struct kubeconfig *c =
        load(CONTEXT CLUSTER
             "    extensions:\n    - name: client.authentication.k8s.io/exec\n      "
             "extension: {aud: x}\n" USER
             "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      "
             "command: ./bin/login\n"
             "      args: [get, token]\n      env: [{name: A, value: b}]\n      "
             "provideClusterInfo: true\n"
             "      installHint: install it\n",
             &e);

    cr_assert(c != NULL, "%s", e.text);
    cr_assert(strncmp(c->exec->command, dir, strlen(dir)) == 0,
              "relative to the file: %s", c->exec->command);
    cr_assert_str_eq(c->exec->args[1], "token");
    cr_assert_str_eq(c->exec->env[0], "A=b");
    cr_assert_str_eq(c->exec->interactive_mode, "IfAvailable");
    cr_assert_str_eq(json_str_or(c->exec->cluster_config, "aud", ""), "x");
}
