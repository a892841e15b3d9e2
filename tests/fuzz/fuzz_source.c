/* fuzz_source.c - what sources answer, one answer at a time: issues, comments, reviews, changed
 * files, permissions, links, Jira's pages; and filters. What is made of a pull request's answers
 * together: fuzz_pull.c. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "spawner/ghfilter.h"
#include "spawner/ghissue.h"
#include "spawner/jirafields.h"
#include "spawner/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
issues(const char *text, size_t size)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *all = ghissues_read(text, size, &e);
    SCOPED(json)
    json_t *when = json_pack("{s:{s:[s], s:s, s:[s]}}", "githubIssues", "labels", "bug",
                             "assignee", "x", "excludeLabels", "no");
    SCOPED(ghfilter) struct ghfilter *f = ghfilter_read(when, &e);
    const struct ghquery here = {false, false, false};
    size_t i;
    json_t *v;

    json_array_foreach(all, i, v)(void) ghfilter_excludes(f, v, here, NULL);
}

static void
comments(const char *text, size_t size)
{
    static const char *const commands[] = {"/go", "/stop", NULL};
    struct err e = ERR_INIT;
    SCOPED(json) json_t *list = json_array();
    SCOPED(json)
    json_t *when = json_pack("{s:{s:s, s:[s]}}", "githubIssues", "triggerComment", "/go",
                             "excludeComments", "/stop");
    SCOPED(ghfilter) struct ghfilter *f = ghfilter_read(when, &e);
    SCOPED(buf) struct buf joined = BUF_INIT;
    bool before, after;

    (void)ghcomments_read(text, size, list, &e);
    before = !ghfilter_comments_exclude(f, list, NULL);
    ghcomments_shrink(list, commands);
    after = !ghfilter_comments_exclude(f, list, NULL);
    if (before != after)
        __builtin_trap(); /* shrinking must not change what the commands say */
    (void)ghfilter_trigger_time(f, list);
    comments_join(list, &joined);
}

static void
jira(const char *text, size_t size)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *issue = json_parse(text, size, 0, &e);
    SCOPED(items) struct items *set = items_new();
    char digest[DIGEST_SIZE];

    if (issue != NULL)
        (void)jira_item(set, "https://jira", issue, &e);
    items_digest(set, digest);
}

/* A page of either search, read as far as it goes; then what it says of the next. */
static void
jira_pages(const char *text, size_t size)
{
    struct err e = ERR_INIT;
    SCOPED(items) struct items *set = items_new();
    struct jira_page page;

    if (jira_page(set, "https://jira", text, size, &page, &e) < 0)
        return;
    if (page.token != NULL && page.n == 0)
        __builtin_trap(); /* a token is for a page that follows another */
    free(page.token);
}

static void
lists(const char *text, size_t size)
{
    static int (*const readers[])(const char *, size_t, json_t *, struct err *) = {
        ghreviews_read, ghline_comments_read, ghfiles_read};
    SCOPED(json) json_t *list = json_array();

    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        struct err e = ERR_INIT;

        json_array_clear(list);
        (void)readers[i](text, size, list, &e);
    }
}

static void
answers(const char *text, size_t size)
{
    struct err e = ERR_INIT;
    int rank = ghpolicy_answer(text, size, &e);

    if (rank < -1 || rank > 5 || (rank < 0) != (e.code != ERR_NONE))
        __builtin_trap();
}

static void
texts(const char *text)
{
    char next[256];
    SCOPED(buf) struct buf jql = BUF_INIT;

    (void)link_next(text, next, sizeof(next));
    (void)link_pages(text);
    (void)link_page_url(text, 3, next, sizeof(next));
    (void)url_same_origin("https://api.github.com", text);
    (void)jira_jql("PROJ", text, &jql);
    (void)jira_number(text);
}

static void
filter(const char *text, size_t size)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *when = json_parse(text, size, 0, &e);
    SCOPED(ghfilter) struct ghfilter *f = when != NULL ? ghfilter_read(when, &e) : NULL;
    SCOPED(buf) struct buf query = BUF_INIT;
    const struct ghquery all = {true, true, true};

    if (f != NULL)
        ghfilter_query(f, all, &query);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0 || (text = strndup((const char *)data + 1, size - 1)) == NULL)
        return 0;
    switch (data[0] % 9) {
    case 0:
        issues((const char *)data + 1, size - 1);
        break;
    case 1:
        comments((const char *)data + 1, size - 1);
        break;
    case 2:
        jira((const char *)data + 1, size - 1);
        break;
    case 3:
        texts(text);
        break;
    case 4:
        filter((const char *)data + 1, size - 1);
        break;
    case 5:
        lists((const char *)data + 1, size - 1);
        break;
    case 6:
        answers((const char *)data + 1, size - 1);
        break;
    default:
        jira_pages((const char *)data + 1, size - 1);
        break;
    }
    free(text);
    return 0;
}
