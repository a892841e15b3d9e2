/* test_api.c - requests against the whole server without its sockets. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "common/data/yaml.h"
#include "local/apiserver/api.h"
#include "local/apiserver/gc.h"
#include "local/apiserver/seed.h"
#include "local/apiserver/watch.h"
#include "tests/support/rows.h"

static int64_t now_ms = 1767323045000; /* 2026-01-02T03:04:05Z */

static int64_t
fixed_now(void)
{
    return now_ms;
}

static struct server server;
static struct reply reply;
static json_t *body; /* of the last answer */

static void
start(void)
{
    struct err e = ERR_INIT;

    server = (struct server){.now_ms = fixed_now};
    server.store = store_open(":memory:", &e);
    server.registry = registry_new(&e);
    server.hub = hub_new();
    cr_assert(server.store != NULL && server.registry != NULL && server.hub != NULL, "%s",
              e.text);
    cr_assert_eq(seed_objects(&server, "deploy/crds", &e), 0, "%s", e.text);
    reply = (struct reply)REPLY_INIT;
}

static void
stop(void)
{
    reply_clear(&reply);
    json_decref(body);
    body = NULL;
    store_free(server.store);
    registry_free(server.registry);
    hub_free(server.hub);
}

TestSuite(api, .init = start, .fini = stop);

/* Sends a request; the path may carry a query. Returns the code. */
static int
send_as(const char *method, const char *type, const char *accept, const char *path,
        const char *text)
{
    struct call c = {.method = method,
                     .content_type = type,
                     .accept = accept,
                     .user_agent = "test/1",
                     .body = text != NULL ? text : "",
                     .size = text != NULL ? strlen(text) : 0};
    char copy[1024], *query, *save = NULL;
    struct err e = ERR_INIT;

    snprintf(copy, sizeof copy, "%s", path);
    if ((query = strchr(copy, '?')) != NULL)
        *query++ = '\0';
    c.path = copy;
    for (char *p = query != NULL ? strtok_r(query, "&", &save) : NULL; p != NULL;
         p = strtok_r(NULL, "&", &save)) {
        char *eq = strchr(p, '=');

        if (eq != NULL)
            *eq++ = '\0';
        c.params[c.param_count++] = (struct param){p, eq != NULL ? eq : ""};
    }
    reply_clear(&reply);
    api_handle(&server, &c, &reply);
    cr_assert_eq(store_commit(server.store, &e), 0, "%s", e.text);
    hub_flush(server.hub);
    json_decref(body);
    body = reply.body.size > 0
               ? json_loadb(reply.body.data, reply.body.size, JSON_DECODE_ANY, NULL)
               : NULL;
    return reply.code;
}

static int
ask(const char *method, const char *path, const char *text)
{
    return send_as(method, "application/json", NULL, path, text);
}

static const char *
str(const char *path)
{
    return json_str_or(body, path, "");
}

/* The server's own work: collecting, until there is none. */
static void
settle(void)
{
    struct err e = ERR_INIT;
    int rc;

    do {
        rc = gc_run(&server, 100, &e);
        cr_assert(rc >= 0, "%s", e.text);
        cr_assert_eq(store_commit(server.store, &e), 0, "%s", e.text);
    } while (rc == 1);
    hub_flush(server.hub);
}

#define CMS "/api/v1/namespaces/default/configmaps"
#define TASKS "/apis/kelos.dev/v1alpha1/namespaces/default/tasks"
#define WORKSPACES "/apis/kelos.dev/v1alpha1/namespaces/default/workspaces"

static int
make_cm(const char *name, const char *more)
{
    char text[1024];

    snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"%s\"%s}}", name, more);
    return ask("POST", CMS, text);
}

