/* pem.h - counts the certificates of a bundle, so that a half-written file is not taken up. */
#ifndef KELOS_COMMON_PEM_H
#define KELOS_COMMON_PEM_H

#include <stddef.h>

/* How many certificates the text holds, or -1 when one of them is broken: no END line, not
 * base64, or not exactly one DER sequence. What stands between them is free text, as PEM
 * allows. Whether a certificate is any good is for TLS to judge. */
int pem_certificates(const char *text, size_t size);

#endif
