/* test_kube_auth.c - credentials: which are sent, and what happens when they change. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/data/json.h"
#include "common/clock.h"
#include "common/kube/kube_auth.h"
#include "tests/support/kube_rig.h"
#include "tests/support/rows.h"

static char dir[64];

static void
setup(void)
{
    strcpy(dir, "/tmp/kubeauth.XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
}

static void
teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(auth, .init = setup, .fini = teardown);

static const char *
path_of(const char *name)
{
    static char paths[4][160];
    static int n;
    char *path = paths[n++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* Replaces a file by rename, as the kubelet does. */
static void
put(const char *name, const char *text)
{
    const char *tmp = path_of(".tmp");
    FILE *f = fopen(tmp, "w");

    fputs(text, f);
    fclose(f);
    cr_assert_eq(rename(tmp, path_of(name)), 0);
}

static struct kubeconfig *
config_for(const char *url)
{
    struct kubeconfig *c = calloc(1, sizeof *c);

    c->source = strdup("test");
    c->context = strdup("test");
    c->server = strdup(url);
    c->namespace_ = strdup("d");
    return c;
}

static int
get(struct rig *r, struct err *e)
{
    const struct kube_request req = {.verb = KUBE_GET,
                                     .res = kube_res(KUBE_PODS),
                                     .ns = "d",
                                     .name = "p",
                                     .deadline_ms = 60000};
    return kube_call_wait(r->kube, &req, NULL, NULL, e);
}

#define UNAUTHORIZED                                                                     \
    "status 401\njson {\"kind\":\"Status\",\"code\":401,\"reason\":\"Unauthorized\"}"

Test(auth, reads_a_rotated_token_again_after_a_401_and_loses_nothing)
{
    static const struct fault_rule rules[] = {
        {"GET", 1, 1, "json {}"},
        {"GET", 2, 2, UNAUTHORIZED},
        {"GET", 3, 0, "json {}"},
    };
    struct fault *f = fault_start(rules, 3);
    struct kubeconfig *c = config_for(fault_url(f));
    struct err e = ERR_INIT;

    put("token", "  one\n");
    c->token_file = strdup(path_of("token"));
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    put("token", "two");
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    cr_assert(strstr(fault_request(f, 0), "Authorization: Bearer one\n") != NULL);
    cr_assert(strstr(fault_request(f, 1), "Authorization: Bearer one\n") != NULL,
              "read once a minute");
    cr_assert(strstr(fault_request(f, 2), "Authorization: Bearer two\n") != NULL);
    unlink(path_of("token"));
    cr_assert_eq(get(&r, &e), 0, "the last good token is used on");
    row_claim("KC/AUTH-6");
    rig_down(&r);
}

Test(auth, repeats_once_after_a_401_and_never_an_unsafe_write)
{
    static const struct fault_rule rules[] = {{"", 0, 0, UNAUTHORIZED}};
    struct fault *f = fault_start(rules, 1);
    struct kubeconfig *c = config_for(fault_url(f));
    struct err e = ERR_INIT;
    SCOPED(json) json_t *body = json_object();

    put("token", "one");
    c->token_file = strdup(path_of("token"));
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get(&r, &e), -1);
    cr_assert_eq(e.code, ERR_UNAUTHORIZED);
    cr_assert_eq(fault_count(f), 2);
    const struct kube_request post = {
        .verb = KUBE_CREATE, .res = kube_res(KUBE_PODS), .ns = "d", .body = body};
    cr_assert_eq(kube_call_wait(r.kube, &post, NULL, NULL, &e), -1);
    cr_assert_eq(fault_count(f), 3);
    row_claim("KC/AUTH-7");
    rig_down(&r);
}

