/* forge.h - the forge as a whole: what it serves, how it was told to fail, what it was
 * asked. */
#ifndef KELOS_LOCAL_FORGE_FORGE_H
#define KELOS_LOCAL_FORGE_FORGE_H

#include "local/forge/faults.h"
#include "local/forge/journal.h"
#include "local/forge/quota.h"
#include "local/forge/request.h"
#include "local/forge/state.h"

struct forge {
    struct state *state;
    struct faults faults;
    struct journal journal;
    struct quotas quotas;
};

/* Answers one request: checks headers and token, counts the rate limit, runs the route,
 * turns an unchanged answer into a 304. Fills q->token and q->login. */
void forge_answer(struct forge *f, struct request *q, struct reply *r);

/* Whether a path belongs to the control interface: /_control/... */
bool forge_is_control(const struct request *q);

/* The routes of GitHub's API and of the control interface. */
void api_run(struct forge *f, struct request *q, struct reply *r);
void control_run(struct forge *f, struct request *q, struct reply *r);

/* POST /app/installations/:id/access_tokens: checks the app's JWT, makes a token. */
void apps_issue_token(struct forge *f, struct request *q, struct reply *r);
/* DELETE /installation/token: the token that asks is taken no more. */
void apps_revoke_token(struct forge *f, struct request *q, struct reply *r);

#endif
