/* jirafields.h - Jira's queries and answers, apart from asking. Pure. */
#ifndef KELOS_SPAWNER_JIRAFIELDS_H
#define KELOS_SPAWNER_JIRAFIELDS_H

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"
#include "spawner/items.h"

/* The JQL of a project and an optional filter: `project = P AND (filter) ORDER BY ...`. A
 * key that is no plain word is quoted. */
int jira_jql(const char *project, const char *filter, struct buf *out);

/* The number behind the first '-' of a key, 0 when there is none. */
int64_t jira_number(const char *key);

/* The text of a field that is a string or an ADF document; nothing for anything else. */
int jira_text(const json_t *value, struct buf *out);

/* What a page of a search says beside its issues. */
struct jira_page {
    size_t n; /* issues in it */
    /* Of a search that counts; -1: it is another one, or there are no more. */
    int64_t total;
    char *token; /* of the next page; NULL: none; the caller frees */
};
/* Reads a page, adds its issues to the set. Returns 0, or -1 with *e set: nothing to free
 * then. */
int jira_page(struct items *set, const char *base, const char *bytes, size_t size,
              struct jira_page *out, struct err *e);

/* Adds one issue of an answer as an item. `base` without a slash at its end. Returns 0, or -1
 * with ERR_INVALID that names the bad path. */
int jira_item(struct items *set, const char *base, const json_t *issue, struct err *e);

#endif
