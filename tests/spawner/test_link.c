#include <criterion/criterion.h>

#include "common/macros.h"
#include "spawner/link.h"

Test(link, only_the_same_origin_is_asked)
{
    const struct {
        const char *base, *url;
        bool same;
    } cases[] = {
        {"https://api.github.com", "https://api.github.com/repositories/1/issues?page=2",
         true},
        {"https://api.github.com", "https://API.github.com/x", true},
        {"https://api.github.com", "https://api.github.com", true},
        {"https://api.github.com", "http://api.github.com/x", false},
        {"https://api.github.com", "https://api.github.com.evil.org/x", false},
        {"https://api.github.com", "https://api.github.com@evil.org/x", false},
        {"https://api.github.com", "https://api.github.com:444/x", false},
        {"http://127.0.0.1:80/api/v3", "http://127.0.0.1:80/y", true},
        {"http://127.0.0.1:80/api/v3", "/y", false},
        {"", "", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_assert_eq(url_same_origin(cases[i].base, cases[i].url), cases[i].same, "%s",
                     cases[i].url);
}

Test(link, next_link_is_found_among_others)
{
    const struct {
        const char *link, *next;
    } cases[] = {
        {"<http://a/?page=2>; rel=\"next\", <http://a/?page=9>; rel=\"last\"",
         "http://a/?page=2"},
        {"<http://a/?page=1>; rel=\"prev\", <http://a/?page=3>;rel=\"next\"",
         "http://a/?page=3"},
        {"<http://a/?page=1>; rel=\"prev\"", NULL},
        {"", NULL},
        {"<<<<", NULL},
        {"<http://a>; rel=next", NULL},
        {"<unclosed; rel=\"next\"", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64] = "";
        bool found = link_next(cases[i].link, out, sizeof(out));

        cr_assert_eq(found, cases[i].next != NULL, "%s", cases[i].link);
        if (found)
            cr_assert_str_eq(out, cases[i].next);
    }
}

Test(link, a_link_that_is_too_long_is_no_link)
{
    char out[8];

    cr_assert_not(link_next("<http://a/very/long>; rel=\"next\"", out, sizeof(out)));
}
