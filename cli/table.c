/* table.c - see table.h. */
#include "cli/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

#define GAP 3
#define MAX_COLUMNS 24

struct row {
    char *cells[MAX_COLUMNS];
    size_t count;
};

struct table {
    struct row *rows;
    size_t count;
};

struct table *
table_new(void)
{
    return calloc(1, sizeof(struct table));
}

void
table_free(struct table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++)
        for (size_t j = 0; j < t->rows[i].count; j++)
            free(t->rows[i].cells[j]);
    free(t->rows);
    free(t);
}

void
table_row(struct table *t)
{
    struct row *grown = realloc(t->rows, (t->count + 1) * sizeof(*grown));

    if (grown == NULL)
        abort();
    t->rows = grown;
    t->rows[t->count++] = (struct row){.count = 0};
}

void
table_cell(struct table *t, const char *text)
{
    struct row *row = &t->rows[t->count - 1];
    char *copy = strdup(text != NULL ? text : "");

    if (copy == NULL || row->count == MAX_COLUMNS)
        abort();
    for (char *p = copy; *p != '\0'; p++)
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
    row->cells[row->count++] = copy;
}

/* Code points, which is what the columns are counted in. */
static size_t
width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xC0) != 0x80)
            width++;
    return width;
}

size_t
table_rows(const struct table *t)
{
    return t->count;
}

const char *
table_at(const struct table *t, size_t row, size_t column)
{
    if (row >= t->count || column >= t->rows[row].count)
        return "";
    return t->rows[row].cells[column];
}

/* Reads a number or a span as age.h writes it ("2d3h"), in seconds. */
static bool
is_number(const char *text, double *number)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'y', 365 * 86400.0}};
    char *end;

    *number = strtod(text, &end);
    if (end == text || *end == '\0')
        return end != text;
    for (*number = 0; *text != '\0'; text = end + 1) {
        double n = (double)strtoul(text, &end, 10);
        size_t u = 0;

        while (u < ARRAY_LEN(units) && units[u].unit != *end)
            u++;
        if (end == text || u == ARRAY_LEN(units))
            return false;
        *number += n * units[u].seconds;
    }
    return true;
}

static int
compare_rows(const void *a, const void *b, void *column)
{
    size_t c = *(size_t *)column;
    const struct row *left = a, *right = b;
    const char *l = c < left->count ? left->cells[c] : "";
    const char *r = c < right->count ? right->cells[c] : "";
    double l_number, r_number;

    if (is_number(l, &l_number) && is_number(r, &r_number))
        return (l_number > r_number) - (l_number < r_number);
    return strcmp(l, r);
}

void
table_sort(struct table *t, size_t column)
{
    if (t->count > 2)
        qsort_r(t->rows + 1, t->count - 1, sizeof(*t->rows), compare_rows, &column);
}

static void
write_row(const struct row *row, const size_t *widths, struct buf *out)
{
    size_t last = row->count;

    while (last > 0 && row->cells[last - 1][0] == '\0')
        last--;
    for (size_t j = 0; j < last; j++) {
        buf_add_str(out, row->cells[j]);
        if (j + 1 == last)
            break;
        for (size_t pad = width_of(row->cells[j]); pad < widths[j] + GAP; pad++)
            buf_add_char(out, ' ');
    }
    buf_add_char(out, '\n');
}

void
table_write(const struct table *t, size_t first, size_t *widths, size_t n_widths,
            struct buf *out)
{
    size_t mine[MAX_COLUMNS] = {0};

    for (size_t j = 0; widths != NULL && j < n_widths && j < MAX_COLUMNS; j++)
        mine[j] = widths[j];
    for (size_t i = 0; i < t->count; i++)
        for (size_t j = 0; j < t->rows[i].count; j++) {
            size_t width = width_of(t->rows[i].cells[j]);

            mine[j] = width > mine[j] ? width : mine[j];
        }
    for (size_t i = first; i < t->count; i++)
        write_row(&t->rows[i], mine, out);
    for (size_t j = 0; widths != NULL && j < n_widths && j < MAX_COLUMNS; j++)
        widths[j] = mine[j];
}
