#include "local/forge/journal.h"

#include <stdio.h>
#include <string.h>

void
journal_init(struct journal *j)
{
    j->requests = json_array();
    j->counts = json_object();
}

void
journal_free(struct journal *j)
{
    json_decref(j->requests);
    json_decref(j->counts);
}

void
journal_clear(struct journal *j)
{
    json_array_clear(j->requests);
    json_object_clear(j->counts);
}

static void
count(struct journal *j, const char *what)
{
    json_int_t n = json_integer_value(json_object_get(j->counts, what));

    json_object_set_new(j->counts, what, json_integer(n + 1));
}

void
journal_add(struct journal *j, int64_t now, const char *method, const char *path,
            const char *query, int status, const char *login, const char *auth,
            const char *agent)
{
    char code[16];
    size_t n = strlen(path);

    if (json_array_size(j->requests) == JOURNAL_MAX)
        json_array_remove(j->requests, 0);
    json_array_append_new(j->requests,
                          json_pack("{s:I, s:s, s:s, s:s, s:i, s:s?, s:s?, s:s?}", "at",
                                    (json_int_t)now, "method", method, "path", path,
                                    "query", query, "status", status, "login", login,
                                    "auth", auth, "agent", agent));
    snprintf(code, sizeof(code), "%d", status);
    count(j, "calls");
    count(j, code);
    if (n > 9 && strcmp(path + n - 9, "/comments") == 0)
        count(j, "comments");
}