Test(auth, takes_a_403_as_an_answer)
{
    static const struct fault_rule rules[] = {
        {"", 0, 0,
         "status 403\njson "
         "{\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"message\":"
         "\"exceeded quota\"}"}};
    struct fault *f = fault_start(rules, 1);
    struct rig r = rig_with(f, config_for(fault_url(f)), KUBE_AS_USER);
    struct err e = ERR_INIT;

    cr_assert_eq(get(&r, &e), -1);
    cr_assert_eq(e.code, ERR_FORBIDDEN);
    cr_assert_str_eq(e.text, "GET pods/p: HTTP 403: exceeded quota");
    cr_assert_eq(fault_count(f), 1);
    row_claim("KC/AUTH-8");
    rig_down(&r);
}

Test(auth, uses_token_then_file_then_basic)
{
    static const struct fault_rule rules[] = {{"", 0, 0, "json {}"}};
    struct fault *f = fault_start(rules, 1);
    struct kubeconfig *c = config_for(fault_url(f));
    struct err e = ERR_INIT;

    c->token = secret_new("static", 6);
    c->token_file = strdup(path_of("none"));
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    put("none", "from-file");
    cr_assert(strstr(fault_request(f, 0), "Bearer static\n") != NULL,
              "the file could not be read yet");
    kube_free(r.kube);
    c = config_for(fault_url(f));
    c->token = secret_new("static", 6);
    c->token_file = strdup(path_of("none"));
    const struct kube_options o = {.actor = KUBE_AS_USER};
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert_eq(get(&r, &e), 0);
    cr_assert(strstr(fault_request(f, 1), "Bearer from-file\n") != NULL);
    row_claim("KC/AUTH-1");
    kube_free(r.kube);
    c = config_for(fault_url(f));
    c->username = strdup("jane");
    c->password = secret_new("pw", 2);
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert_eq(get(&r, &e), 0);
    cr_assert(strstr(fault_request(f, 2), "Authorization: Basic amFuZTpwdw==\n") != NULL);
    row_claim("KC/AUTH-3");
    rig_down(&r);
}

Test(auth, impersonates)
{
    static const struct fault_rule rules[] = {{"", 0, 0, "json {}"}};
    struct fault *f = fault_start(rules, 1);
    struct kubeconfig *c = config_for(fault_url(f));
    struct err e = ERR_INIT;

    c->as = strdup("jane");
    c->as_uid = strdup("7");
    c->as_groups = calloc(3, sizeof(char *));
    c->as_groups[0] = strdup("a");
    c->as_groups[1] = strdup("b");
    c->as_extra = json_pack("{s:[s,s]}", "acme.com/Team x", "r", "s");
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    const char *seen = fault_request(f, 0);
    static const char *const lines[] = {"\nImpersonate-User: jane\n",
                                        "\nImpersonate-Uid: 7\n",
                                        "\nImpersonate-Group: a\n",
                                        "\nImpersonate-Group: b\n",
                                        "\nImpersonate-Extra-acme.com%2FTeam%20x: r\n",
                                        "\nImpersonate-Extra-acme.com%2FTeam%20x: s\n"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        cr_expect(strstr(seen, lines[i]) != NULL, "%s in %s", lines[i], seen);
    row_claim("KC/AUTH-5");
    rig_down(&r);
}

Test(auth, sends_no_credentials_over_plain_http_to_another_host)
{
    struct err e = ERR_INIT;
    struct loop *loop = loop_poll_new(&e);
    struct kubeconfig *c = config_for("http://192.0.2.1:8080");
    const struct kube_options o = {.actor = KUBE_AS_USER};
    struct rig r = {.loop = loop};

    c->token = secret_new("static", 6);
    r.kube = kube_new(loop, &c, &o, &e);
    cr_assert_eq(get(&r, &e), -1);
    cr_assert_eq(e.code, ERR_FORBIDDEN);
    cr_assert(strstr(e.text, "plain http") != NULL, "%s", e.text);
    row_claim("KC/HTTP-6");
    kube_free(r.kube);
    loop_free(loop);
}

/* ---- TLS ---- */

static void
make_cert(const char *name, const char *subject)
{
    char command[1024];

    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "
             "2 -keyout %s/%s.key "
             "-out %s/%s.crt -subj /CN=%s -addext subjectAltName=DNS:%s,IP:127.0.0.1 > "
             "/dev/null 2>&1",
             dir, name, dir, name, subject, subject);
    cr_assert_eq(system(command), 0);
}

