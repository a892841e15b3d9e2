/* The keys of spawners in Pods: made, told apart, read and refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/bus/buskey.h"

#define SERVER "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

Test(buskey, a_new_pair_is_valid_and_its_public_half_follows_from_the_secret_one)
{
    struct buskey a, b;
    char again[BUSKEY_SIZE];
    struct err e = ERR_INIT;

    cr_assert(buskey_make(&a, &e) == 0 && buskey_make(&b, &e) == 0);
    cr_assert(buskey_valid(a.public_key) && buskey_valid(a.secret_key));
    cr_assert_str_neq(a.secret_key, b.secret_key);
    cr_assert(buskey_public_of(a.secret_key, again, &e) == 0);
    cr_assert_str_eq(again, a.public_key);
    buskey_wipe(&a);
    cr_assert_eq(a.secret_key[0], '\0');
}

Test(buskey, the_pair_of_the_specification_is_understood)
{
    char public_key[BUSKEY_SIZE];
    struct err e = ERR_INIT;

    cr_assert(buskey_public_of(SECRET, public_key, &e) == 0);
    cr_assert_str_eq(public_key, PUBLIC);
}

Test(buskey, a_text_is_read_as_it_was_written)
{
    char text[BUSKEY_TEXT_SIZE], server[BUSKEY_SIZE];
    struct buskey client;
    struct err e = ERR_INIT;

    buskey_format(SERVER, SECRET, text);
    cr_assert(buskey_parse(text, server, &client, &e) == 0);
    cr_assert_str_eq(server, SERVER);
    cr_assert_str_eq(client.secret_key, SECRET);
    cr_assert_str_eq(client.public_key, PUBLIC);
}

Test(buskey, what_is_no_key_is_refused_without_being_quoted)
{
    static const char *const wrong[] = {
        "",
        ":",
        SERVER,
        SERVER ":",
        SERVER ":" SECRET "x",
        SERVER ";" SECRET,
        SERVER ":"
               "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%c ",
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\""
        ":" SECRET,
        SERVER ":"
               "#####[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%c",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char server[BUSKEY_SIZE];
        struct buskey client;
        struct err e = ERR_INIT;

        cr_assert(buskey_parse(wrong[i], server, &client, &e) < 0, "%s", wrong[i]);
        cr_assert(strncmp(e.text, "KELOS_BUS_KEY: ", 15) == 0, "%s", e.text);
        cr_assert_null(strstr(e.text, "IlAW"));
    }
}

Test(buskey, each_key_speaks_for_a_source_of_its_own)
{
    char a[BUSKEY_SOURCE_SIZE], b[BUSKEY_SOURCE_SIZE], worker[BUSKEY_WORKER_SIZE];

    buskey_source(PUBLIC, a);
    buskey_source(SERVER, b);
    buskey_worker(PUBLIC, worker);
    cr_assert_eq(strlen(a), 64);
    cr_assert_str_neq(a, b);
    cr_assert_eq(strlen(worker), 7 + BUSKEY_WORKER_DIGITS);
    cr_assert(strncmp(worker + 7, a, BUSKEY_WORKER_DIGITS) == 0);
}
