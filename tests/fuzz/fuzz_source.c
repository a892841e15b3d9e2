/* fuzz_source.c - what sources answer: issues, comments, links, Jira's issues, filters. */
#include <stdint.h>
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

static void
texts(const char *text)
{
    char next[256];
    SCOPED(buf) struct buf jql = BUF_INIT;

    (void)link_next(text, next, sizeof(next));
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
    switch (data[0] % 5) {
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
    default:
        filter((const char *)data + 1, size - 1);
        break;
    }
    free(text);
    return 0;
}
