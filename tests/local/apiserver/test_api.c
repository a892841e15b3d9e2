/* test_api.c - what every kind of object is served with. */
#include "tests/local/apiserver/apifixture.h"

TestSuite(api, .init = start, .fini = stop);

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
    cr_expect(strstr(str("message"), "duplicate") != NULL, "%s", str("message"));
    cr_assert_eq(
        ask("POST", CMS "?dryRun=All", "{\"metadata\":{\"name\":\"u\",\"name\":\"v\"}}"),
        201);
    cr_expect_str_eq(str("metadata.name"), "v", "the last one wins");
    row_claim("KC/OBJ-10");
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

/* What kubectl reads before it sends a List: without an answer it refuses the file. */
Test(api, the_older_schema_document_is_there_and_knows_no_type)
{
    const char *accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

    cr_assert_eq(ask("GET", "/openapi/v2", NULL), 200);
    cr_expect_str_eq(str("swagger"), "2.0");
    cr_expect_eq(json_object_size(json_at(body, "definitions")), 0u);
    cr_assert_eq(send_as("GET", NULL, accept, "/openapi/v2", NULL), 200);
    cr_expect_str_eq(reply.content_type,
                     "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    cr_assert_eq(reply.body.size, 35u);
    cr_expect_eq(memcmp(reply.body.data,
                        "\x0a\x03"
                        "2.0"
                        "\x12\x1c",
                        7),
                 0);
}
