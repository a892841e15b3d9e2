/* test_mask.c - what of a log may be shown to those who may read a status. */
#include "common/mask.h"
#include "common/scoped.h"

#include <criterion/criterion.h>

Test(mask, hides_what_looks_like_a_credential_and_nothing_else)
{
    static const char *const rows[][2] = {
        {"error: exit status 1", "error: exit status 1"},
        {"see https://github.com/o/r/pull/7 for more",
         "see https://github.com/o/r/pull/7 for more"},
        {"key sk-ant-api03-x refused", "key *** refused"},
        {"ghp_abc", "***"},
        {"Authorization: Bearer abc def", "Authorization: Bearer *** def"},
        {"password=hunter2 user=me", "password=*** user=me"},
        {"{\"api_key\": \"short\"}", "{\"api_key\": \"***\"}"},
        {"the token was refused", "the token was refused"},
        {"value 0123456789abcdef0123 end", "value *** end"},
        {"https://x-access-token:ghs_1@github.com/o/r",
         "https://x-access-token:***@github.com/o/r"},
        {"internationalisation-is-a-long-word", "internationalisation-is-a-long-word"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(buf) struct buf out = BUF_INIT;
        mask_add(&out, rows[i][0]);
        cr_assert_str_eq(buf_str(&out), rows[i][1]);
    }
}
