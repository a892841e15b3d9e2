/* quantity.h - Kubernetes quantities: 500m, 1.5, 2Gi, 1e3.
 *
 * Kept exactly in units of 10^-9, as Kubernetes does; what is finer is rounded away from
 * zero, what is beyond 2^63 - 1 is cut to it. */
#ifndef KELOS_COMMON_QUANTITY_H
#define KELOS_COMMON_QUANTITY_H

#include <stdint.h>

enum quantity_format { QUANTITY_DECIMAL, QUANTITY_BINARY, QUANTITY_EXPONENT };

/* A plain value; {0} is "0". */
struct quantity {
    __extension__ __int128 nano;
    enum quantity_format format; /* how it was written, and is written again */
};

/* Returns 0 and *q, or -1 when the text is not a quantity (NULL is not one). */
int quantity_parse(const char *text, struct quantity *q);

/* -1, 0, 1. */
int quantity_compare(const struct quantity *a, const struct quantity *b);

#define QUANTITY_SIZE 64

/* The one canonical spelling: "1024Mi" is "1Gi", "0.5" is "500m", "0.0532" is
 * "53200u". */
void quantity_format(const struct quantity *q, char *out);

/* Rounded away from zero to whole units (bytes), or to thousandths (CPU), cut to int64_t. */
int64_t quantity_value(const struct quantity *q);
int64_t quantity_milli(const struct quantity *q);

#endif
