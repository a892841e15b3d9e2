/* ghpoll.h - one repository's poll: who shares it, what it asks for, what each gets of it. */
#ifndef KELOS_SPAWNER_GHPOLL_H
#define KELOS_SPAWNER_GHPOLL_H

#include "spawner/ghaccess.h"
#include "spawner/ghdetails.h"
#include "spawner/ghitem.h"
#include "spawner/ghlisting.h"

struct repo_poll {
    struct group *group;
    struct ghlisting *listing;
    struct ghdetails *details;
    struct ghaccess *access;
    struct ghquery query;  /* what the server filters */
    json_t *candidates;    /* issues that some member matches before comments; owned */
    const char **commands; /* of all members, NULL-terminated; owned */
    bool merged;           /* members differ in their filters */
    struct failure
        trouble; /* the first of this poll that left items out; .reason NULL: none */
};

/* ---- ghgroup.c: spawns that share a poll ---- */

/* Appends the key of the group that the spawn belongs to. 0, or -1 when out of memory. */
int gh_group_key(const struct source *src, const struct spawn *s, struct buf *out);
/* Whether groups of that key are asked for by each filter on its own. */
bool gh_is_wide(const struct source *src, const char *key);
/* The group's poll, made at its first; NULL when out of memory. */
struct repo_poll *gh_poll_of(struct group *g);
/* Whether the group is about pull requests. */
bool gh_is_pulls(const struct group *g);
/* Lists the commands of all members anew. 0, or -1 when out of memory. */
int gh_collect_commands(struct repo_poll *p);
/* What all members want alike is left to the server. */
void gh_choose_query(struct repo_poll *p);
/* The members have changed: drops what is held for the old ones alone. */
void gh_changed(struct group *g);
/* Drops all that is held for the group. */
void gh_forget(struct group *g);

/* ---- ghresult.c: what a spawn gets ---- */

/* Whether a rule that needs no details excludes it; a simulation notes which. */
bool gh_excludes(const struct repo_poll *p, const struct ghfilter *f,
                 const json_t *issue);
/* The item as the spawn's filter judges it by what is known now; *why (or NULL) says the rule
 * that excludes it. */
enum gh_verdict gh_judge(const struct repo_poll *p, const struct ghfilter *f,
                         const json_t *issue, struct gh_found *found, struct buf *why);
/* Hands one spawn its set, with `pages` to bring along next time; or its failure, when nothing
 * could be looked at. */
void gh_give(struct repo_poll *p, struct spawn *s, const char *pages);

#endif
