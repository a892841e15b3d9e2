/* read.h - GET of one object and of collections. */
#ifndef KELOS_LOCAL_APISERVER_READ_H
#define KELOS_LOCAL_APISERVER_READ_H

#include "local/apiserver/api.h"
#include "local/apiserver/view/negotiate.h"

/* The parameters of a list or watch, checked. */
struct list_options {
    const char *labels, *fields;
    int64_t limit;    /* 0: no limit */
    int64_t version;  /* resourceVersion; 0 when unset */
    bool has_version; /* it was given ("0" too) */
    enum { MATCH_UNSET, MATCH_EXACT, MATCH_NOT_OLDER } match;
    const char *token; /* continue */
    bool bookmarks, initial_events;
    int64_t timeout_s;                                   /* watches; 0: none */
    enum { ROWS_METADATA, ROWS_NONE, ROWS_OBJECT } rows; /* includeObject */
};

/* Reads and checks them. Returns 0, or -1 with *f (422 with causes, 400). */
int list_options_read(const struct call *c, bool watch, struct list_options *o,
                      struct fault *f);

void read_get(struct server *s, const struct call *c, const struct target *t,
              struct reply *r);
void read_list(struct server *s, const struct call *c, const struct target *t,
               struct reply *r);

/* Answers with an object in the form that the client asked for. */
void reply_object(struct server *s, const struct call *c, const struct target *t,
                  int code, const json_t *obj, struct reply *r);

#endif
