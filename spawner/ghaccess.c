#include "spawner/ghaccess.h"

#include <ctype.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/fetch.h"
#include "spawner/ghheaders.h"

enum { ETAG_MAX = 256, KNOWN_MAX = 2000 };

struct slot {
    struct ghaccess *all;
    struct fetch *fetch; /* NULL: free */
    char *url;           /* owned */
};

/* known: url in lower case -> {"rank": what was answered, "etag", "fresh", "failed"}; a team's
 * rank is 1 for an active member, else 0. */
struct ghaccess {
    struct group *group;
    char *repo_url;
    json_t *known;
    json_t *queue; /* urls; what is asked is taken from its end */
    bool used;
    struct slot slots[LIMIT_SOURCE_CALLS];
    struct failure failure;
    bool failed, fatal, running, pumping;
    ghaccess_fn *done;
    void *arg;
};

struct ghaccess *
ghaccess_new(struct group *g)
{
    struct ghaccess *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    a->group = g;
    a->known = json_object();
    a->queue = json_array();
    for (size_t i = 0; i < ARRAY_LEN(a->slots); i++)
        a->slots[i].all = a;
    return a;
}

static void
slot_clear(struct slot *s)
{
    free(s->url);
    s->url = NULL;
    s->fetch = NULL;
}

void
ghaccess_cancel(struct ghaccess *a)
{
    for (size_t i = 0; i < ARRAY_LEN(a->slots); i++) {
        fetch_cancel(a->slots[i].fetch);
        slot_clear(&a->slots[i]);
    }
    a->running = false;
}

void
ghaccess_free(struct ghaccess *a)
{
    if (a == NULL)
        return;
    ghaccess_cancel(a);
    free(a->repo_url);
    json_decref(a->known);
    json_decref(a->queue);
    free(a);
}

void
ghaccess_begin(struct ghaccess *a, const char *repo_url)
{
    const char *url;
    json_t *answer;

    free(a->repo_url);
    a->repo_url = strdup(repo_url);
    a->failed = a->fatal = a->used = false;
    json_array_clear(a->queue);
    if (json_object_size(a->known) > KNOWN_MAX)
        json_object_clear(a->known);
    json_object_foreach(a->known, url, answer)
    {
        json_object_del(answer, "fresh");
        json_object_del(answer, "failed");
        json_object_del(answer, "asked");
    }
}

const struct failure *
ghaccess_failure(const struct ghaccess *a)
{
    return a->failed ? &a->failure : NULL;
}

bool
ghaccess_used(const struct ghaccess *a)
{
    return a->used;
}

bool
ghaccess_waits(const struct ghaccess *a)
{
    return json_array_size(a->queue) > 0;
}

/* ---- questions ---- */

static void
lower(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++)
        buf_add_char(out, (char)tolower((unsigned char)*text));
}

/* The rank that was answered in this poll; -1: it failed, -2: it is asked now. */
static int
look_up(struct ghaccess *a, const char *url)
{
    SCOPED(buf) struct buf key = BUF_INIT;
    json_t *answer;

    lower(url, &key);
    a->used = true;
    if ((answer = json_object_get(a->known, buf_str(&key))) == NULL)
        json_object_set_new(a->known, buf_str(&key), answer = json_object());
    if (json_object_get(answer, "failed") != NULL)
        return -1;
    if (json_object_get(answer, "fresh") != NULL)
        return (int)json_int_or(answer, "rank", 0);
    if (json_object_get(answer, "asked") == NULL) {
        json_object_set_new(answer, "asked", json_true());
        json_array_append_new(a->queue, json_string(url));
    }
    return -2;
}

static int
permission_of(struct ghaccess *a, const char *login)
{
    SCOPED(buf) struct buf url = BUF_INIT;

    buf_printf(&url, "%s/collaborators/", a->repo_url);
    http_escape(&url, login);
    buf_add_str(&url, "/permission");
    return look_up(a, buf_str(&url));
}

static int
membership_of(struct ghaccess *a, const char *team, const char *login)
{
    SCOPED(buf) struct buf url = BUF_INIT;
    SCOPED(string) char *org = strndup(team, strcspn(team, "/"));

    buf_printf(&url, "%s/orgs/", a->group->source->base);
    http_escape(&url, org);
    buf_add_str(&url, "/teams/");
    http_escape(&url, strchr(team, '/') + 1);
    buf_add_str(&url, "/memberships/");
    http_escape(&url, login);
    return look_up(a, buf_str(&url));
}

