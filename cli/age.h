/* age.h - how AGE and DURATION are written: two units at most, the smaller ones dropped. */
#ifndef KELOS_CLI_AGE_H
#define KELOS_CLI_AGE_H

#include <stddef.h>
#include <stdint.h>

#define AGE_SIZE 32

/* Writes a span of milliseconds ("119s", "2m5s", "3h5m", "2d3h", "2y40d"; "<invalid>" for
 * two seconds or more into the future) into out, which holds AGE_SIZE bytes; returns out. */
const char *age_format(int64_t span_ms, char *out);

/* The age of an RFC 3339 time at now_ms; "<unknown>" when the text is none (NULL too). */
const char *age_since(const char *rfc3339, int64_t now_ms, char *out);

/* DURATION: "-" without a start, until `end` when set, until now_ms otherwise. */
const char *age_between(const char *start, const char *end, int64_t now_ms, char *out);

#endif