Test(api, creates_with_identity_and_refuses_a_second)
{
    cr_assert_eq(make_cm("a", ""), 201);
    cr_expect_eq(strlen(str("metadata.uid")), 36u);
    cr_expect_eq(str("metadata.uid")[14], '4');
    cr_expect_str_eq(str("metadata.creationTimestamp"), "2026-01-02T03:04:05Z");
    cr_expect_str_eq(str("apiVersion"), "v1");
    cr_assert_eq(make_cm("a", ""), 409);
    cr_expect_str_eq(str("reason"), "AlreadyExists");
    cr_expect_str_eq(str("details.name"), "a");
    cr_expect_str_eq(str("details.kind"), "configmaps");
    cr_assert_eq(ask("GET", CMS "/b", NULL), 404);
    cr_expect_str_eq(str("details.name"), "b");
    cr_expect_str_eq(str("message"), "configmaps \"b\" not found");
    cr_assert_eq(ask("GET", "/apis/nope.io/v1/things", NULL), 404);
    cr_expect(json_at(body, "details.name") == NULL);
    cr_assert_eq(ask("POST", "/api/v1/namespaces/nope/configmaps",
                     "{\"metadata\":{\"name\":\"x\"}}"),
                 404);
    cr_assert_eq(ask("POST", CMS, "{\"metadata\":{\"generateName\":\"g-\"}}"), 201);
    cr_expect_eq(strlen(str("metadata.name")), 7u);
    cr_assert_eq(ask("POST", CMS, "{\"metadata\":{\"name\":\"Bad_Name\"}}"), 422);
    cr_expect_str_eq(str("details.causes[0].field"), "metadata.name");
    cr_assert_eq(ask("POST", CMS, "{"), 400);
    cr_assert_eq(ask("POST", CMS, "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"x\"}}"),
                 400);
    cr_assert_eq(send_as("POST", "text/csv", NULL, CMS, "a,b"), 415);
    cr_assert_eq(send_as("GET", NULL, "application/vnd.kubernetes.protobuf", CMS, NULL),
                 406);
    cr_assert_eq(ask("PATCH", CMS, "{}"), 405);
    row_claim("KC/ERR-3");
    row_claim("KC/WR-10");
}

Test(api, one_counter_gives_every_write_a_version)
{
    long long last = 0;

    for (int i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof name, "v%d", i);
        cr_assert_eq(i % 2 == 0 ? make_cm(name, "")
                                : ask("POST", WORKSPACES,
                                      i == 1 ? "{\"metadata\":{\"name\":\"w1\"},\"spec\":"
                                               "{\"repo\":\"https://a.b/c\"}}"
                                             : "{\"metadata\":{\"generateName\":\"w-\"},"
                                               "\"spec\":{\"repo\":\"https://a.b/c\"}}"),
                     201);
        const char *text = str("metadata.resourceVersion");
        long long v = atoll(text);
        cr_expect(text[0] != '0' && v > last, "%s", text);
        last = v;
    }
    cr_assert_eq(ask("GET", CMS, NULL), 200);
    cr_expect_eq(atoll(str("metadata.resourceVersion")), last);
    row_claim("KC/SRV-1");
}

Test(api, updates_detect_conflicts_and_no_change_is_no_write)
{
    char text[512], version[32];

    cr_assert_eq(make_cm("a", ""), 201);
    snprintf(version, sizeof version, "%s", str("metadata.resourceVersion"));
    snprintf(text, sizeof text,
             "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%s\"},\"data\":{\"k\":"
             "\"v\"}}",
             version);
    cr_assert_eq(ask("PUT", CMS "/a", text), 200);
    cr_expect_str_neq(str("metadata.resourceVersion"), version);
    cr_assert_eq(ask("PUT", CMS "/a", text), 409);
    cr_expect_str_eq(str("reason"), "Conflict");
    cr_assert_eq(
        ask("PUT", CMS "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"w\"}}"),
        200);
    snprintf(version, sizeof version, "%s", str("metadata.resourceVersion"));
    cr_assert_eq(
        ask("PUT", CMS "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"w\"}}"),
        200);
    cr_expect_str_eq(str("metadata.resourceVersion"), version);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/a",
                         "{\"data\":{\"k\":null,\"l\":\"m\"}}"),
                 200);
    cr_expect(json_at(body, "data.k") == NULL);
    cr_expect_str_eq(str("data.l"), "m");
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/a",
                         "{\"metadata\":{\"resourceVersion\":\"1\"}}"),
                 409);
    cr_assert_eq(send_as("PATCH", "application/json-patch+json", NULL, CMS "/a",
                         "[{\"op\":\"test\",\"path\":\"/data/l\",\"value\":\"x\"}]"),
                 422);
    cr_assert_eq(send_as("PATCH", "application/strategic-merge-patch+json", NULL,
                         CMS "/a", "{\"data\":{\"n\":\"o\"}}"),
                 200);
    cr_assert_eq(send_as("PATCH", "application/strategic-merge-patch+json", NULL,
                         WORKSPACES "/a", "{}"),
                 415);
    cr_assert_eq(ask("PUT", CMS "/zz", "{\"metadata\":{\"name\":\"zz\"}}"), 404);
    row_claim("KC/WR-4");
}

