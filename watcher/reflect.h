/* reflect.h - what to do when a watch or a list ends: a table and a few numbers, no I/O. */
#ifndef KELOS_WATCHER_REFLECT_H
#define KELOS_WATCHER_REFLECT_H

#include <stdbool.h>
#include <stdint.h>

/* How one attempt ended. */
enum reflect_end {
    END_CLEAN,        /* the body ended as it should */
    END_BROKEN,       /* reset, cut, refused, unresolvable, time passed */
    END_BUSY,         /* 429, at the start or in the stream */
    END_EXPIRED,      /* 410, at the start or in the stream */
    END_SERVER,       /* 500 */
    END_ODD,          /* an ERROR of any other code, or bytes that are no JSON */
    END_BEHIND,       /* the server has not reached our version */
    END_UNAUTHORIZED, /* 401 after the token was read anew */
    END_FORBIDDEN,    /* 403 */
    END_MISSING,      /* 404: no such API */
    END_UNSUPPORTED,  /* the server knows no streaming list, or never ends one */
    END_OVERSIZE,     /* an object or a page over its limit */
    END_BACKWARD,     /* a version below the one before */
    END_SILENT,       /* one of the guards says that the stream is dead */
    END_RENEWED,      /* we want the newest state, whatever the stream has shown */
    END_LISTED,       /* a paged list is complete: nothing was wrong */
    REFLECT_ENDS
};

/* How the next attempt begins. */
enum reflect_start {
    START_FOLLOW,      /* watch from the stored version */
    START_STREAM_LIST, /* watch that sends everything first */
    START_PAGED_LIST
};

struct reflect {
    char version[129]; /* stored: up to which the cache is complete; "" at first */
    char bound[129]; /* lower bound of the next list; "": the newest state is asked for */
    bool synced;     /* the cache is complete up to version: following is possible */
    bool must_list;  /* the version is unusable */
    bool waited_for; /* asked for anew, and not there yet */
    bool page_unlimited; /* the next paged list has no limit: a page's history was gone */
    bool degraded; /* cannot be watched at the moment, and why is not a passing fault */
    bool missing;  /* the last answer was 404 */
    unsigned attempts; /* failures in a row, for the back-off */
    unsigned behind;   /* answers in a row that the server is behind */
    unsigned oversize;
    bool away;                /* the last attempt met nobody who answered */
    int64_t listed_ms;        /* the last complete list; 0: none */
    int64_t healthy_ms;       /* since when all is well; 0: it is not */
    int64_t server_ms;        /* first 500 in a row; 0: none */
    int64_t fallback_ms;      /* streaming lists are not tried before; 0: they are */
    int64_t first_ms, cap_ms; /* back-off */
};

/* What is known of the attempt that ended. */
struct reflect_report {
    enum reflect_end end;
    enum reflect_start start; /* how it had begun */
    int64_t lasted_ms;
    int64_t open_ms;        /* since the answer began; 0: it never did */
    uint64_t events;        /* seen in it */
    int64_t retry_after_ms; /* -1: none */
    bool later_page;        /* of a paged list, not its first */
};

struct reflect_plan {
    enum reflect_start start;
    int64_t delay_ms;
};

/* The first attempt of all. */
struct reflect_plan reflect_begin(struct reflect *r, int64_t now_ms);

/* Whatever is cached, the next attempt lists the newest state; true until that is in. Earlier
 * failures delay it no more, and failures now delay it less: somebody waits for it. */
void reflect_renew(struct reflect *r);
bool reflect_renewing(const struct reflect *r);

/* What follows; `random` is 0 .. 1. Times are monotonic milliseconds. */
struct reflect_plan reflect_next(struct reflect *r, const struct reflect_report *report,
                                 int64_t now_ms, double random);

/* A whole list is in: the cache is complete up to `version`. */
void reflect_listed(struct reflect *r, const char *version, int64_t now_ms);

/* An event was applied. */
void reflect_advance(struct reflect *r, const char *version, int64_t now_ms);

/* "connection broken" and so on: for logs and metrics; static. */
const char *reflect_end_name(enum reflect_end end);

/* ---- guards of a stream (WATCH-12, WATCH-3): when to look again, and whether it is dead ---- */

struct guard {
    int64_t opened_ms;   /* answer headers; 0: not yet */
    int64_t deadline_ms; /* timeoutSeconds and 30 s */
    int64_t last_ms;     /* last event or bookmark */
    bool bookmark_seen;
    bool initial; /* the end of the initial events is still missing */
    uint64_t events;
};

/* Returns 0 with *again_ms (monotonic) when the stream may live, else END_SILENT or
 * END_UNSUPPORTED. */
int guard_check(const struct guard *g, int64_t now_ms, int64_t *again_ms);

#endif
