/* ghpolicy.h - commentPolicy: which comment lines ask for an item or park it, and whose. Pure.
 *
 * A command is a line of its own (comment_has_command). It counts in a comment, in a comment
 * on a line of a pull request, in a review's text, and in the text of the item itself. */
#ifndef KELOS_SPAWNER_GHPOLICY_H
#define KELOS_SPAWNER_GHPOLICY_H

#include <jansson.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "spawner/glob.h"

/* All texts are borrowed from the source that it was read from. */
struct ghpolicy {
    bool given;
    const char *trigger;  /* "" : none */
    struct texts exclude; /* commands that park */
    struct texts users, teams;
    int minimum; /* ghpolicy_rank, 0: none */
};

/* Reads source.commentPolicy, `field` names the source in errors. 0, or -1 with ERR_INVALID:
 * a type, a permission or a team that is not "organisation/slug". */
int ghpolicy_read(const json_t *source, const char *field, struct ghpolicy *out,
                  struct err *e);
void ghpolicy_clear(struct ghpolicy *p);

/* read 1, triage 2, write 3, maintain 4, admin 5; 0 for what is none of them. */
int ghpolicy_rank(const char *permission);

/* Reads GitHub's answer about a login: its permission in a repository (a rank, by the role
 * where that is one of the five), or its membership in a team (1 when active, else 0). -1
 * with ERR_INVALID when it is neither. */
int ghpolicy_answer(const char *bytes, size_t size, struct err *e);
/* Whether somebody else must be asked who may give commands. */
bool ghpolicy_asks(const struct ghpolicy *p);

/* May somebody give commands? */
enum gh_may {
    GH_MAY,
    GH_MAY_NOT,
    GH_ASK, /* not known yet */
    GH_FAIL /* cannot be known now */
};
typedef enum gh_may ghpolicy_may_fn(void *arg, const struct ghpolicy *p,
                                    const char *login);

/* What can be said without asking: GH_ASK for a login that the rules about permission or
 * teams have to decide. */
enum gh_may ghpolicy_may(const struct ghpolicy *p, const char *login);

enum gh_verdict { GH_PASSES, GH_EXCLUDED, GH_OPEN /* asks */, GH_UNKNOWN /* failed */ };

/* Judges an item: `said` is [{"body", "created_at", "user"}], in this order for equal times.
 * *trigger_ms gets when the command was given that let it pass, 0 without a time. `why` (NULL:
 * nobody asks) gets the rule that excludes it. While the verdict is GH_OPEN, `may` has been
 * asked about everybody who matters next. */
enum gh_verdict ghpolicy_judge(const struct ghpolicy *p, const json_t *issue,
                               const json_t *said, ghpolicy_may_fn *may, void *arg,
                               int64_t *trigger_ms, struct buf *why);

/* Whether one of the text's lines, trimmed, is the command. */
bool comment_has_command(const char *text, const char *command);

/* The non-empty strings of a list at a path; none when it is absent. The caller frees
 * out->items. -1 with ERR_INVALID that names what is no string. */
int texts_read(const json_t *source, const char *path, struct texts *out, struct err *e);

#endif
