/* table.h - rows of text cells, printed as columns: left aligned, three blanks between, no
 * trailing blanks. */
#ifndef KELOS_CLI_TABLE_H
#define KELOS_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/scoped.h"

struct table;

/* Returns a table the caller owns, NULL when memory ran out. */
struct table *table_new(void);
void table_free(struct table *t);
SCOPED_DEFINE(table)

/* Ends the row, if any, and begins another. */
void table_row(struct table *t);
/* Adds a cell to the row; the text is copied (NULL: empty). A line break in a cell is shown
 * as a blank. */
void table_cell(struct table *t, const char *text);

/* Orders the rows behind the first by the text of a column, numbers by value. */
void table_sort(struct table *t, size_t column);
size_t table_rows(const struct table *t);
const char *table_at(const struct table *t, size_t row, size_t column);

/* Appends the rows from `first` on, columns padded to their widest cell of *widths (room
 * for `n_widths`, may be wider from an earlier call, so that a followed table stays
 * aligned; NULL: only this table counts). */
void table_write(const struct table *t, size_t first, size_t *widths, size_t n_widths,
                 struct buf *out);

#endif