Test(api, a_uid_in_the_body_is_a_precondition_of_every_write)
{
    static const char other[] = "{\"metadata\":{\"name\":\"a\",\"uid\":\"11111111-2222-"
                                "4333-8444-555555555555\"}}";

    cr_assert_eq(make_cm("a", ""), 201);
    cr_assert_eq(ask("PUT", CMS "/a", other), 409);
    cr_expect_str_eq(str("reason"), "Conflict");
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/a", other),
                 422);
    cr_expect_str_eq(str("details.causes[0].field"), "metadata.uid");
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/b", "{}"),
                 404);
    cr_assert_eq(send_as("PATCH", "application/apply-patch+yaml", NULL,
                         CMS "/b?fieldManager=m",
                         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, uid: "
                         "11111111-2222-4333-8444-555555555555}\n"),
                 409);
    cr_assert_eq(
        ask("DELETE", CMS "/a",
            "{\"preconditions\":{\"uid\":\"11111111-2222-4333-8444-555555555555\"}}"),
        409);
    cr_assert_eq(
        ask("DELETE", CMS "/a", "{\"preconditions\":{\"resourceVersion\":\"1\"}}"), 409);
    cr_assert_eq(ask("DELETE", CMS "/a", NULL), 200);
    cr_expect_str_eq(str("status"), "Success");
    cr_assert_eq(ask("DELETE", CMS "/a", NULL), 404);
    row_claim("KC/WR-11");
}

static const char task[] =
    "{\"metadata\":{\"name\":\"t\"},\"spec\":{\"type\":\"codex\",\"prompt\":\"p\","
    "\"credentials\":{\"type\":\"api-key\",\"secretRef\":{\"name\":\"s\"}}},"
    "\"status\":{\"phase\":\"Running\"}}";

Test(api, status_is_a_subresource_and_the_generation_counts_the_spec)
{
    cr_assert_eq(ask("POST", TASKS, task), 201);
    cr_expect(json_at(body, "status") == NULL);
    cr_expect_eq(json_int_or(body, "metadata.generation", 0), 1);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, TASKS "/t/status",
                         "{\"status\":{\"phase\":\"Running\"},\"spec\":{\"prompt\":\"q\"}"
                         ",\"metadata\":{\"labels\":{\"a\":\"b\"}}}"),
                 200);
    cr_expect_str_eq(str("status.phase"), "Running");
    cr_expect_str_eq(str("spec.prompt"), "p");
    cr_expect(json_at(body, "metadata.labels") == NULL);
    cr_expect_eq(json_int_or(body, "metadata.generation", 0), 1);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, TASKS "/t",
                         "{\"status\":{\"phase\":\"Failed\"},\"metadata\":{\"labels\":{"
                         "\"a\":\"b\"}}}"),
                 200);
    cr_expect_str_eq(str("status.phase"), "Running");
    cr_expect_eq(json_int_or(body, "metadata.generation", 0), 1);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, TASKS "/t/status",
                         "{\"status\":{\"phase\":5}}"),
                 422);
    cr_assert_eq(
        ask("POST", WORKSPACES,
            "{\"metadata\":{\"name\":\"w\"},\"spec\":{\"repo\":\"https://a.b/c\"}}"),
        201);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, WORKSPACES "/w",
                         "{\"spec\":{\"ref\":\"dev\"}}"),
                 200);
    cr_expect_eq(json_int_or(body, "metadata.generation", 0), 2);
    row_claim("KC/OBJ-4");
}

