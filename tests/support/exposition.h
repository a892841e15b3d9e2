/* exposition.h - a strict reader of Prometheus text exposition (version 0.0.4), for tests. */
#ifndef KELOS_TESTS_SUPPORT_EXPOSITION_H
#define KELOS_TESTS_SUPPORT_EXPOSITION_H

#include <stddef.h>

/* Checks names, label sets, numbers, types given once and before their samples, no series
 * twice, counters not below 0, histograms with growing buckets, +Inf, sum and count that agree.
 * Returns how many samples there are, or -1 with the reason. */
int exposition_check(const char *text, char *why, size_t room);

#endif
