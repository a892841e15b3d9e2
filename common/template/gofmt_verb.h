/* gofmt_verb.h - one conversion of gofmt: its flags, and the renderers by kind. */
#ifndef KELOS_COMMON_GOFMT_VERB_H
#define KELOS_COMMON_GOFMT_VERB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/template/template_value.h"

struct gofmt_spec {
    bool minus, plus, sharp, space, zero;
    bool plus_v, sharp_v; /* %+v and %#v */
    bool has_width, has_precision;
    int width, precision;
};

/* A conversion under way. */
struct gofmt_verb {
    struct buf *out;
    struct gofmt_spec spec;
};

/* gofmt_text.c: strings, characters, and padding. */
void gofmt_pad(struct gofmt_verb *f, const char *bytes, size_t size);
void gofmt_fill(struct gofmt_verb *f, int count);
bool gofmt_string(struct gofmt_verb *f, const char *bytes, size_t size, uint32_t verb);
void gofmt_char(struct gofmt_verb *f, uint64_t c);
void gofmt_quoted_char(struct gofmt_verb *f, uint64_t c);
void gofmt_unicode(struct gofmt_verb *f, uint64_t c);

/* gofmt_number.c. All renderers give false when the verb is not for their kind. */
bool gofmt_integer(struct gofmt_verb *f, int64_t v, bool is_byte, uint32_t verb);
bool gofmt_float(struct gofmt_verb *f, double v, uint32_t verb);
bool gofmt_complex(struct gofmt_verb *f, double re, double im, uint32_t verb);

/* gofmt_float.c: v with `precision` digits (-1: as few as read back the same) in form
 * b e E f g G x X; adds a sign, always. */
void gofmt_float_digits(struct buf *out, double v, char form, int precision);

/* gofmt_value.c: any value. */
void gofmt_value(struct gofmt_verb *f, const struct template_value *v, uint32_t verb,
                 int depth);

#endif