Test(api, unknown_fields_are_refused_warned_of_or_dropped)
{
    static const char bogus[] = "{\"metadata\":{\"name\":\"u\",\"nope\":1},\"data\":{"
                                "\"a\":\"b\"},\"extra\":{\"x\":1}}";

    cr_assert_eq(ask("POST", CMS "?fieldValidation=Strict", bogus), 400);
    cr_expect_str_eq(str("message"), "strict decoding error: unknown field "
                                     "\"metadata.nope\", unknown field \"extra\"");
    cr_assert_eq(ask("POST", CMS "?fieldValidation=Strict",
                     "{\"metadata\":{\"name\":\"u\",\"name\":\"v\"}}"),
                 400);
    cr_assert_eq(ask("POST", CMS "?fieldValidation=Ignore&dryRun=All", bogus), 201);
    cr_expect(reply.warnings == NULL);
    cr_assert_eq(ask("GET", CMS "/u", NULL), 404);
    cr_assert_eq(ask("POST", CMS, bogus), 201);
    cr_expect_eq(json_array_size(reply.warnings), 2u);
    cr_expect(json_at(body, "extra") == NULL);
    cr_assert_eq(ask("POST", CMS "?fieldValidation=Frob", bogus), 422);
    cr_assert_eq(ask("POST", CMS "?dryRun=Some", bogus), 422);
    row_claim("KC/WR-9");
}

Test(api, lists_page_at_one_version)
{
    char path[512], first[64];

    for (int i = 0; i < 25; i++) {
        char name[16];

        snprintf(name, sizeof name, "c%02d", i);
        cr_assert_eq(make_cm(name, i % 5 == 0 ? ",\"labels\":{\"five\":\"yes\"}" : ""),
                     201);
    }
    cr_assert_eq(ask("GET", CMS "?limit=10", NULL), 200);
    cr_expect_eq(json_array_size(json_at(body, "items")), 10u);
    cr_expect_eq(json_int_or(body, "metadata.remainingItemCount", 0), 15);
    snprintf(first, sizeof first, "%s", str("metadata.resourceVersion"));
    snprintf(path, sizeof path, CMS "?limit=10&continue=%s", str("metadata.continue"));
    /* What happens between the pages is not seen by them. */
    cr_assert_eq(ask("DELETE", CMS "/c15", NULL), 200);
    cr_assert_eq(make_cm("c155", ""), 201);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/c16",
                         "{\"data\":{\"k\":\"v\"}}"),
                 200);
    cr_assert_eq(ask("GET", path, NULL), 200);
    cr_expect_str_eq(str("metadata.resourceVersion"), first);
    cr_expect_eq(json_array_size(json_at(body, "items")), 10u);
    cr_expect_str_eq(str("items[5].metadata.name"), "c15");
    cr_expect(json_at(body, "items[6].data.k") == NULL);
    snprintf(path, sizeof path, CMS "?limit=10&continue=%s", str("metadata.continue"));
    cr_assert_eq(ask("GET", path, NULL), 200);
    cr_expect_eq(json_array_size(json_at(body, "items")), 5u);
    cr_expect_str_eq(str("metadata.continue"), "");
    snprintf(path, sizeof path, CMS "?resourceVersion=%s&resourceVersionMatch=Exact",
             first);
    cr_assert_eq(ask("GET", path, NULL), 200);
    cr_expect_eq(json_array_size(json_at(body, "items")), 25u);
    cr_assert_eq(ask("GET", CMS "?labelSelector=five", NULL), 200);
    cr_expect_eq(json_array_size(json_at(body, "items")), 4u);
    cr_assert_eq(ask("GET", CMS "?labelSelector=five notin (yes),!x", NULL), 200);
    cr_expect_eq(json_array_size(json_at(body, "items")), 21u);
    cr_assert_eq(ask("GET", CMS "?fieldSelector=metadata.name=c03", NULL), 200);
    cr_expect_eq(json_array_size(json_at(body, "items")), 1u);
}