static struct fault *
tls_server(const char *name)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "json {}"}};
    char cert[160], key[160], file[32];

    snprintf(file, sizeof file, "%s.crt", name);
    strcpy(cert, path_of(file));
    snprintf(file, sizeof file, "%s.key", name);
    strcpy(key, path_of(file));
    return fault_start_tls(rules, 1, cert, key);
}

static int
get_quickly(struct rig *r, struct err *e)
{
    const struct kube_request req = {.verb = KUBE_GET,
                                     .res = kube_res(KUBE_PODS),
                                     .ns = "d",
                                     .name = "p",
                                     .deadline_ms = 700};
    return kube_call_wait(r->kube, &req, NULL, NULL, e);
}

Test(auth, trusts_the_given_authority_and_no_other)
{
    struct err e = ERR_INIT;

    make_cert("a", "a.test");
    make_cert("b", "b.test");
    struct fault *f = tls_server("a");
    struct kubeconfig *c = config_for(fault_url(f));
    c->ca_file = strdup(path_of("b.crt"));
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get_quickly(&r, &e), -1);
    cr_assert(strstr(e.text, "certificate") != NULL || strstr(e.text, "SSL") != NULL,
              "%s", e.text);
    kube_free(r.kube);
    c = config_for(fault_url(f));
    c->ca_file = strdup(path_of("a.crt"));
    const struct kube_options o = {.actor = KUBE_AS_USER};
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert(r.kube != NULL, "%s", e.text);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    kube_free(r.kube);
    c = config_for(fault_url(f));
    c->insecure = true;
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    kube_free(r.kube);
    put("broken.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    c = config_for(fault_url(f));
    c->ca_file = strdup(path_of("broken.crt"));
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert_eq(r.kube, NULL, "a broken bundle is said at once");
    rig_down(&r);
}

Test(auth, reads_a_replaced_bundle_as_soon_as_the_server_is_not_trusted)
{
    struct err e = ERR_INIT;
    bool changed = false;
    struct kubeconfig *c = config_for("https://h");

    make_cert("a", "a.test");
    make_cert("b", "b.test");
    c->ca_file = strdup(path_of("a.crt"));
    SCOPED(kube_auth) struct kube_auth *a = kube_auth_new(&c, &e);
    int64_t now = clock_mono_ms();
    SCOPED(string) char *old = strdup(kube_auth_transport(a)->ca_pem);
    cr_assert_eq(rename(path_of("b.crt"), path_of("a.crt")), 0);
    kube_auth_doubt(a, now + 500);
    cr_assert_eq(kube_auth_refresh(a, now + 500, &changed, &e), 0);
    cr_assert(!changed, "at most once a second");
    kube_auth_doubt(a, now + 2000);
    cr_assert_eq(kube_auth_refresh(a, now + 2000, &changed, &e), 0);
    cr_assert(changed);
    cr_assert_str_neq(kube_auth_transport(a)->ca_pem, old);
    /* The whole client: the server's certificate is not of the bundle that was read at first. */
    make_cert("b", "b.test");
    make_cert("ca", "ca.test");
    struct fault *f = tls_server("b");
    c = config_for(fault_url(f));
    c->ca_file = strdup(path_of("ca.crt"));
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get_quickly(&r, &e), -1);
    cr_assert_eq(rename(path_of("b.crt"), path_of("ca.crt")), 0);
    int rc = -1;
    for (int n = 0; n < 150 && rc < 0; n++, usleep(rc < 0 ? 200000 : 0))
        rc = get(&r, &e);
    cr_assert_eq(rc, 0, "%s", e.text);
    rig_down(&r);
}

