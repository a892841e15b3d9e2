#include "spawner/ghpolicy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"

enum { ANSWER_MAX = 65536 };

/* ---- reading ---- */

int
texts_read(const json_t *source, const char *path, struct texts *out, struct err *e)
{
    json_t *list = NULL, *v;
    size_t i;

    if (json_opt_arr(source, path, &list, e) < 0)
        return -1;
    if (list == NULL || json_array_size(list) == 0)
        return 0;
    if ((out->items = calloc(json_array_size(list), sizeof(*out->items))) == NULL)
        return err_errno(e, "%s", path);
    json_array_foreach(list, i, v)
    {
        if (!json_is_string(v))
            return err_set(e, ERR_INVALID, "%s[%zu]: must be a string", path, i);
        if (*json_string_value(v) != '\0')
            out->items[out->n++] = json_string_value(v);
    }
    return 0;
}

static const char *const permissions[] = {"read", "triage", "write", "maintain", "admin"};

int
ghpolicy_rank(const char *permission)
{
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++)
        if (strcmp(permissions[i], permission) == 0)
            return (int)i + 1;
    return 0;
}

int
ghpolicy_answer(const char *bytes, size_t size, struct err *e)
{
    SCOPED(json) json_t *root = json_parse(bytes, size, ANSWER_MAX, e);
    const char *state = json_str_or(root, "state", NULL);
    const char *permission = json_str_or(root, "permission", NULL);
    int rank = ghpolicy_rank(json_str_or(root, "role_name", ""));

    if (root == NULL)
        return -1;
    if (state != NULL)
        return strcasecmp(state, "active") == 0;
    if (permission == NULL)
        return err_set(e, ERR_INVALID, "neither permission nor state is there");
    return rank > 0 ? rank : ghpolicy_rank(permission);
}

/* One slash with something on both sides. */
static bool
is_team(const char *text)
{
    const char *slash = strchr(text, '/');

    return slash != NULL && slash != text && slash[1] != '\0' &&
           strchr(slash + 1, '/') == NULL;
}

static int
read_rules(const json_t *source, struct ghpolicy *p, struct err *e)
{
    const char *minimum = "";

    p->trigger = "";
    if (json_opt_str(source, "commentPolicy.triggerComment", &p->trigger, e) < 0 ||
        json_opt_str(source, "commentPolicy.minimumPermission", &minimum, e) < 0 ||
        texts_read(source, "commentPolicy.excludeComments", &p->exclude, e) < 0 ||
        texts_read(source, "commentPolicy.allowedUsers", &p->users, e) < 0 ||
        texts_read(source, "commentPolicy.allowedTeams", &p->teams, e) < 0)
        return -1;
    p->minimum = ghpolicy_rank(minimum);
    if (*minimum != '\0' && p->minimum == 0)
        return err_set(e, ERR_INVALID,
                       "commentPolicy.minimumPermission: \"%.100s\" is none of read, "
                       "triage, write, maintain, admin",
                       minimum);
    for (size_t i = 0; i < p->teams.n; i++)
        if (!is_team(p->teams.items[i]))
            return err_set(e, ERR_INVALID,
                           "commentPolicy.allowedTeams[%zu]: \"%.200s\" must be "
                           "organisation/slug",
                           i, p->teams.items[i]);
    return 0;
}

int
ghpolicy_read(const json_t *source, const char *field, struct ghpolicy *out,
              struct err *e)
{
    json_t *policy = NULL;

    *out = (struct ghpolicy){.trigger = ""};
    if (json_opt_obj(source, "commentPolicy", &policy, e) < 0)
        return err_wrap(e, "%s", field);
    out->given = policy != NULL;
    if (out->given && read_rules(source, out, e) < 0)
        return err_wrap(e, "%s", field);
    return 0;
}

void
ghpolicy_clear(struct ghpolicy *p)
{
    free(p->exclude.items);
    free(p->users.items);
    free(p->teams.items);
    *p = (struct ghpolicy){.trigger = ""};
}

/* ---- who ---- */

bool
ghpolicy_asks(const struct ghpolicy *p)
{
    return p->given && (p->teams.n > 0 || p->minimum > 0);
}

static bool
same_login(const char *listed, const char *login)
{
    size_t n;

    listed += strspn(listed, " \t\r\n");
    n = strlen(listed);
    while (n > 0 && isspace((unsigned char)listed[n - 1]))
        n--;
    return strlen(login) == n && strncasecmp(listed, login, n) == 0;
}

enum gh_may
ghpolicy_may(const struct ghpolicy *p, const char *login)
{
    if (*login == '\0')
        return GH_MAY_NOT;
    if (p->users.n == 0 && !ghpolicy_asks(p))
        return GH_MAY;
    for (size_t i = 0; i < p->users.n; i++)
        if (same_login(p->users.items[i], login))
            return GH_MAY;
    return ghpolicy_asks(p) ? GH_ASK : GH_MAY_NOT;
}

/* ---- commands ---- */

/* How many bytes of white space the text begins with, as Unicode has it: a command that was
 * copied from a page may have a no-break space beside it. */
