/* test_apply.c - server-side apply. */
#include "tests/local/apiserver/apifixture.h"

TestSuite(apply, .init = start, .fini = stop);

Test(apply, apply_owns_fields_and_tells_conflicts)
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

    cr_assert_eq(send_as("PATCH", type, NULL, WORKSPACES "/w", one), 422);
    cr_expect_str_eq(str("message"),
                     "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required "
                     "value: is required for apply patch");
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

Test(apply, apply_meets_what_others_wrote_before)
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
