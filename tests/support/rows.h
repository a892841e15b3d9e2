/* rows.h - claims an acceptance row, once its check has passed.
 *
 *     cr_assert_str_eq(out, "42");
 *     row_claim("SP/T1");
 */
#ifndef KELOS_TESTS_SUPPORT_ROWS_H
#define KELOS_TESTS_SUPPORT_ROWS_H

/* Appends the id to the file $ROWS_OUT; does nothing when that is not set. */
void row_claim(const char *id);

#endif