Test(api, list_parameters_are_checked)
{
    cr_assert_eq(ask("GET", CMS "?fieldSelector=data.x=y", NULL), 400);
    cr_assert_eq(ask("GET", CMS "?labelSelector=a in (", NULL), 400);
    cr_assert_eq(ask("GET", CMS "?limit=-1", NULL), 400);
    cr_assert_eq(ask("GET", CMS "?continue=zzz", NULL), 400);
    cr_assert_eq(ask("GET", CMS "?resourceVersionMatch=Exact", NULL), 422);
    cr_expect_str_eq(str("details.causes[0].field"), "resourceVersionMatch");
    cr_assert_eq(ask("GET", CMS "?resourceVersion=0&resourceVersionMatch=Exact", NULL),
                 422);
    cr_assert_eq(ask("GET", CMS "?resourceVersion=5&resourceVersionMatch=Frob", NULL),
                 422);
    cr_assert_eq(ask("GET", CMS "?resourceVersion=999999", NULL), 504);
    cr_expect_str_eq(str("details.causes[0].reason"), "ResourceVersionTooLarge");
    cr_expect_eq(reply.retry_after, 1);
    cr_assert_eq(ask("GET", CMS "?unheard=of", NULL), 200);
    cr_assert_eq(ask("GET", CMS "?watch=true&sendInitialEvents=true", NULL), 422);
}

Test(api, tables_carry_the_printer_columns)
{
    static const char table[] =
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

    cr_assert_eq(ask("POST", TASKS, task), 201);
    now_ms += 90000;
    cr_assert_eq(send_as("GET", NULL, table, TASKS, NULL), 200);
    cr_expect_str_eq(str("kind"), "Table");
    cr_expect_str_eq(str("columnDefinitions[1].name"), "Type");
    cr_expect_str_eq(str("columnDefinitions[2].name"), "Phase");
    cr_expect_str_eq(str("columnDefinitions[3].name"), "Branch");
    cr_expect_eq(json_int_or(body, "columnDefinitions[3].priority", 0), 1);
    cr_expect_str_eq(str("columnDefinitions[4].name"), "Depends On");
    cr_expect_str_eq(str("columnDefinitions[5].name"), "Age");
    cr_expect_str_eq(str("rows[0].cells[0]"), "t");
    cr_expect_str_eq(str("rows[0].cells[1]"), "codex");
    cr_expect_str_eq(str("rows[0].cells[5]"), "90s");
    cr_expect_str_eq(str("rows[0].object.metadata.name"), "t");
    cr_assert_eq(
        send_as("GET", NULL,
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", TASKS,
                NULL),
        200);
    cr_expect_str_eq(str("items[0].kind"), "PartialObjectMetadata");
    cr_expect(json_at(body, "items[0].spec") == NULL);
}

Test(api, finalizers_hold_an_object_back)
{
    cr_assert_eq(make_cm("f", ",\"finalizers\":[\"a.b/c\"]"), 201);
    cr_assert_eq(ask("DELETE", CMS "/f", NULL), 200);
    cr_expect_str_eq(str("metadata.deletionTimestamp"), "2026-01-02T03:04:05Z");
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/f",
                         "{\"metadata\":{\"finalizers\":[\"a.b/c\",\"x.y/z\"]}}"),
                 422);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/f",
                         "{\"metadata\":{\"finalizers\":null}}"),
                 200);
    cr_assert_eq(ask("GET", CMS "/f", NULL), 404);
}

/* A ConfigMap owned by another. */
static void
make_owned(const char *name, const char *owner_uid, const char *owner)
{
    char more[400];

    snprintf(more, sizeof more,
             ",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
             "\"name\":\"%s\",\"uid\":\"%s\",\"blockOwnerDeletion\":true}]",
             owner, owner_uid);
    cr_assert_eq(make_cm(name, more), 201);
}

static void
make_family(void)
{
    char uid[64], child[64];

    cr_assert_eq(make_cm("owner", ""), 201);
    snprintf(uid, sizeof uid, "%s", str("metadata.uid"));
    make_owned("child", uid, "owner");
    snprintf(child, sizeof child, "%s", str("metadata.uid"));
    make_owned("grandchild", child, "child");
}

