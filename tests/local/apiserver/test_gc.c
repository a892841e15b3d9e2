/* test_gc.c - what goes with its owner, its namespace, or after its finalizers. */
#include "tests/local/apiserver/apifixture.h"

TestSuite(gc, .init = start, .fini = stop);

Test(gc, finalizers_hold_an_object_back)
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

Test(gc, dependents_go_with_their_owner)
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

Test(gc, a_namespace_empties_itself)
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

Test(gc, jobs_get_selector_and_defaults_and_orphan_their_pods)
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

Test(gc, pods_that_were_placed_are_asked_to_stop)
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
