/* test_kinds.c - what Pods and Secrets have of their own. */
#include "tests/local/apiserver/apifixture.h"

TestSuite(kinds, .init = start, .fini = stop);

Test(kinds, a_pod_that_cannot_run_is_refused)
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

Test(kinds, secrets_take_text_and_keep_base64)
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
