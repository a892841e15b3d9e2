/* Which key speaks for which TaskSpawner. */
#include <criterion/criterion.h>

#include "common/log.h"
#include "reconciler/plan/sourcekeys_self.h"

static struct shard s;
static struct buskey a, b;
static struct err e;
static char user[MESSAGE_ORIGIN_MAX + 1];

static void
setup(void)
{
    log_init("test", LEVEL_ERROR, LOG_TEXT);
    cr_assert(buskey_make(&a, &e) == 0 && buskey_make(&b, &e) == 0);
    s.store = store_new();
    cr_assert_not_null(s.keys = source_keys_new(&s, &e));
}

/* As with --bus-port, and the server's pair read. */
static void
open_door(void)
{
    s.keys->enabled = true;
    cr_assert_eq(buskey_make(&s.keys->server, &e), 0);
}

static void
teardown(void)
{
    source_keys_free(s.keys);
    store_free(s.store);
}

TestSuite(sourcekeys, .init = setup, .fini = teardown);

Test(sourcekeys, without_a_port_no_key_is_let_in_and_the_message_says_what_to_do)
{
    cr_assert_not(source_keys_enabled(&s));
    cr_assert_null(source_keys_server_public(&s));
    cr_assert_lt(source_keys_allow(&s, "u1", "ns", "one", a.public_key, &e), 0);
    cr_assert_not_null(strstr(e.text, "--bus-port"));
    cr_assert_null(source_keys_of(&s, "u1"));
    cr_assert_not(source_keys_known(s.keys, a.public_key, user));
}

Test(sourcekeys, a_key_speaks_for_its_taskspawner_alone)
{
    open_door();
    cr_assert_eq(source_keys_allow(&s, "u1", "ns", "one", a.public_key, &e), 0);
    cr_assert_eq(source_keys_allow(&s, "u2", "ns", "two", b.public_key, &e), 0);
    cr_assert_str_eq(source_keys_of(&s, "u1"), a.public_key);
    cr_assert(source_keys_known(s.keys, a.public_key, user));
    cr_assert(source_keys_stands(s.keys, user));

    struct peer peer;
    char own[BUSKEY_SOURCE_SIZE], other[BUSKEY_SOURCE_SIZE];
    buskey_source(a.public_key, own);
    buskey_source(b.public_key, other);
    cr_assert_eq(peer_parse(user, &peer), 0);
    cr_assert_eq(peer.role, ROLE_SPAWNER);
    cr_assert(peer_serves(&peer, own));
    cr_assert_not(peer_serves(&peer, other));
}

Test(sourcekeys, a_key_that_belongs_to_another_or_is_none_is_not_taken)
{
    open_door();
    cr_assert_eq(source_keys_allow(&s, "u1", "ns", "one", a.public_key, &e), 0);
    cr_assert_lt(source_keys_allow(&s, "u2", "ns", "two", a.public_key, &e), 0);
    cr_assert_not_null(strstr(e.text, "ns/one"));
    e = (struct err)ERR_INIT;
    cr_assert_lt(source_keys_allow(&s, "u2", "ns", "two", "short", &e), 0);
    cr_assert_null(source_keys_of(&s, "u2"));
}

Test(sourcekeys, a_new_key_takes_the_place_of_the_old_one)
{
    char old[sizeof user];

    open_door();
    cr_assert_eq(source_keys_allow(&s, "u1", "ns", "one", a.public_key, &e), 0);
    cr_assert(source_keys_known(s.keys, a.public_key, old));
    cr_assert_eq(source_keys_allow(&s, "u1", "ns", "one", b.public_key, &e), 0);
    cr_assert_not(source_keys_known(s.keys, a.public_key, user));
    cr_assert_not(source_keys_stands(s.keys, old));
    cr_assert(source_keys_known(s.keys, b.public_key, user));
    cr_assert_str_neq(user, old);
}

Test(sourcekeys, a_revoked_key_is_nobodys_and_may_not_come_back_by_itself)
{
    open_door();
    cr_assert_eq(source_keys_allow(&s, "u1", "ns", "one", a.public_key, &e), 0);
    source_keys_revoke(&s, "u1");
    source_keys_revoke(&s, "u1");
    source_keys_revoke(&s, "never");
    cr_assert_null(source_keys_of(&s, "u1"));
    cr_assert_not(source_keys_known(s.keys, a.public_key, user));
}
