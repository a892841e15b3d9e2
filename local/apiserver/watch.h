/* watch.h - watches: each has a version up to which it has told, and reads on in the change
 * log when its connection can take more. So a watcher costs one buffer, however slow it
 * is. */
#ifndef KELOS_LOCAL_APISERVER_WATCH_H
#define KELOS_LOCAL_APISERVER_WATCH_H

#include "local/apiserver/api.h"

struct hub;
struct hub *hub_new(void);
/* All watches must have ended. */
void hub_free(struct hub *h);
SCOPED_DEFINE(hub)

/* Something of the resource was written: its watchers have work after the commit. */
void hub_mark(struct hub *h, const char *key);
/* After a commit: wakes the marked watchers. */
void hub_flush(struct hub *h);
/* Bookmarks and timeouts that are due: wakes their watchers. Returns in how many ms the
 * next one is due, -1 for none. */
int64_t hub_tick(struct hub *h, int64_t now_ms);
/* When the next bookmark or timeout moved to an earlier time: hub_tick is wanted again. */
bool hub_rearm(struct hub *h);
/* All watches end after what they have to tell (shutdown). */
void hub_close(struct hub *h);
size_t hub_count(const struct hub *h);

/* Starts a watch: r gets a stream, or a fault. */
void watch_start(struct server *s, const struct call *c, const struct target *t,
                 struct reply *r);

#endif