Test(auth, asks_for_the_tls_name_and_keeps_the_host)
{
    struct err e = ERR_INIT;

    make_cert("a", "kube.test");
    struct fault *f = tls_server("a");
    struct kubeconfig *c = config_for(fault_url(f));
    char host[64];
    c->ca_file = strdup(path_of("a.crt"));
    c->server_name = strdup("kube.test");
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    cr_assert(strstr(fault_request(f, 0), "TLS sni=kube.test") != NULL, "%s",
              fault_request(f, 0));
    snprintf(host, sizeof host, "\nHost: 127.0.0.1:%d\n", fault_port(f));
    cr_assert(strstr(fault_request(f, 1), host) != NULL, "%s", fault_request(f, 1));
    rig_down(&r);
}

Test(auth, presents_its_certificate_beside_a_bearer)
{
    struct err e = ERR_INIT;

    make_cert("a", "kube.test");
    struct fault *f = tls_server("a");
    struct kubeconfig *c = config_for(fault_url(f));
    c->ca_file = strdup(path_of("a.crt"));
    c->cert_file = strdup(path_of("a.crt"));
    c->key_file = strdup(path_of("a.key"));
    c->token = secret_new("tok", 3);
    struct rig r = rig_with(f, c, KUBE_AS_USER);
    cr_assert_eq(get(&r, &e), 0, "%s", e.text);
    cr_assert(strstr(fault_request(f, 0), "cert=yes") != NULL, "%s", fault_request(f, 0));
    cr_assert(strstr(fault_request(f, 1), "Bearer tok") != NULL);
    row_claim("KC/AUTH-2");
    rig_down(&r);
}

Test(auth, reads_certificates_again_every_five_minutes_and_keeps_good_ones)
{
    struct err e = ERR_INIT;
    bool changed = false;
    struct kubeconfig *c = config_for("https://h");
    int64_t now = clock_mono_ms();

    make_cert("a", "a.test");
    make_cert("b", "b.test");
    make_cert("ca", "ca.test");
    c->cert_file = strdup(path_of("a.crt"));
    c->key_file = strdup(path_of("a.key"));
    c->ca_file = strdup(path_of("ca.crt"));
    SCOPED(kube_auth) struct kube_auth *a = kube_auth_new(&c, &e);
    cr_assert(a != NULL, "%s", e.text);
    SCOPED(string) char *first = strdup(kube_auth_transport(a)->cert_pem);
    SCOPED(string) char *ca = strdup(kube_auth_transport(a)->ca_pem);
    cr_assert_eq(rename(path_of("b.crt"), path_of("a.crt")), 0);
    cr_assert_eq(rename(path_of("b.key"), path_of("a.key")), 0);
    put("ca.crt", "");
    cr_assert_eq(kube_auth_refresh(a, now + 200000, &changed, &e), 0);
    cr_assert(!changed);
    cr_assert_str_eq(kube_auth_transport(a)->cert_pem, first);
    cr_assert_eq(kube_auth_refresh(a, now + 301000, &changed, &e), 0);
    cr_assert(changed || strcmp(kube_auth_transport(a)->cert_pem, first) != 0);
    cr_assert_str_neq(kube_auth_transport(a)->cert_pem, first);
    cr_assert_str_eq(kube_auth_transport(a)->ca_pem, ca,
                     "an empty bundle replaces nothing");
}

Test(auth, presents_the_new_certificate_on_new_connections)
{
    struct err e = ERR_INIT;
    bool changed = false;

    make_cert("a", "kube.test");
    struct kubeconfig *c = config_for("https://h");
    c->cert_file = strdup(path_of("a.crt"));
    c->key_file = strdup(path_of("a.key"));
    SCOPED(kube_auth) struct kube_auth *a = kube_auth_new(&c, &e);
    make_cert("a", "other.test");
    cr_assert_eq(kube_auth_refresh(a, clock_mono_ms() + 301000, &changed, &e), 0);
    cr_assert(changed, "the caller closes its idle connections");
    row_claim("KC/AUTH-9");
}
