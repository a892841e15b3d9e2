/* gofmt.h - Go's fmt for template values: Sprintf, Sprint, Sprintln.
 *
 * Misuse never fails: it is rendered as Go renders it (%!d(string=x), %!s(MISSING)). */
#ifndef KELOS_COMMON_GOFMT_H
#define KELOS_COMMON_GOFMT_H

#include "common/buf.h"
#include "common/template/template.h"

/* All add to *out; whether it all fitted is out->failed. */
void gofmt_sprintf(struct buf *out, const char *format, size_t size,
                   const struct template_value *args, size_t count);
void gofmt_sprint(struct buf *out, const struct template_value *args, size_t count);
void gofmt_sprintln(struct buf *out, const struct template_value *args, size_t count);

#endif
