/* faults.h - scripted misbehaviour: which requests fail, how, and how often. Pure. */
#ifndef KELOS_LOCAL_FORGE_FAULTS_H
#define KELOS_LOCAL_FORGE_FAULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { FAULTS_MAX = 64 };

/* status 0 and body NULL: the real answer is given, after the delay, cut or reset as
 * told. */
struct fault {
    char *method; /* NULL: any */
    char *
        path; /* shell pattern on the path without /api/v3; a * also stands for slashes */
    int64_t skip, times; /* lets `skip` requests pass, then hits `times` (-1: for ever) */
    int status;
    json_t *headers; /* name -> text, or NULL */
    char *body;      /* sent as it is, or NULL */
    int64_t delay_ms;
    int64_t cut_at; /* announces the whole body, closes after this many bytes; -1: no */
    bool reset;     /* closes the connection without an answer */
    bool endless;   /* a body that does not end */
};

struct faults {
    struct fault rows[FAULTS_MAX];
    size_t n;
};

/* Adds what a test asks for: the field names are those of struct fault, in one JSON
 * object. ERR_INVALID names a wrong one. */
int faults_add(struct faults *f, json_t *want, struct err *e);
void faults_clear(struct faults *f);

/* The first fault that this request meets, counted as used; borrowed, NULL: none. */
const struct fault *faults_hit(struct faults *f, const char *method, const char *path);

#endif
