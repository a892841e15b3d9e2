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

Test(link, the_first_page_tells_how_many_there_are)
{
    const struct {
        const char *link;
        unsigned pages;
    } cases[] = {
        {"<http://a/?x=1&page=2>; rel=\"next\", <http://a/?x=1&page=9>; rel=\"last\"", 9},
        {"<http://a/?page=12>; rel=\"last\", <http://a/?page=2>; rel=\"next\"", 12},
        {"<http://a/?page=2&y=1>; rel=\"next\", <http://a/?page=3&y=1>; rel=\"last\"", 3},
        {"<http://a/?page=2>; rel=\"next\"", 0},
        {"<http://a/?after=x>; rel=\"next\", <http://a/?page=3>; rel=\"last\"", 0},
        {"<http://a/?page=2>; rel=\"next\", <http://b/?page=3>; rel=\"last\"", 0},
        {"<http://a/?page=2&y=1>; rel=\"next\", <http://a/?page=3&y=2>; rel=\"last\"", 0},
        {"<http://a/?page=3>; rel=\"next\", <http://a/?page=9>; rel=\"last\"", 0},
        {"<http://a/?per_page=2>; rel=\"next\", <http://a/?per_page=9>; rel=\"last\"", 0},
        {"<http://a/?page=2>; rel=\"next\", <http://a/?page=99999999999>; rel=\"last\"",
         0},
        {"<http://a/?page=2>; rel=\"next\", <http://a/?page=-1>; rel=\"last\"", 0},
        {"", 0},
    };
    char url[64];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_eq(link_pages(cases[i].link), cases[i].pages, "%s", cases[i].link);
    cr_assert(link_page_url("http://a/?page=2&y=1", 10, url, sizeof url));
    cr_expect_str_eq(url, "http://a/?page=10&y=1");
    cr_expect_not(link_page_url("http://a/?page=2&y=1", 10, url, 8));
    cr_expect_not(link_page_url("http://a/?after=2", 3, url, sizeof url));
}
