/* nosy.c - the real kelos-spawner, in its real sandbox, with one thing added: linked with
 * --wrap=worker_run, it does what a taken-over spawner would try, then goes on as ever.
 * KELOS_TEST_OPEN lists the files that it tries to open. */
#include <czmq.h>

#include "tests/support/misdeed.h"

int __real_worker_run(struct worker *w, struct err *e);
int __wrap_worker_run(struct worker *w, struct err *e);

int
__wrap_worker_run(struct worker *w, struct err *e)
{
    zsock_t *raw = misdeed_forge_status(w, NULL);
    int rc;

    misdeed_open(getenv("KELOS_TEST_OPEN"));
    rc = __real_worker_run(w, e);
    zsock_destroy(&raw);
    return rc;
}