enum gh_may
ghaccess_may(void *arg, const struct ghpolicy *p, const char *login)
{
    struct ghaccess *a = arg;
    enum gh_may may = ghpolicy_may(p, login);
    bool failed = false;
    int rank;

    if (may != GH_ASK)
        return may;
    if (p->minimum > 0) {
        if ((rank = permission_of(a, login)) == -2)
            return GH_ASK;
        if (rank >= p->minimum)
            return GH_MAY;
        failed |= rank == -1;
    }
    for (size_t i = 0; i < p->teams.n; i++) {
        if ((rank = membership_of(a, p->teams.items[i], login)) == -2)
            return GH_ASK;
        if (rank > 0)
            return GH_MAY;
        failed |= rank == -1;
    }
    return failed ? GH_FAIL : GH_MAY_NOT;
}

/* ---- answers ---- */

static json_t *
answer_of(const struct slot *s)
{
    SCOPED(buf) struct buf key = BUF_INIT;

    lower(s->url, &key);
    return json_object_get(s->all->known, buf_str(&key));
}

static void
fail(struct slot *s, const struct failure *f, bool fatal)
{
    struct ghaccess *a = s->all;

    if (!a->failed || (fatal && !a->fatal))
        a->failure = *f;
    a->failed = true;
    a->fatal |= fatal;
    json_object_set_new(answer_of(s), "failed", json_true());
}

static void
take(struct slot *s, int rank, const struct fetch_result *r)
{
    json_t *answer = answer_of(s);
    char etag[ETAG_MAX];

    json_object_set_new(answer, "fresh", json_true());
    json_object_set_new(answer, "rank", json_integer(rank));
    if (http_header(r->headers, "ETag", etag, sizeof(etag)))
        json_object_set_new(answer, "etag", json_string(etag));
    else
        json_object_del(answer, "etag");
}

static void
read_answer(struct slot *s, const struct fetch_result *r)
{
    struct err e = ERR_INIT;
    struct failure f = {0};
    int answer = ghpolicy_answer(r->body, r->body_size, &e);

    if (answer < 0) {
        failure_set(&f, "Malformed", "GitHub API: %s", e.text);
        fail(s, &f, false);
        return;
    }
    take(s, answer, r);
}

static void pump(struct ghaccess *a);

static void
on_answer(void *arg, const struct fetch_result *r)
{
    struct slot *s = arg;
    struct ghaccess *a = s->all;
    struct failure f = {0};

    s->fetch = NULL;
    if (r->err.code == ERR_NONE && r->status == 304 &&
        json_object_get(answer_of(s), "etag") != NULL)
        json_object_set_new(answer_of(s), "fresh", json_true());
    else if (r->err.code == ERR_NONE && r->status == 404)
        take(s, 0, r);
    else if (r->err.code == ERR_NONE && r->status == 200)
        read_answer(s, r);
    else {
        fetch_failure(a->group->source, r, &f);
        fail(s, &f, r->limited_until > 0 || r->status == 401);
    }
    json_object_del(answer_of(s), "asked");
    slot_clear(s);
    pump(a);
}

static void
ask(struct slot *s)
{
    SCOPED(ghheaders) struct ghheaders h = {0};
    struct failure f = {0};
    struct err e = ERR_INIT;

    ghheaders_fill(&h, s->all->group->source, json_str_or(answer_of(s), "etag", ""));
    s->fetch = fetch_start(s->all->group, s->url, h.lines, on_answer, s, &e);
    if (s->fetch != NULL)
        return;
    failure_set(&f, "Refused", "GitHub API: %s", e.text);
    fail(s, &f, false);
    json_object_del(answer_of(s), "asked");
    slot_clear(s);
}

static bool
fill_slots(struct ghaccess *a)
{
    bool busy = false;

    for (size_t i = 0; i < ARRAY_LEN(a->slots); i++) {
        struct slot *s = &a->slots[i];

        while (s->fetch == NULL && !a->fatal && ghaccess_waits(a)) {
            size_t last = json_array_size(a->queue) - 1;

            s->url = strdup(json_string_value(json_array_get(a->queue, last)));
            json_array_remove(a->queue, last);
            ask(s);
        }
        busy |= s->fetch != NULL;
    }
    return busy;
}

static void
pump(struct ghaccess *a)
{
    bool busy;

    if (!a->running || a->pumping)
        return;
    a->pumping = true;
    busy = fill_slots(a);
    a->pumping = false;
    if (busy)
        return;
    a->running = false;
    a->done(a->arg, a->fatal ? &a->failure : NULL);
}

void
ghaccess_run(struct ghaccess *a, ghaccess_fn *done, void *arg)
{
    a->done = done;
    a->arg = arg;
    a->running = true;
    pump(a);
}
