/* test_repo.c - repository URLs. */
#include <criterion/criterion.h>

#include "reconciler/job/repo.h"
#include "tests/support/rows.h"

static const struct {
    const char *row, *text, *host, *owner, *name, *api;
} rows[] = {
    {"TE/RU1", "https://github.com/kelos-dev/kelos.git", "github.com", "kelos-dev",
     "kelos", ""},
    {"TE/RU1", "https://github.com/kelos-dev/kelos", "github.com", "kelos-dev", "kelos",
     ""},
    {"SP/R1", "https://github.com/kelos-dev/kelos/", "github.com", "kelos-dev", "kelos",
     ""},
    {"TE/RU2", "git@github.com:kelos-dev/kelos.git", "github.com", "kelos-dev", "kelos",
     ""},
    {"SP/R2", "git@github.com:kelos-dev/kelos", "github.com", "kelos-dev", "kelos", ""},
    {"TE/RU3", "https://github.example.com/my-org/my-repo.git", "github.example.com",
     "my-org", "my-repo", "https://github.example.com/api/v3"},
    {"SP/R4", "git@github.example.com:my-org/my-repo.git", "github.example.com", "my-org",
     "my-repo", "https://github.example.com/api/v3"},
    {"TE/RU4", "https://github.example.com:8443/my-org/my-repo.git",
     "github.example.com:8443", "my-org", "my-repo",
     "https://github.example.com:8443/api/v3"},
    {"SP/R3", "https://github.example.com:8443/my-org/my-repo.git",
     "github.example.com:8443", "my-org", "my-repo",
     "https://github.example.com:8443/api/v3"},
    {"SP/R11", "https://github.example.com/o/r", "github.example.com", "o", "r",
     "https://github.example.com/api/v3"},
    {"TE/RU5", "owner/repo", "", "owner", "repo", ""},
    {"SP/R5", "upstream-org/upstream-repo", "", "upstream-org", "upstream-repo", ""},
    {"TE/RU6", "not-a-valid-url", "", "", "unknown-repo-not-a-valid-url", ""},
    {"SP/R6", "ssh://git@github.com/o/r.git", "github.com", "o", "r", ""},
    /* Of a longer path the last two segments: the repository keeps its own name. */
    {"SP/R7", "https://gitlab.com/group/sub/r", "gitlab.com", "sub", "r",
     "https://gitlab.com/api/v3"},
    {"SP/R8", "https://github.com/o/my.repo", "github.com", "o", "my.repo", ""},
    {"TE/RU7", "https://github.com/o/my.repo.git", "github.com", "o", "my.repo", ""},
    {"SP/R9", "https://user:tok@github.com/o/r", "github.com", "o", "r", ""},
    {"TE/RU7", "git://github.com/o/r", "github.com", "o", "r", ""},
    {"SP/R10", "https://GitHub.com/o/r", "github.com", "o", "r", ""},
    {"SP/R10", "https://www.github.com/o/r", "github.com", "o", "r", ""},
    {NULL, "https://github.com:443/o/r", "github.com", "o", "r", ""},
    {NULL, "ssh://git@ghe.example.com:2222/o/r.git", "ghe.example.com", "o", "r",
     "https://ghe.example.com/api/v3"},
    {NULL, "http://127.0.0.1:8099/demo/repo", "127.0.0.1:8099", "demo", "repo",
     "http://127.0.0.1:8099/api/v3"},
    {NULL, "http://forge.example.com/demo/repo", "forge.example.com", "demo", "repo",
     "https://forge.example.com/api/v3"},
    {NULL, "https://acme.ghe.com/o/r", "acme.ghe.com", "o", "r",
     "https://api.acme.ghe.com"},
    {NULL, "ssh://git@git.example.com:2222/o/r.git", "git.example.com", "o", "r",
     "https://git.example.com/api/v3"},
    {NULL, "ssh://git@ssh.github.com:443/o/r.git", "github.com", "o", "r", ""},
    {NULL, "org-4711@github.com:o/r.git", "github.com", "o", "r", ""},
    {NULL, "git@github.com:/o/r.git/", "github.com", "o", "r", ""},
    {NULL, "github.com/o/r", "", "o", "r", ""},
    {NULL, "", "", "", "unknown-repo-", ""},
    {NULL, "https://", "", "", "unknown-repo-https://", ""},
    {NULL, "git@host", "", "", "unknown-repo-git@host", ""},
};

Test(repo, is_taken_apart)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct repo r;
        char api[300];
        repo_parse(rows[i].text, &r);
        repo_api_base(&r, api, sizeof api);
        cr_assert_str_eq(r.owner, rows[i].owner, "%s: %s", rows[i].text, r.owner);
        cr_assert_str_eq(r.name, rows[i].name, "%s: %s", rows[i].text, r.name);
        if (*r.owner != '\0')
            cr_assert_str_eq(r.host, rows[i].host, "%s: %s", rows[i].text, r.host);
        if (*r.owner != '\0')
            cr_assert_str_eq(api, rows[i].api, "%s: %s", rows[i].text, api);
        if (rows[i].row != NULL)
            row_claim(rows[i].row);
    }
}
