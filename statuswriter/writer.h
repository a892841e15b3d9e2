/* writer.h - what the parts of the statuswriter share. */
#ifndef KELOS_STATUSWRITER_WRITER_H
#define KELOS_STATUSWRITER_WRITER_H

#include "common/bus/bus.h"
#include "common/kube/kube.h"
#include "common/worker/worker.h"

struct writer {
    struct worker *worker; /* borrowed, like the next two */
    struct kube *kube;
    struct bus *bus; /* "status" */
};

/* The resource behind a kind of the bus; NULL when there is none. */
const struct kube_resource *writer_resource(uint64_t kind, uint64_t profile);

/* How an acknowledgement names the end of a write. */
enum { ACK_DONE = 0, ACK_GONE = 1, ACK_REFUSED = 2 };

#endif
