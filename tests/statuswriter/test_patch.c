#include <criterion/criterion.h>

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
