/* exporter.h - /metrics, /healthz and /readyz over HTTP, inside the worker's loop. */
#ifndef KELOS_STATUSWRITER_EXPORTER_H
#define KELOS_STATUSWRITER_EXPORTER_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/worker/worker.h"

struct exporter;

/* What is served: any of the two may be off. */
struct exporter_sockets {
    int metrics; /* listening descriptors, -1: off; owned by the exporter once it exists
                  */
    int health;
};

/* Opens the addresses (":8080", "127.0.0.1:8080", "[::1]:8080"; "0" or "" is off; the
 * same one twice shares a socket). For worker_spec.prepare: before the sandbox closes.
 * Returns 0, or -1 with *e set: ERR_INVALID (address), ERR_SYSTEM (in use ...). */
int exporter_listen(const char *metrics, const char *health, struct exporter_sockets *out,
                    struct err *e);

/* Starts serving; takes the sockets (sets them to -1). Returns NULL with *e set. */
struct exporter *exporter_new(struct worker *w, struct exporter_sockets *s,
                              struct err *e);
void exporter_free(struct exporter *x);
SCOPED_DEFINE(exporter)

/* ---- pure parts ---- */

/* Splits "host:port". Returns 1, 0 when it means "off", or -1 with ERR_INVALID. */
int exporter_address(const char *text, char host[64], char port[8], struct err *e);

/* Adds the standard process_* metrics of this process, read from /proc/self. */
void exporter_process(struct buf *out);

/* What a path answers: its HTTP status and the body in *out. `metrics` and `health` say
 * what this listener serves. */
struct exporter_view {
    bool metrics, health;
    void (*write_metrics)(void *arg, struct buf *out);
    bool (*ready)(void *arg, const char **reason);
    bool (*healthy)(void *arg, const char **reason); /* a leader renews */
    void *arg;
};
unsigned exporter_answer(const struct exporter_view *v, const char *method,
                         const char *path, struct buf *out);

#endif
