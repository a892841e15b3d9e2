#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"
#include "statuswriter/patch.h"

static void
expect(const char *first, const char *second, const char *want)
{
    SCOPED(json) json_t *a = json_loads(first, JSON_DECODE_ANY, NULL);
    SCOPED(json) json_t *b = json_loads(second, JSON_DECODE_ANY, NULL);
    SCOPED(json) json_t *w = json_loads(want, JSON_DECODE_ANY, NULL);
    SCOPED(json) json_t *out = patch_compose(a, b);

    cr_assert(json_equal(out, w), "%s then %s", first, second);
}

Test(patch, composed_patches_do_what_both_would)
{
    expect("{\"status\":{\"phase\":\"Pending\",\"jobName\":\"j\"}}",
           "{\"status\":{\"phase\":\"Running\"}}",
           "{\"status\":{\"phase\":\"Running\",\"jobName\":\"j\"}}");
    expect("{\"a\":1}", "{\"a\":null}", "{\"a\":null}");
    expect("{\"a\":null}", "{\"b\":2}", "{\"a\":null,\"b\":2}");
    expect("{\"a\":[1,2]}", "{\"a\":[3]}", "{\"a\":[3]}");
    expect("{\"a\":{\"x\":1}}", "{\"a\":5}", "{\"a\":5}");
    expect("{\"a\":5}", "{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1}}");
}

Test(patch, composing_equals_applying_one_after_the_other)
{
    static const char *const docs[] = {
        "{}", "{\"status\":{\"phase\":\"Pending\",\"x\":1,\"l\":[1]}}"};
    static const char *const patches[] = {"{\"status\":{\"phase\":\"Running\"}}",
                                          "{\"status\":{\"x\":null}}",
                                          "{\"status\":{\"l\":[2,3],\"m\":{\"n\":1}}}",
                                          "{\"status\":{\"m\":{\"n\":null,\"o\":2}}}"};

    for (size_t d = 0; d < ARRAY_LEN(docs); d++)
        for (size_t i = 0; i < ARRAY_LEN(patches); i++)
            for (size_t k = 0; k < ARRAY_LEN(patches); k++) {
                SCOPED(json) json_t *doc = json_loads(docs[d], 0, NULL);
                SCOPED(json) json_t *p = json_loads(patches[i], 0, NULL);
                SCOPED(json) json_t *q = json_loads(patches[k], 0, NULL);
                SCOPED(json) json_t *both = patch_compose(p, q);
                SCOPED(json) json_t *one = json_merge(doc, p);
                SCOPED(json) json_t *two = json_merge(one, q);
                SCOPED(json) json_t *once = json_merge(doc, both);

                cr_assert(json_equal(two, once), "%zu %zu %zu", d, i, k);
            }
}

Test(patch, composing_leaves_its_inputs_alone)
{
    SCOPED(json) json_t *a = json_loads("{\"s\":{\"x\":{\"y\":1}}}", 0, NULL);
    SCOPED(json) json_t *b = json_loads("{\"s\":{\"x\":{\"z\":2}}}", 0, NULL);
    SCOPED(json) json_t *was = json_deep_copy(a);
    SCOPED(json) json_t *out = patch_compose(a, b);

    cr_assert(json_equal(a, was));
    cr_assert_eq(json_int_or(out, "s.x.y", 0), 1);
    cr_assert_eq(json_int_or(out, "s.x.z", 0), 2);
}

Test(patch, uid_is_a_precondition)
{
    SCOPED(json) json_t *p = json_loads("{\"status\":{}}", 0, NULL);

    cr_assert_eq(patch_set_uid(p, "u-1"), 0);
    cr_assert_str_eq(json_str_or(p, "metadata.uid", ""), "u-1");
}

static enum write_end
end_of(enum err_code code, int http, const char *field, unsigned conflicts)
{
    struct kube_result r = {.http_status = http, .err = {.code = code}};

    if (field != NULL) {
        r.status.n_causes = 1;
        snprintf(r.status.causes[0].field, sizeof(r.status.causes[0].field), "%s", field);
    }
    return patch_end(&r, conflicts);
}

Test(patch, answers_mean_what_they_say)
{
    cr_assert_eq(end_of(ERR_NONE, 200, NULL, 0), WRITE_DONE);
    cr_assert_eq(end_of(ERR_NOT_FOUND, 404, NULL, 0), WRITE_GONE);
    cr_assert_eq(end_of(ERR_INVALID, 422, "metadata.uid", 0), WRITE_GONE);
    cr_assert_eq(end_of(ERR_INVALID, 422, "status.phase", 0), WRITE_REFUSED);
    cr_assert_eq(end_of(ERR_INVALID, 400, NULL, 0), WRITE_REFUSED);
    cr_assert_eq(end_of(ERR_FORBIDDEN, 403, NULL, 0), WRITE_REFUSED);
    cr_assert_eq(end_of(ERR_CONFLICT, 409, NULL, 0), WRITE_AGAIN);
    cr_assert_eq(end_of(ERR_CONFLICT, 409, NULL, PATCH_CONFLICTS_MAX - 1), WRITE_GONE);
    cr_assert_eq(end_of(ERR_BUSY, 429, NULL, 0), WRITE_AGAIN);
    cr_assert_eq(end_of(ERR_UNAVAILABLE, 0, NULL, 0), WRITE_AGAIN);
    cr_assert_eq(end_of(ERR_UNKNOWN, 500, NULL, 0), WRITE_AGAIN);
    cr_assert_eq(end_of(ERR_UNAUTHORIZED, 401, NULL, 0), WRITE_AGAIN);
}