static size_t
space_at(const char *text, size_t size)
{
    static const char *const wide[] = {"\xc2\x85", "\u00a0", "\u1680", "\u2028",
                                       "\u2029",   "\u202f", "\u205f", "\u3000"};

    if (size > 0 && isspace((unsigned char)*text))
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (size >= strlen(wide[i]) && memcmp(text, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    /* U+2000 to U+200A */
    return size >= 3 && memcmp(text, "\xe2\x80", 2) == 0 &&
                   (unsigned char)text[2] >= 0x80 && (unsigned char)text[2] <= 0x8a
               ? 3
               : 0;
}

/* Whether it is the command with nothing but white space around it. */
static bool
is_command(const char *line, size_t size, const char *command)
{
    size_t want = strlen(command), n;

    while ((n = space_at(line, size)) > 0) {
        line += n;
        size -= n;
    }
    if (size < want || memcmp(line, command, want) != 0)
        return false;
    line += want;
    size -= want;
    while ((n = space_at(line, size)) > 0) {
        line += n;
        size -= n;
    }
    return size == 0;
}

bool
comment_has_command(const char *text, const char *command)
{
    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n");

        if (is_command(line, n, command))
            return true;
        line += n + (line[n] == '\n');
    }
    return false;
}

static bool
triggers(const struct ghpolicy *p, const char *text)
{
    return *p->trigger != '\0' && comment_has_command(text, p->trigger);
}

static bool
parks(const struct ghpolicy *p, const char *text)
{
    for (size_t i = 0; i < p->exclude.n; i++)
        if (comment_has_command(text, p->exclude.items[i]))
            return true;
    return false;
}

/* ---- judging ---- */

/* The newest place where somebody who may has given a command. */
struct newest {
    bool any, timed;
    int64_t ms;
    size_t index;
};

struct judging {
    const struct ghpolicy *p;
    ghpolicy_may_fn *may;
    void *arg;
    bool open, failed;
    struct newest trigger, exclude;
    bool body_triggers, body_parks;
};

/* -1, 0, 1: whether a is older, the same place, newer. A known time beats none. */
static int
newest_compare(const struct newest *a, const struct newest *b)
{
    if (a->timed != b->timed)
        return a->timed ? 1 : -1;
    if (a->timed && a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    return a->index == b->index ? 0 : a->index < b->index ? -1 : 1;
}

static bool
is_newer(const struct newest *a, const struct newest *b)
{
    return a->any && (!b->any || newest_compare(a, b) > 0);
}

static void
note(struct newest *n, const struct newest *found)
{
    if (!n->any || newest_compare(found, n) > 0)
        *n = *found;
}

static bool
may(struct judging *j, const char *login)
{
    enum gh_may m = j->may(j->arg, j->p, login);

    j->open |= m == GH_ASK;
    j->failed |= m == GH_FAIL;
    return m == GH_MAY;
}

static void
look_at_comments(struct judging *j, const json_t *said)
{
    size_t i;
    json_t *c;

    json_array_foreach((json_t *)said, i, c)
    {
        const char *body = json_str_or(c, "body", "");
        bool triggering = triggers(j->p, body), parking = parks(j->p, body);
        struct newest found = {.any = true, .index = i};

        if ((!triggering && !parking) || !may(j, json_str_or(c, "user", "")))
            continue;
        found.timed = rfc3339_parse(json_str_or(c, "created_at", ""), &found.ms) == 0;
        if (triggering)
            note(&j->trigger, &found);
        if (parking)
            note(&j->exclude, &found);
    }
}

static void
look_at_body(struct judging *j, const json_t *issue)
{
    const char *body = json_str_or(issue, "body", "");

    j->body_triggers = triggers(j->p, body);
    j->body_parks = parks(j->p, body);
    if ((j->body_triggers || j->body_parks) && !may(j, json_str_or(issue, "user", "")))
        j->body_triggers = j->body_parks = false;
}

/* The comments decide when one of them holds a command, unless it holds both; otherwise
 * the item's own text. */
static bool
passes(const struct judging *j)
{
    if (*j->p->trigger == '\0')
        return !j->exclude.any && !j->body_parks;
    if (is_newer(&j->trigger, &j->exclude))
        return true;
    if (is_newer(&j->exclude, &j->trigger))
        return false;
    return !j->body_parks && j->body_triggers;
}

static void
explain(const struct judging *j, struct buf *why)
{
    const char *trigger = j->p->trigger;

    if (j->exclude.any || j->body_parks)
        buf_add_str(why, "commentPolicy.excludeComments: somebody who may has parked it");
    else
        buf_printf(why, "commentPolicy.triggerComment: nobody who may has written \"%s\"",
                   trigger);
}

enum gh_verdict
ghpolicy_judge(const struct ghpolicy *p, const json_t *issue, const json_t *said,
               ghpolicy_may_fn *may_fn, void *arg, int64_t *trigger_ms, struct buf *why)
{
    struct judging j = {.p = p, .may = may_fn, .arg = arg};
    bool settled;

    *trigger_ms = 0;
    if (!p->given || (*p->trigger == '\0' && p->exclude.n == 0))
        return GH_PASSES;
    look_at_comments(&j, said);
    /* A command in a comment decides: the author of the item need not be asked about. */
    settled = *p->trigger == '\0'
                  ? j.exclude.any
                  : is_newer(&j.trigger, &j.exclude) || is_newer(&j.exclude, &j.trigger);
    if (!j.open && !settled)
        look_at_body(&j, issue);
    if (j.open)
        return GH_OPEN;
    if (j.failed)
        return GH_UNKNOWN;
    if (!passes(&j)) {
        if (why != NULL)
            explain(&j, why);
        return GH_EXCLUDED;
    }
    /* The text of the item has no time. */
    if (is_newer(&j.trigger, &j.exclude) && j.trigger.timed)
        *trigger_ms = j.trigger.ms;
    return GH_PASSES;
}
