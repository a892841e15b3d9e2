/* negotiate.h - in which form a client wants its objects: read from the Accept header. */
#ifndef KELOS_LOCAL_APISERVER_NEGOTIATE_H
#define KELOS_LOCAL_APISERVER_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>

enum form { FORM_OBJECT, FORM_TABLE, FORM_PARTIAL };

struct accept {
    enum form form;
    char version[16]; /* of meta.k8s.io for tables and partial objects: "v1" */
};

/* Reads the first form that we can give. Returns false when there is none (406). NULL and
 * an empty header ask for plain objects. */
bool accept_parse(const char *header, struct accept *out);

/* Discovery: the first aggregated version asked for ("v2", "v2beta1") into out and true;
 * false: plain documents. */
bool accept_discovery(const char *header, char *out, size_t size);

#endif
