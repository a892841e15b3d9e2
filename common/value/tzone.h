/* tzone.h - offsets of a time zone, read from tzdata (no process-wide TZ). */
#ifndef KELOS_COMMON_TZONE_H
#define KELOS_COMMON_TZONE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"

struct tzone;

/* Reads /usr/share/zoneinfo/NAME ("UTC" and "" need no file). Returns what the caller
 * owns, or NULL with e (ERR_INVALID): no such zone, or its file is not to be read. */
struct tzone *tzone_load(const char *name, struct err *e);

/* The same from the bytes of a TZif file. */
struct tzone *tzone_parse(const uint8_t *bytes, size_t size, struct err *e);

void tzone_free(struct tzone *z);
SCOPED_DEFINE(tzone)

/* Seconds east of UTC at the instant t_s. */
int32_t tzone_offset(const struct tzone *z, int64_t t_s);

#endif