Test(api, dependents_go_with_their_owner)
{
    make_family();
    settle();
    cr_assert_eq(ask("DELETE", CMS "/owner", "{\"propagationPolicy\":\"Background\"}"),
                 200);
    cr_assert_eq(ask("GET", CMS "/owner", NULL), 404);
    cr_assert_eq(ask("GET", CMS "/child", NULL), 200);
    settle();
    cr_assert_eq(ask("GET", CMS "/child", NULL), 404);
    cr_assert_eq(ask("GET", CMS "/grandchild", NULL), 404);

    make_family();
    cr_assert_eq(ask("DELETE", CMS "/owner", "{\"propagationPolicy\":\"Foreground\"}"),
                 200);
    cr_expect_str_eq(str("metadata.finalizers[0]"), "foregroundDeletion");
    cr_assert_eq(ask("GET", CMS "/owner", NULL), 200);
    settle();
    cr_assert_eq(ask("GET", CMS "/owner", NULL), 404);
    cr_assert_eq(ask("GET", CMS "/grandchild", NULL), 404);

    make_family();
    cr_assert_eq(ask("DELETE", CMS "/owner", "{\"propagationPolicy\":\"Orphan\"}"), 200);
    settle();
    cr_assert_eq(ask("GET", CMS "/owner", NULL), 404);
    cr_assert_eq(ask("GET", CMS "/child", NULL), 200);
    cr_expect(json_at(body, "metadata.ownerReferences") == NULL);

    /* An owner that is not there, or of another namespace, counts as gone. */
    make_owned("stray", "11111111-2222-4333-8444-555555555555", "nobody");
    settle();
    cr_assert_eq(ask("GET", CMS "/stray", NULL), 404);
    row_claim("KC/GC-2");
}

Test(api, a_namespace_empties_itself)
{
    cr_assert_eq(ask("POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}"),
                 201);
    cr_assert_eq(
        ask("POST", "/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"a\"}}"),
        201);
    cr_assert_eq(ask("POST", "/api/v1/namespaces/n/configmaps",
                     "{\"metadata\":{\"name\":\"b\",\"finalizers\":[\"x.y/z\"]}}"),
                 201);
    cr_assert_eq(ask("DELETE", "/api/v1/namespaces/n", NULL), 200);
    cr_expect_str_eq(str("status.phase"), "Terminating");
    cr_assert_eq(
        ask("POST", "/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"c\"}}"),
        403);
    cr_expect_str_eq(str("details.causes[0].reason"), "NamespaceTerminating");
    settle();
    cr_assert_eq(ask("GET", "/api/v1/namespaces/n/configmaps/a", NULL), 404);
    cr_assert_eq(ask("GET", "/api/v1/namespaces/n", NULL), 200);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL,
                         "/api/v1/namespaces/n/configmaps/b",
                         "{\"metadata\":{\"finalizers\":null}}"),
                 200);
    settle();
    cr_assert_eq(ask("GET", "/api/v1/namespaces/n", NULL), 404);
}

#define JOBS "/apis/batch/v1/namespaces/default/jobs"
static const char job[] =
    "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":"
    "\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}";

Test(api, jobs_get_selector_and_defaults_and_orphan_their_pods)
{
    char pod[600];

    cr_assert_eq(ask("POST", JOBS, job), 201);
    cr_expect_str_eq(str("spec.selector.matchLabels[batch.kubernetes.io/controller-uid]"),
                     str("metadata.uid"));
    cr_expect_str_eq(str("spec.template.metadata.labels[job-name]"), "j");
    cr_expect_eq(json_int_or(body, "spec.backoffLimit", 0), 6);
    cr_expect_eq(json_int_or(body, "spec.completions", 0), 1);
    cr_expect_str_eq(str("spec.template.spec.containers[0].imagePullPolicy"), "Always");
    snprintf(pod, sizeof pod,
             "{\"metadata\":{\"name\":\"p\",\"ownerReferences\":[{\"apiVersion\":\"batch/"
             "v1\",\"kind\":\"Job\",\"name\":\"j\",\"uid\":\"%s\"}]},"
             "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
             str("metadata.uid"));
    cr_assert_eq(ask("POST", "/api/v1/namespaces/default/pods", pod), 201);
    cr_expect_str_eq(str("status.phase"), "Pending");
    cr_assert_eq(
        send_as("PATCH", "application/merge-patch+json", NULL, JOBS "/j",
                "{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"OnFailure\"}}}}"),
        422);
    cr_assert_eq(ask("DELETE", JOBS "/j", NULL), 200);
    settle();
    cr_assert_eq(ask("GET", JOBS "/j", NULL), 404);
    cr_assert_eq(ask("GET", "/api/v1/namespaces/default/pods/p", NULL), 200);
    row_claim("KC/WR-8");
}

