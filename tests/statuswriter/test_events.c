#include <criterion/criterion.h>

#include "common/utf8.h"
#include "statuswriter/events.h"
#include "tests/support/rows.h"

static const struct msg_event emitted = {.kind = KIND_TASK,
                                         .profile = PROFILE_KELOS,
                                         .ns = "dev",
                                         .name = "fix-1",
                                         .uid = "u-1",
                                         .event_name = "fix-1.abc",
                                         .type = "Warning",
                                         .reason = "TaskFailed",
                                         .message = "Task failed"};

Test(events, an_event_says_who_what_and_when)
{
    SCOPED(json)
    json_t *doc = event_doc(&emitted, "fix-1.abc", emitted.message, 3,
                            INT64_C(1767225600000), INT64_C(1767229200000));

    cr_assert_str_eq(json_str_or(doc, "metadata.name", ""), "fix-1.abc");
    cr_assert_str_eq(json_str_or(doc, "metadata.namespace", ""), "dev");
    cr_assert_str_eq(json_str_or(doc, "involvedObject.kind", ""), "Task");
    cr_assert_str_eq(json_str_or(doc, "involvedObject.apiVersion", ""),
                     "kelos.dev/v1alpha1");
    cr_assert_str_eq(json_str_or(doc, "involvedObject.uid", ""), "u-1");
    cr_assert_str_eq(json_str_or(doc, "reason", ""), "TaskFailed");
    cr_assert_str_eq(json_str_or(doc, "type", ""), "Warning");
    cr_assert_str_eq(json_str_or(doc, "source.component", ""), "kelos-controller");
    cr_assert_str_eq(json_str_or(doc, "reportingComponent", ""), "kelos-controller");
    cr_assert_str_eq(json_str_or(doc, "firstTimestamp", ""), "2026-01-01T00:00:00Z");
    cr_assert_str_eq(json_str_or(doc, "lastTimestamp", ""), "2026-01-01T01:00:00Z");
    cr_assert_eq(json_int_or(doc, "count", 0), 3);
    row_claim("KC/EV-1");
}

Test(events, a_long_message_is_cut_at_a_characters_border)
{
    char message[1100];
    SCOPED(json) json_t *doc = NULL;
    const char *text;

    memset(message, 'x', sizeof(message));
    memcpy(message + 1023, "\xc3\xa9 and more", 12);
    doc = event_doc(&emitted, "n", message, 1, 0, 0);
    text = json_str_or(doc, "message", "");
    cr_assert_eq(strlen(text), 1023);
    cr_assert(utf8_valid(text, strlen(text)));
}

Test(events, kinds_have_their_resource)
{
    cr_assert_str_eq(writer_resource(KIND_TASK, PROFILE_KELOS)->plural, "tasks");
    cr_assert_str_eq(writer_resource(KIND_TASK, PROFILE_AXON)->group, "axon.io");
    cr_assert_str_eq(writer_resource(KIND_JOB, PROFILE_KELOS)->group, "batch");
    cr_assert_null(writer_resource(N_KINDS, PROFILE_KELOS));
    cr_assert_null(writer_resource(KIND_TASK, N_PROFILES));
    cr_assert_null(writer_resource(UINT64_MAX, UINT64_MAX));
}

Test(events, twelve_tries_ten_seconds_apart_and_the_first_pause_is_random)
{
    cr_assert_eq(event_pause_ms(1, 0), 0);
    cr_assert_eq(event_pause_ms(1, 1234), 1234);
    cr_assert_eq(event_pause_ms(1, 123456), 3456);
    for (unsigned tries = 2; tries < 12; tries++)
        cr_assert_eq(event_pause_ms(tries, 1234), 10000);
    cr_assert_eq(event_pause_ms(12, 0), -1);
}
