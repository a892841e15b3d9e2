/* ghreview.h - what reviews and changed files say of a pull request. Pure; issues, reviews
 * and comments are in the trimmed form of ghissue.h. */
#ifndef KELOS_SPAWNER_GHREVIEW_H
#define KELOS_SPAWNER_GHREVIEW_H

#include "spawner/ghfilter.h"

/* The lists that belong to an item; a pull request has all of them. */
enum gh_part {
    PART_FILES,
    PART_REVIEWS,
    PART_COMMENTS,
    PART_LINE_COMMENTS,
    N_PARTS /* as an answer: none is missing */
};

/* What is known of one item; borrowed, NULL: not asked for yet. */
struct gh_parts {
    const json_t *lists[N_PARTS];
    bool files_cut; /* there are more files */
};

/* "approved", "changes_requested" or "": of each reviewer the latest review of the commit
 * `sha` that approves or asks for changes; one who asks for changes outweighs all others.
 * *at_ms gets the time of the latest review that says so, 0 without. */
const char *ghreview_state(const json_t *reviews, const char *sha, int64_t *at_ms);

/* The comments on lines of the commit, "path:line\nbody" with "\n---\n" between: the newest
 * that fit into LIMIT_COMMENTS_BYTES, oldest first. */
int ghreview_join(const json_t *line_comments, const char *sha, struct buf *out);

/* All that people have said, for ghpolicy_judge: comments, comments on lines, reviews. The
 * caller owns it; parts that are NULL are left out. */
json_t *ghreview_said(const struct gh_parts *parts);

enum gh_wanted { GH_WANTED, GH_UNWANTED, GH_LACKS };

/* Files, then review state, then what else the item is made of: in this order parts are
 * asked for, so that nothing is read of what an earlier rule excludes. Issues need their
 * comments only. *part gets the one that is lacking, or that made it unwanted; `why` (NULL:
 * nobody asks) the rule that excludes it. */
enum gh_wanted ghreview_wanted(const struct ghfilter *f, const json_t *issue,
                               const struct gh_parts *parts, enum gh_part *part,
                               struct buf *why);

#endif
