/* castore.h - the certificates of the authorities that a process trusts, read once.
 *
 * libcurl reads them anew for every process; 140 of them are three MiB. Here they are kept as
 * they come (150 KiB, in pages that processes forked later share) and parsed when the end of a
 * chain asks for one.
 */
#ifndef KELOS_COMMON_CASTORE_H
#define KELOS_COMMON_CASTORE_H

#include "common/err.h"
#include "common/scoped.h"

struct castore;

/* Reads $SSL_CERT_FILE and $SSL_CERT_DIR, or else what libcurl was built to trust. The caller
 * owns the result; NULL with *e set when there is nothing to read. Makes OpenSSL and libcurl
 * ready, too; no thread starts. */
struct castore *castore_new(struct err *e);
void castore_free(struct castore *c);
SCOPED_DEFINE(castore)

/* Makes a request of libcurl (CURL *) use the store `arg`: an http_trust_fn. */
void castore_use(void *arg, void *easy);

#endif
