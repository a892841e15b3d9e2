/* local.h - local mode as seen from the outside: where its data are, whether it runs. */
#ifndef KELOS_CLI_LOCAL_H
#define KELOS_CLI_LOCAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/* The data directory: `given`, else $KELOS_LOCAL_DIR, else ~/.kelos/local; absolute. Caller
 * frees; NULL with *e set when there is no home. */
char *local_dir(const char *given, struct err *e);

/* DIR/name; the caller frees. */
char *local_path(const char *dir, const char *name);

/* The supervisor's pid, or 0 when local mode does not run in `dir`. */
pid_t local_running(const char *dir);

/* The kubeconfig of a running local mode, NULL when it does not run; the caller frees. */
char *local_kubeconfig(void);

/* The path of one of our programs ("kelos-supervisor"): beside this one, or in
 * ../libexec/kelos. Caller frees; NULL with *e set (ERR_NOT_FOUND) when it is not there. */
char *local_program(const char *name, struct err *e);

/* The folder share/kelos/NAME beside this program. Caller frees; NULL with *e set. */
char *local_share(const char *name, struct err *e);

#endif
