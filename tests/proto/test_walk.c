#include <criterion/criterion.h>
#include <string.h>

#include "common/macros.h"
#include "proto/walk.h"

static const struct {
    const char *label, *bytes;
    size_t size;
    bool ok;
} rows[] = {
    {"nil", "\xc0", 1, true},
    {"fixint", "\x7f", 1, true},
    {"negative fixint", "\xff", 1, true},
    {"uint64", "\xcf\0\0\0\0\0\0\0\x01", 9, true},
    {"uint64 cut", "\xcf\0\0\0\0\0\0\0", 8, false},
    {"float", "\xcb\0\0\0\0\0\0\0\0", 9, true},
    {"float32", "\xca\0\0\0\0", 5, true},
    {"str8", "\xd9\x02hi", 4, true},
    {"str8 cut", "\xd9\x03hi", 4, false},
    {"bin16", "\xc5\0\x01x", 4, true},
    {"array of two", "\x92\x01\x02", 3, true},
    {"array cut", "\x92\x01", 2, false},
    {"map", "\x81\x01\x02", 3, true},
    {"map without value", "\x81\x01", 2, false},
    {"two values", "\x01\x02", 2, false},
    {"empty array", "\x90", 1, true},
    {"array16 of none", "\xdc\0\0", 3, true},
    {"array32 lies", "\xdd\0\x10\0\0\x01", 6, false},
    {"fixext", "\xd4\x01\x01", 3, false},
    {"ext8", "\xc7\x01\x01\x01", 4, false},
    {"nothing", "", 0, false},
};

Test(walk, knows_well_formed_bytes)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(walk_check(rows[i].bytes, rows[i].size, 8, 100) == NULL, rows[i].ok,
                     "%s", rows[i].label);
}

Test(walk, bounds_nesting_and_number_of_values)
{
    cr_expect_null(walk_check("\x91\x91\x01", 3, 2, 10));
    cr_expect_str_eq(walk_check("\x91\x91\x91\x01", 4, 2, 10), "nested too deeply");
    cr_expect_str_eq(walk_check("\x93\x01\x01\x01", 4, 2, 3), "too many values");
}

Test(walk, reads_numbers_of_every_width)
{
    const struct {
        const char *bytes;
        size_t size;
        int64_t value;
    } numbers[] = {
        {"\xcc\xff", 2, 255},
        {"\xcd\xff\xff", 3, 65535},
        {"\xd0\x80", 2, -128},
        {"\xd1\x80\0", 3, -32768},
        {"\xd2\x80\0\0\0", 5, INT32_MIN},
        {"\xd3\x80\0\0\0\0\0\0\0", 9, INT64_MIN},
        {"\xd0\x05", 2, 5},
        {"\xe0", 1, -32},
    };

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct cursor c = {(const uint8_t *)numbers[i].bytes,
                           (const uint8_t *)numbers[i].bytes + numbers[i].size};
        struct value v;

        cr_assert_eq(cursor_next(&c, &v), 0);
        cr_expect_eq(v.type == VALUE_UINT ? (int64_t)v.as.u64 : v.as.i64,
                     numbers[i].value, "%zu", i);
        cr_expect_eq(c.at, c.end);
    }
}

Test(walk, text_is_strict_utf8)
{
    const struct {
        const char *text;
        size_t size;
        bool ok;
    } texts[] = {
        {"", 0, true},
        {"plain", 5, true},
        {"\xc3\xa4", 2, true},
        {"\xe2\x82\xac", 3, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xc3", 1, false},
        {"\x80", 1, false},
        {"\xe0\x80\x80", 3, false},
        {"\xed\xbf\xbf", 3, false},
        {"a\0b", 3, false},
        {"\xff", 1, false},
        {"\xf0\x80\x80\x80", 4, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        cr_expect_eq(walk_text_valid(texts[i].text, texts[i].size), texts[i].ok, "%zu",
                     i);
}
