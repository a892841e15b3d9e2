/* suggest.c - see suggest.h. */
#include "cli/suggest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 64

size_t
suggest_distance(const char *a, const char *b, size_t cap)
{
    size_t la = strlen(a), lb = strlen(b);
    size_t row[WORD_MAX + 1];

    if (la > WORD_MAX || lb > WORD_MAX)
        return cap + 1;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t same =
                tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = diagonal + (same ? 0 : 1);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[lb] > cap ? cap + 1 : row[lb];
}

int
suggest_rank(const char *typed, const char *known)
{
    size_t distance = suggest_distance(typed, known, 2);

    if (distance <= 2 && strlen(known) > distance)
        return (int)distance;
    if (typed[0] != '\0' && strncasecmp(typed, known, strlen(typed)) == 0)
        return 2;
    return -1;
}

const char *
suggest_best(const char *typed, const char *const *known, size_t count)
{
    const char *best = NULL;
    int best_rank = 3;

    for (size_t i = 0; i < count; i++) {
        int rank = suggest_rank(typed, known[i]);

        if (rank >= 0 && rank < best_rank) {
            best = known[i];
            best_rank = rank;
        }
    }
    return best;
}
