/* protobuf.h - the protobuf bodies of `kubectl create …`: a reader for the few kinds that
 * kubectl sends so. */
#ifndef KELOS_LOCAL_APISERVER_PROTOBUF_H
#define KELOS_LOCAL_APISERVER_PROTOBUF_H

#include <jansson.h>

#include "common/err.h"

/* Reads "k8s\0" and the envelope. Returns the object as JSON (the caller owns it), or NULL
 * with *e: not an envelope, another kind than `kind`, an unknown kind, cut short. */
json_t *protobuf_decode(const char *bytes, size_t size, const char *kind, struct err *e);

#endif
