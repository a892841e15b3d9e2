/* test_kubestatus.c - what a refusal means. */
#include "common/kube/kubestatus.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/macros.h"
#include "tests/support/rows.h"

static const struct {
    int code;
    const char *body;
    bool create;
    const char *asked;
    enum kube_reason reason;
    enum err_code err;
} rows[] = {
    /* the table of codes, with a Status */
    {400, "BadRequest", false, "", KUBE_BAD_REQUEST, ERR_INVALID},
    {401, "Unauthorized", false, "", KUBE_UNAUTHORIZED, ERR_UNAUTHORIZED},
    {403, "Forbidden", false, "", KUBE_FORBIDDEN, ERR_FORBIDDEN},
    {405, "MethodNotAllowed", false, "", KUBE_METHOD_NOT_ALLOWED, ERR_INVALID},
    {406, "NotAcceptable", false, "", KUBE_NOT_ACCEPTABLE, ERR_INVALID},
    {415, "UnsupportedMediaType", false, "", KUBE_UNSUPPORTED_MEDIA, ERR_INVALID},
    {409, "AlreadyExists", true, "", KUBE_ALREADY_EXISTS, ERR_EXISTS},
    {409, "Conflict", true, "", KUBE_CONFLICT, ERR_CONFLICT},
    {410, "Expired", false, "", KUBE_EXPIRED, ERR_GONE},
    {410, "Gone", false, "", KUBE_EXPIRED, ERR_GONE},
    {413, "RequestEntityTooLarge", false, "", KUBE_TOO_LARGE, ERR_LIMIT},
    {422, "Invalid", false, "", KUBE_INVALID, ERR_INVALID},
    {429, "TooManyRequests", false, "", KUBE_TOO_MANY, ERR_BUSY},
    {500, "InternalError", false, "", KUBE_INTERNAL, ERR_UNKNOWN},
    {500, "ServerTimeout", false, "", KUBE_SERVER_TIMEOUT, ERR_UNKNOWN},
    {500, "StorageReadError", false, "", KUBE_INTERNAL, ERR_UNKNOWN},
    {500, "", false, "", KUBE_INTERNAL, ERR_UNKNOWN},
    {503, "ServiceUnavailable", false, "", KUBE_UNAVAILABLE, ERR_BUSY},
    {504, "Timeout", false, "", KUBE_TIMEOUT, ERR_UNKNOWN},
    {404, "NotFound", false, "p", KUBE_NOT_FOUND, ERR_NOT_FOUND},
    {404, "NotFound", false, "other", KUBE_NO_ROUTE, ERR_UNAVAILABLE},
    {404, "NotFound", false, "", KUBE_NO_ROUTE, ERR_UNAVAILABLE},
    /* the reason counts more than the code */
    {500, "Conflict", false, "", KUBE_CONFLICT, ERR_CONFLICT},
};

Test(kubestatus, decides_by_reason_then_code)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kube_status s;
        char body[256];
        snprintf(body, sizeof body,
                 "{\"kind\":\"Status\",\"code\":%d,\"reason\":\"%s\",\"message\":\"m\","
                 "\"details\":{\"name\":\"p\"}}",
                 rows[i].code, rows[i].body);
        kube_status_decode(&s, rows[i].code, body, strlen(body), rows[i].create,
                           rows[i].asked);
        cr_expect_eq(s.reason, rows[i].reason, "row %zu: %s", i,
                     kube_reason_name(s.reason));
        cr_expect_eq(kube_status_code(&s), rows[i].err, "row %zu", i);
    }
    row_claim("KC/ERR-1");
}

Test(kubestatus, takes_a_404_for_a_deletion_only_when_it_names_the_object)
{
    static const char *const routes[] = {
        "", "404 page not found",
        "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\",\"details\":{}}",
        "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"details\":{\"name\":\"x\"}}",
        "{\"kind\":\"Stat"};
    struct kube_status s;

    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        kube_status_decode(&s, 404, routes[i], strlen(routes[i]), false, "p");
        cr_expect_eq(s.reason, KUBE_NO_ROUTE, "%s", routes[i]);
    }
    static const char gone[] =
        "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"details\":{\"name\":\"p\"}}";
    kube_status_decode(&s, 404, gone, strlen(gone), false, "p");
    cr_assert_eq(s.reason, KUBE_NOT_FOUND);
    row_claim("KC/ERR-3");
}

Test(kubestatus, makes_its_own_error_of_what_is_no_status)
{
    static const struct {
        int code;
        bool create;
        enum kube_reason reason;
    } plain[] = {{401, false, KUBE_UNAUTHORIZED}, {403, false, KUBE_FORBIDDEN},
                 {404, false, KUBE_NO_ROUTE},     {409, true, KUBE_ALREADY_EXISTS},
                 {409, false, KUBE_CONFLICT},     {410, false, KUBE_EXPIRED},
                 {422, false, KUBE_INVALID},      {429, false, KUBE_TOO_MANY},
                 {502, false, KUBE_INTERNAL},     {503, false, KUBE_UNAVAILABLE},
                 {418, false, KUBE_OTHER}};
    struct kube_status s;
    struct err e = ERR_INIT;
    char *page = malloc(10000);

    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        kube_status_decode(&s, plain[i].code, "<html>\n\n  no\t</html>", 20,
                           plain[i].create, "p");
        cr_expect_eq(s.reason, plain[i].reason, "%d", plain[i].code);
        cr_expect(!s.is_status);
    }
    kube_status_say(&s, &e);
    cr_assert_str_eq(e.text, "HTTP 418: <html> no </html>");
    memset(page, 'x', 9999);
    page[9999] = '\0';
    kube_status_decode(&s, 502, page, 9999, false, "");
    cr_assert_leq(strlen(s.message), LIMIT_HTTP_ERROR_LOG_BYTES);
    row_claim("KC/ERR-2");
    free(page);
}

Test(kubestatus, reads_causes_and_how_long_to_wait)
{
    static const char body[] = "{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\","
                               "\"details\":{\"retryAfterSeconds\":3,\"causes\":["
                               "{\"reason\":\"ResourceVersionTooLarge\",\"message\":"
                               "\"behind\",\"field\":\"f.g\"}]}}";
    static const char old[] = "{\"kind\":\"Status\",\"code\":500,\"message\":\"Too large "
                              "resource version: 5\"}";
    struct kube_status s;

    kube_status_decode(&s, 504, body, strlen(body), false, "");
    cr_assert_eq(s.reason, KUBE_VERSION_AHEAD);
    cr_assert_eq(s.retry_after_ms, 3000);
    cr_assert(kube_status_has_cause(&s, "ResourceVersionTooLarge"));
    cr_assert(kube_status_names_field(&s, "f.g"));
    kube_status_decode(&s, 500, old, strlen(old), false, "");
    cr_assert_eq(s.reason, KUBE_VERSION_AHEAD);
}
