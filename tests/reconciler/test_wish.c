/* test_wish.c - which API and repository a TaskSpawner's source is asked for. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/job/wish.h"

static const struct {
    const char *override, *workspace, *owner, *name, *api;
} rows[] = {
    {NULL, "https://github.com/kelos-dev/kelos.git", "kelos-dev", "kelos", ""},
    {NULL, "https://git.corp.example/acme/web.git", "acme", "web",
     "https://git.corp.example/api/v3"},
    {"up/stream", "https://github.com/fork/web.git", "up", "stream", ""},
    {"https://github.com/up/stream", "https://git.corp.example/fork/web", "up", "stream",
     ""},
    {"https://git.corp.example/up/stream.git", "https://github.com/fork/web", "up",
     "stream", "https://git.corp.example/api/v3"},
    /* owner/name alone names no host: it is on the Workspace's. */
    {"up/stream", "https://git.corp.example/fork/web", "up", "stream",
     "https://git.corp.example/api/v3"},
};

Test(wish, the_overrides_repository_comes_before_the_workspaces)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char repo[200] = "";
        struct err e = ERR_INIT;
        struct wish w;
        if (rows[i].override != NULL)
            snprintf(repo, sizeof repo, "'repo':'%s'", rows[i].override);
        const struct spawner_view *v =
            make_view(KIND_TASK_SPAWNER, 0,
                      js("{'metadata':{'name':'x'},'spec':{'when':{'githubIssues':{%s}},"
                         "'taskTemplate':{'workspaceRef':{'name':'w'}}}}",
                         repo));
        const struct workspace_view *space = make_view(
            KIND_WORKSPACE, 0,
            js("{'metadata':{'name':'w'},'spec':{'repo':'%s'}}", rows[i].workspace));
        cr_assert_eq(wish_make(v, space, &w, &e), 0, "%s", e.text);
        cr_assert_str_eq(w.repo.owner, rows[i].owner);
        cr_assert_str_eq(w.repo.name, rows[i].name);
        cr_assert_str_eq(w.api_base, rows[i].api, "%zu: %s", i, w.api_base);
    }
    row_claim("RES/SP5");
    row_claim("SP/R12");
    row_claim("SP/W11");
}