Test(api, pods_that_were_placed_are_asked_to_stop)
{
    cr_assert_eq(ask("POST", "/api/v1/namespaces/default/pods",
                     "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\","
                     "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"),
                 201);
    cr_assert_eq(ask("DELETE", "/api/v1/namespaces/default/pods/p", NULL), 200);
    cr_expect_eq(json_int_or(body, "metadata.deletionGracePeriodSeconds", 0), 30);
    cr_assert_eq(ask("GET", "/api/v1/namespaces/default/pods/p", NULL), 200);
    cr_assert_eq(
        ask("DELETE", "/api/v1/namespaces/default/pods/p", "{\"gracePeriodSeconds\":0}"),
        200);
    cr_assert_eq(ask("GET", "/api/v1/namespaces/default/pods/p", NULL), 404);
}

Test(api, a_pod_that_cannot_run_is_refused)
{
    static const char *const bads[] = {
        "{\"name\":\"c\",\"image\":\"i\",\"env\":[{\"name\":\"A\",\"value\":\"x\","
        "\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}]}",
        "{\"name\":\"c\",\"image\":\"i\",\"env\":[{\"name\":\"1A\"}]}",
        "{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"2\"},"
        "\"limits\":{\"cpu\":\"1500m\"}}}",
        "{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"claims\":[{\"name\":\"x\"}]}}",
        "{\"name\":\"c\",\"image\":\"i\",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":"
        "\"/v\"}]}",
        "{\"name\":\"C\",\"image\":\"i\"}",
        "{\"name\":\"c\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        char text[1024];

        snprintf(text, sizeof text,
                 "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{"
                 "\"restartPolicy\":\"Never\",\"containers\":[%s]}}}}",
                 bads[i]);
        cr_expect_eq(ask("POST", JOBS, text), 422, "%s", bads[i]);
    }
    cr_expect_eq(ask("POST", JOBS,
                     "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{"
                     "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"),
                 422);
    char text[1024];
    snprintf(text, sizeof text, "%s", job);
    cr_expect_eq(ask("POST", JOBS, text), 201);
}

Test(api, secrets_take_text_and_keep_base64)
{
    cr_assert_eq(ask("POST", "/api/v1/namespaces/default/secrets",
                     "{\"metadata\":{\"name\":\"s\"},\"stringData\":{\"k\":\"value\"},"
                     "\"data\":{\"l\":\"YQ==\"}}"),
                 201);
    cr_expect_str_eq(str("data.k"), "dmFsdWU=");
    cr_expect_str_eq(str("type"), "Opaque");
    cr_expect(json_at(body, "stringData") == NULL);
    cr_assert_eq(ask("POST", "/api/v1/namespaces/default/secrets",
                     "{\"metadata\":{\"name\":\"t\"},\"data\":{\"l\":\"!\"}}"),
                 422);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL,
                         "/api/v1/namespaces/default/secrets/s", "{\"immutable\":true}"),
                 200);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL,
                         "/api/v1/namespaces/default/secrets/s",
                         "{\"stringData\":{\"k\":\"w\"}}"),
                 422);
}

