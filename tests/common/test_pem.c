/* test_pem.c - a bundle of certificates is whole, or it is not taken. */
#include "common/http/pem.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/macros.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"
#define SMALL "MAMCAQE=\n" /* SEQUENCE of 3 bytes */

Test(pem, counts_whole_certificates_and_refuses_broken_ones)
{
    static const struct {
        const char *label, *text;
        int count;
    } rows[] = {
        {"nothing", "", 0},
        {"free text", "subject=CN = x\n", 0},
        {"one", BEGIN SMALL END, 1},
        {"two, with text between", "# a\n" BEGIN SMALL END "# b\n" BEGIN SMALL END, 2},
        {"another kind beside it",
         "-----BEGIN X-----\nzz\n-----END X-----\n" BEGIN SMALL END, 1},
        {"cut before END", BEGIN SMALL "-----END CERT", -1},
        {"the second is cut", BEGIN SMALL END BEGIN SMALL, -1},
        {"cut within the bytes", BEGIN "MAMCAQ==\n" END, -1},
        {"bytes behind the sequence", BEGIN "MAMCAQEA\n" END, -1},
        {"no base64", BEGIN "!!!!\n" END, -1},
        {"no sequence", BEGIN "AgEB\n" END, -1},
        {"empty", BEGIN END, -1},
        {"a length of five bytes", BEGIN "MIUAAAAAAA==\n" END, -1},
        {"the long form", BEGIN "MIEDAgEB\n" END, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(pem_certificates(rows[i].text, strlen(rows[i].text)), rows[i].count,
                     "%s", rows[i].label);
}
