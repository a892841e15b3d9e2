#include <criterion/criterion.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "spawner/jirafields.h"
#include "tests/support/rows.h"

Test(jirafields, jql_keeps_the_order_outside)
{
    const struct {
        const char *row, *project, *filter, *jql;
    } cases[] = {
        {"SP/J1", "PROJ", "status = Open", "project = PROJ AND (status = Open)"},
        {"SP/J2", "PROJ", "", "project = PROJ"},
        {"SP/J3", "PROJ", "status = Open ORDER BY created DESC",
         "project = PROJ AND (status = Open) ORDER BY created DESC"},
        {"SP/J4", "PROJ", "status = Open order by created",
         "project = PROJ AND (status = Open) order by created"},
        {"SP/J5", "PROJ", "ORDER BY created DESC",
         "project = PROJ ORDER BY created DESC"},
        {NULL, "PROJ", "text ~ \"ORDER BY x\"",
         "project = PROJ AND (text ~ \"ORDER BY x\")"},
        {NULL, "PROJ", "summary ~ 'an \\' ORDER BY' ORDER  BY key",
         "project = PROJ AND (summary ~ 'an \\' ORDER BY') ORDER  BY key"},
        {NULL, "PROJ", "border by = 1", "project = PROJ AND (border by = 1)"},
        {NULL, "MY PROJ\"X", "", "project = \"MY PROJ\\\"X\""},
        {NULL, "1ABC", "a = b", "project = \"1ABC\" AND (a = b)"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(buf) struct buf out = BUF_INIT;

        cr_assert_eq(jira_jql(cases[i].project, cases[i].filter, &out), 0);
        cr_assert_str_eq(buf_str(&out), cases[i].jql, "%zu", i);
        if (cases[i].row != NULL)
            row_claim(cases[i].row);
    }
    row_claim("SP/W26");
}

Test(jirafields, number_stands_behind_the_first_dash)
{
    cr_assert_eq(jira_number("PROJ-42"), 42);
    cr_assert_eq(jira_number("ABC-1"), 1);
    cr_assert_eq(jira_number("PROJ-9007199254740993"), 9007199254740993);
    cr_assert_eq(jira_number("PROJ-0"), 0);
    cr_assert_eq(jira_number("INVALID"), 0);
    cr_assert_eq(jira_number("PROJ-abc"), 0);
    cr_assert_eq(jira_number("PROJ-99999999999999999999"), 0);
    row_claim("SP/J6");
}

static void
item_of(const char *json, struct items *set)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *issue = json_loads(json, 0, NULL);

    cr_assert(issue != NULL, "%s", json);
    cr_assert_eq(jira_item(set, "https://jira.example.com", issue, &e), 0, "%s", e.text);
}

Test(jirafields, documents_become_text)
{
    SCOPED(items) struct items *s = items_new();

    item_of(
        "{\"key\":\"PROJ-1\",\"fields\":{\"description\":{\"type\":\"doc\",\"content\":["
        "{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}]}]}}"
        "}",
        s);
    cr_assert_str_eq(s->rows[0].body, "Hello");
    row_claim("SP/J10");
    item_of("{\"key\":\"PROJ-2\",\"fields\":{\"description\":{\"content\":["
            "{\"content\":[{\"text\":\"a\"},{\"type\":\"rule\"},{\"text\":\"b\"}]},"
            "{\"content\":[{\"text\":\"c\"}]}]}}}",
            s);
    cr_assert_str_eq(s->rows[1].body, "a\nb\nc");
    item_of("{\"key\":\"PROJ-3\",\"fields\":{\"description\":\"plain\"}}", s);
    cr_assert_str_eq(s->rows[2].body, "plain");
}

Test(jirafields, items_have_all_variables)
{
    SCOPED(items) struct items *s = items_new();

    item_of("{\"key\":\"PROJ-42\",\"fields\":{\"summary\":\"Fix\",\"labels\":[\"bug\","
            "\"p1\"],"
            "\"issuetype\":{\"name\":\"Story\"},\"comment\":{\"comments\":[{\"body\":"
            "\"First comment\"},"
            "{\"body\":\"\"},{\"body\":\"Second comment\"}]}}}",
            s);
    cr_assert_str_eq(s->rows[0].id, "PROJ-42");
    cr_assert_eq(s->rows[0].number, 42);
    cr_assert_str_eq(s->rows[0].title, "Fix");
    cr_assert_str_eq(s->rows[0].url, "https://jira.example.com/browse/PROJ-42");
    cr_assert_str_eq(s->rows[0].kind, "Story");
    cr_assert_eq(s->rows[0].labels.count, 2);
    cr_assert_str_eq(s->rows[0].comments, "First comment\n---\nSecond comment");
    row_claim("SP/J12");
    item_of("{\"key\":\"PROJ-1\"}", s);
    cr_assert_str_eq(s->rows[1].kind, "Issue");
    row_claim("SP/J11");
}

Test(jirafields, wrong_answers_name_the_field)
{
    const char *const bads[] = {"{}", "{\"key\":1}",
                                "{\"key\":\"A-1\",\"fields\":{\"labels\":1}}"};

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        SCOPED(items) struct items *s = items_new();
        SCOPED(json) json_t *issue = json_loads(bads[i], 0, NULL);
        struct err e = ERR_INIT;

        cr_assert_eq(jira_item(s, "", issue, &e), -1);
        cr_assert(strstr(e.text, i == 2 ? "labels" : "key") != NULL, "%s", e.text);
    }
}