Test(api, discovery_is_what_accept_asks_for)
{
    cr_assert_eq(
        send_as("GET", NULL,
                "application/"
                "json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/"
                "json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
                "application/json",
                "/apis", NULL),
        200);
    cr_expect_str_eq(str("apiVersion"), "apidiscovery.k8s.io/v2");
    cr_expect_str_eq(
        reply.content_type,
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    cr_assert_eq(send_as("GET", NULL,
                         "application/"
                         "json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
                         "application/json",
                         "/api", NULL),
                 200);
    cr_expect_str_eq(str("apiVersion"), "apidiscovery.k8s.io/v2beta1");
    cr_expect_eq(json_array_size(json_at(body, "items")), 1u);
    cr_assert_eq(send_as("GET", NULL, "application/json", "/apis", NULL), 200);
    cr_expect_str_eq(str("kind"), "APIGroupList");
    cr_assert_eq(ask("GET", "/apis/kelos.dev/v1alpha1", NULL), 200);
    cr_expect_str_eq(str("kind"), "APIResourceList");
    cr_expect_eq(json_array_size(json_at(body, "resources")), 6u);
    cr_assert_eq(ask("GET", "/openapi/v3", NULL), 200);
    cr_expect(json_at(body, "paths[apis/kelos.dev/v1alpha1].serverRelativeURL") != NULL);
    cr_assert_eq(ask("GET", "/openapi/v3/apis/batch/v1", NULL), 200);
    cr_expect(json_at(body, "components.schemas[k8s.PodSpec].properties.containers") !=
              NULL);
    cr_expect_str_eq(
        str("components.schemas[k8s.Job].x-kubernetes-group-version-kind[0].kind"),
        "Job");
}

Test(api, apply_owns_fields_and_tells_conflicts)
{
    static const char one[] =
        "apiVersion: kelos.dev/v1alpha1\nkind: Workspace\nmetadata: {name: w, labels: "
        "{a: x}}\nspec: {repo: 'https://a.b/c', ref: main, remotes: [{name: m, url: "
        "'https://a.b/d'}]}\n";
    static const char two[] =
        "apiVersion: kelos.dev/v1alpha1\nkind: Workspace\nmetadata: {name: w}\nspec: "
        "{repo: 'https://a.b/c', ref: dev, remotes: [{name: m2, url: "
        "'https://a.b/e'}]}\n";
    static const char less[] =
        "apiVersion: kelos.dev/v1alpha1\nkind: Workspace\nmetadata: {name: w}\nspec: "
        "{repo: 'https://a.b/c'}\n";
    static const char type[] = "application/apply-patch+yaml";
    char version[32];

    cr_assert_eq(send_as("PATCH", type, NULL, WORKSPACES "/w", one), 400);
    cr_assert_eq(send_as("PATCH", type, NULL, WORKSPACES "/w?fieldManager=one", one),
                 201);
    snprintf(version, sizeof version, "%s", str("metadata.resourceVersion"));
    cr_assert_eq(send_as("PATCH", type, NULL, WORKSPACES "/w?fieldManager=one", one),
                 200);
    cr_expect_str_eq(str("metadata.resourceVersion"), version);
    cr_assert_eq(send_as("PATCH", type, NULL, WORKSPACES "/w?fieldManager=two", two),
                 409);
    cr_expect_str_eq(str("details.causes[0].reason"), "FieldManagerConflict");
    cr_expect_str_eq(str("details.causes[0].field"), ".spec.ref");
    cr_assert_eq(
        send_as("PATCH", type, NULL, WORKSPACES "/w?fieldManager=two&force=true", two),
        200, "%s", str("message"));
    cr_expect_str_eq(str("spec.ref"), "dev");
    cr_expect_eq(json_array_size(json_at(body, "metadata.managedFields")), 2u);
    /* What nobody wants any more goes; what is shared stays. */
    cr_assert_eq(send_as("PATCH", type, NULL, WORKSPACES "/w?fieldManager=two", less),
                 200);
    cr_expect(json_at(body, "spec.ref") == NULL);
    cr_expect_str_eq(str("spec.repo"), "https://a.b/c");
    cr_expect_str_eq(str("metadata.labels.a"), "x");
    row_claim("KC/WR-5");
}

Test(api, apply_meets_what_others_wrote_before)
{
    cr_assert_eq(make_cm("a", ",\"labels\":{\"x\":\"1\"}"), 201);
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/a",
                         "{\"data\":{\"k\":\"v\"}}"),
                 200);
    cr_assert_eq(
        send_as("PATCH", "application/apply-patch+yaml", NULL, CMS "/a?fieldManager=m",
                "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"k\":\"w\"}}"),
        409);
    cr_expect(strstr(str("message"), "before-first-apply") != NULL);
    cr_assert_eq(
        send_as("PATCH", "application/apply-patch+yaml", NULL, CMS "/a?fieldManager=m",
                "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"l\":\"w\"}}"),
        200);
    cr_expect_str_eq(str("data.k"), "v");
    cr_assert_eq(send_as("PATCH", "application/merge-patch+json", NULL, CMS "/a",
                         "{\"data\":{\"l\":\"z\"}}"),
                 200);
    cr_assert_eq(
        send_as("PATCH", "application/apply-patch+yaml", NULL, CMS "/a?fieldManager=m",
                "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"l\":\"w\"}}"),
        409);
    cr_expect(strstr(str("message"), "conflict with \"test\"") != NULL, "%s",
              str("message"));
}
