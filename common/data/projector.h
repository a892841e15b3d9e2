/* projector.h - the transcoder behind common/data/project.h: JSON events in, msgpack out.
 *
 * For parsers that meet objects in the middle of something larger (common/kube/kubewire.h). */
#ifndef KELOS_COMMON_PROJECTOR_H
#define KELOS_COMMON_PROJECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/data/project.h"
#include "common/scoped.h"

struct projector;

/* `p` (NULL keeps all) is borrowed for good. The caller owns the result; NULL: no
 * memory. */
struct projector *projector_new(const struct projection *p);
void projector_free(struct projector *pr);
SCOPED_DEFINE(projector)

/* Starts one value; its msgpack is added to `out` (borrowed until the value is
 * complete). */
void projector_begin(struct projector *pr, struct buf *out);

/* The events of one value, in order. Return 0, or -1 with *e set. */
int projector_null(struct projector *pr, struct err *e);
int projector_bool(struct projector *pr, bool value, struct err *e);
int projector_int(struct projector *pr, int64_t value, struct err *e);
int projector_real(struct projector *pr, double value, struct err *e);
/* The text of a JSON number: an integer when it is one and fits, else a float. */
int projector_number(struct projector *pr, const char *text, size_t size, struct err *e);
int projector_string(struct projector *pr, const char *text, size_t size, struct err *e);
int projector_key(struct projector *pr, const char *text, size_t size, struct err *e);
int projector_open(struct projector *pr, bool map, struct err *e);
int projector_close(struct projector *pr, struct err *e);

/* Whether the value begun is complete. */
bool projector_complete(const struct projector *pr);
/* Of the last value: its metadata, and whether it carries the annotation that ends the
 * initial events of a streaming list. */
const struct object_id *projector_id(const struct projector *pr);
bool projector_initial_end(const struct projector *pr);

#endif