/* ---- a status that is too large ---- */

static void
answer_of(struct kube_result *r, int code, const char *message)
{
    char body[300];

    *r = (struct kube_result){.http_status = code};
    snprintf(
        body, sizeof body,
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":%d,\"message\":\"%s\"}",
        code, message);
    kube_status_decode(&r->status, code, body, strlen(body), false, "one");
    r->err.code = code == 200 ? ERR_NONE : kube_status_code(&r->status);
}

Test(patch, its_size_is_known_by_the_code_and_by_a_stores_words)
{
    static const struct {
        int code;
        const char *message;
        bool large;
    } cases[] = {
        {413, "Request entity too large: limit is 3145728", true},
        {413, "", true},
        {500, "etcdserver: request is too large", true},
        {500, "rpc error: trying to send message larger than max (2097295 vs. 2097152)",
         true},
        {500, "etcdserver: leader changed", false},
        {422, "a name is too large", false},
        {200, "", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kube_result r;
        answer_of(&r, cases[i].code, cases[i].message);
        cr_expect_eq(patch_too_large(&r), cases[i].large, "%zu", i);
        if (cases[i].large) /* with nothing left to take out it is not sent again */
            cr_expect_eq(patch_end(&r, 0), WRITE_REFUSED, "%zu", i);
    }
}

static void
expect_cut(json_t *patch, const char *part, const char *want)
{
    SCOPED(json) json_t *w = json_loads(want, 0, NULL);
    const char *got = patch_cut(patch);
    char *text = json_dumps(patch, 0);

    cr_assert((got == NULL) == (part == NULL) && (part == NULL || strcmp(got, part) == 0),
              "%s", got != NULL ? got : "nothing");
    cr_assert(json_equal(patch, w), "%s", text);
    free(text);
}

#define WHY " left out: the API server refused a status so large"

Test(patch, the_response_goes_first_then_the_outputs_and_both_are_said)
{
    SCOPED(json)
    json_t *patch = json_loads(
        "{\"metadata\":{\"uid\":\"u\"},\"status\":{\"phase\":\"Failed\",\"message\":"
        "\"Task "
        "failed\\nthe log\",\"outputs\":[\"branch: b\",\"responses: 2\",\"response: "
        "QQ==\",\"response-truncated: "
        "true\"],\"results\":{\"branch\":\"b\",\"responses\":"
        "\"2\",\"response\":\"QQ==\",\"response-truncated\":\"true\"},\"conditions\":[{"
        "\"type\":\"Ready\",\"status\":\"False\"},{\"type\":\"OutputsCaptured\","
        "\"status\":\"True\",\"reason\":\"Captured\",\"message\":\"\"}]}}",
        0, NULL);

    expect_cut(
        patch, "response",
        "{\"metadata\":{\"uid\":\"u\"},\"status\":{\"phase\":\"Failed\",\"message\":"
        "\"Task "
        "failed; response" WHY "\\nthe log\",\"outputs\":[\"branch: b\",\"responses: "
        "2\"],\"results\":{\"branch\":"
        "\"b\",\"responses\":\"2\"},\"conditions\":[{\"type\":\"Ready\",\"status\":"
        "\"False\"},{\"type\":\"OutputsCaptured\",\"status\":\"True\",\"reason\":"
        "\"Captured\",\"message\":\"response" WHY "\"}]}}");
    expect_cut(
        patch, "outputs",
        "{\"metadata\":{\"uid\":\"u\"},\"status\":{\"phase\":\"Failed\",\"message\":"
        "\"Task "
        "failed; response" WHY "; outputs" WHY "\\nthe "
        "log\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"},{\"type\":"
        "\"OutputsCaptured\",\"status\":\"False\",\"reason\":\"TooLarge\",\"message\":"
        "\"outputs" WHY "\"}]}}");
    SCOPED(json) json_t *was = json_deep_copy(patch);
    cr_assert_null(patch_cut(patch));
    cr_assert(json_equal(patch, was), "nothing was left to take");
}

Test(patch, a_status_without_outputs_is_left_as_it_is)
{
    SCOPED(json)
    json_t *patch = json_loads("{\"status\":{\"phase\":\"Running\"}}", 0, NULL);
    SCOPED(json)
    json_t *bare = json_loads("{\"status\":{\"outputs\":[\"response: x\"]}}", 0, NULL);

    expect_cut(patch, NULL, "{\"status\":{\"phase\":\"Running\"}}");
    expect_cut(bare, "response",
               "{\"status\":{\"outputs\":[],\"message\":\"response" WHY "\"}}");
}
