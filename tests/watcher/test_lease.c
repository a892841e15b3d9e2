/* test_lease.c - the election, with the clock in our hand. */
#include "watcher/lease.h"

#include <criterion/criterion.h>

#include "common/data/json.h"
#include "tests/support/rows.h"

static struct lease_record
held_by(const char *holder, const char *renewed, const char *version)
{
    return (struct lease_record){.there = true,
                                 .version = version,
                                 .holder = holder,
                                 .duration_s = 15,
                                 .transitions = 4,
                                 .acquired = "2026-01-01T00:00:00.000000Z",
                                 .renewed = renewed};
}

static struct lease
candidate(const char *holder, int64_t now)
{
    struct lease l;
    const struct lease_record r = held_by(holder, "t0", "7");

    lease_init(&l, "me", 0.5);
    lease_sent(&l, now);
    lease_seen(&l, &r, now);
    return l;
}

static struct lease
leader(int64_t now)
{
    struct lease l = candidate("", now);
    const struct lease_record r = held_by("me", "t1", "8");

    lease_written(&l, &r, now);
    return l;
}

Test(lease, begins_with_a_look_and_makes_what_is_not_there)
{
    struct lease l;
    const struct lease_record none = {
        .version = "", .holder = "", .acquired = "", .renewed = ""};

    lease_init(&l, "me", 0);
    cr_assert_eq(lease_next(&l, 100).action, LEASE_READ);
    lease_sent(&l, 100);
    cr_assert_eq(lease_next(&l, 101).action, LEASE_WAIT);
    lease_seen(&l, &none, 102);
    cr_assert_eq(lease_next(&l, 102).action, LEASE_CREATE);
    cr_assert_not(l.leader);
}

Test(lease, a_candidate_waits_the_whole_duration_since_it_saw_the_record_change)
{
    struct lease l = candidate("other", 1000);

    for (int64_t now = 1000; now < 1000 + 15000; now += 100) {
        struct lease_plan p = lease_next(&l, now);
        const struct lease_record same = held_by("other", "t0", "7");
        cr_assert_neq(p.action, LEASE_TAKE, "at %lld", (long long)now);
        if (p.action == LEASE_READ) {
            lease_sent(&l, now);
            lease_seen(&l, &same, now);
        }
    }
    cr_assert_eq(lease_next(&l, 16000).action, LEASE_TAKE);
    row_claim("KC/LE-2");
}

Test(lease, each_renewal_seen_starts_the_wait_anew_whatever_its_time_says)
{
    struct lease l = candidate("other", 1000);
    /* a clock a year behind ours, and then a year ahead */
    const struct lease_record past = held_by("other", "2001-01-01T00:00:00.000000Z", "8"),
                              future =
                                  held_by("other", "2099-01-01T00:00:00.000000Z", "9");

    lease_sent(&l, 14000);
    lease_seen(&l, &past, 14000);
    cr_assert_neq(lease_next(&l, 28999).action, LEASE_TAKE);
    lease_sent(&l, 28000);
    lease_seen(&l, &future, 28000);
    cr_assert_neq(lease_next(&l, 42999).action, LEASE_TAKE);
    cr_assert_eq(lease_next(&l, 43000).action, LEASE_TAKE);
}

Test(lease, a_new_version_alone_is_no_renewal)
{
    struct lease l = candidate("other", 1000);
    const struct lease_record labelled = held_by("other", "t0", "99");

    lease_sent(&l, 15000);
    lease_seen(&l, &labelled, 15000);
    cr_assert_eq(lease_next(&l, 16000).action, LEASE_TAKE);
    cr_assert_str_eq(l.version, "99");
}

Test(lease, what_was_given_back_or_is_our_own_is_taken_at_once)
{
    struct lease released = candidate("", 1000), own = candidate("me", 1000);

    cr_assert_eq(lease_next(&released, 1000).action, LEASE_TAKE);
    cr_assert_eq(lease_next(&own, 1000).action, LEASE_TAKE);
}

Test(lease, candidates_look_often_enough_to_take_over_within_two_seconds)
{
    for (int i = 0; i <= 10; i++) {
        struct lease l = candidate("other", 1000);
        l.jitter = i / 10.0;
        struct lease_plan p = lease_next(&l, 1000);
        cr_assert_eq(p.action, LEASE_WAIT);
        cr_assert(p.at_ms >= 2000 && p.at_ms <= 2400, "%lld", (long long)p.at_ms);
    }
}

Test(lease, a_leader_renews_every_two_seconds_and_loses_the_lead_after_ten_without)
{
    struct lease l = leader(1000);

    cr_assert(l.leader);
    cr_assert_eq(lease_next(&l, 1001).action, LEASE_WAIT);
    cr_assert_eq(lease_next(&l, 1001).at_ms, 3000);
    cr_assert_eq(lease_next(&l, 3000).action, LEASE_RENEW);
    lease_sent(&l, 3000); /* never answered */
    lease_next(&l, 10999);
    cr_assert(l.leader);
    lease_next(&l, 11000);
    cr_assert_not(l.leader);
}

Test(lease, the_first_thing_after_a_long_pause_is_that_the_lead_is_lost)
{
    struct lease l = leader(1000);

    cr_assert_neq(lease_next(&l, 3600000).action, LEASE_RENEW);
    cr_assert_not(l.leader);
    row_claim("KC/LE-3");
}

Test(lease, counts_from_the_sending_of_the_renewal_not_from_its_answer)
{
    struct lease l = leader(1000);
    const struct lease_record r = held_by("me", "t2", "9");

    lease_sent(&l, 3000);
    lease_written(&l, &r, 3000); /* answered much later */
    lease_next(&l, 12999);
    cr_assert(l.leader);
    lease_next(&l, 13000);
    cr_assert_not(l.leader);
}

Test(lease, a_conflict_makes_it_read_and_another_holder_ends_the_lead)
{
    struct lease l = leader(1000);
    const struct lease_record other = held_by("other", "t5", "12");

    lease_sent(&l, 3000);
    lease_conflict(&l);
    cr_assert(l.leader);
    cr_assert_eq(lease_next(&l, 3001).action, LEASE_READ);
    lease_sent(&l, 3001);
    lease_seen(&l, &other, 3002);
    cr_assert_not(l.leader);
    cr_assert_eq(lease_next(&l, 3002).action, LEASE_WAIT);
}

Test(lease, knows_whose_it_is_after_every_look)
{
    struct lease l = leader(1000), none;
    const struct lease_record other = held_by("other", "t5", "12"),
                              nobody = held_by("", "t5", "13");

    lease_init(&none, "me", 0);
    cr_assert_not(lease_is_ours(&none));
    cr_assert(lease_is_ours(&l));
    lease_seen(&l, &other, 2000);
    cr_assert_not(lease_is_ours(&l));
    lease_seen(&l, &nobody, 3000);
    cr_assert_not(lease_is_ours(&l));
}

Test(lease, a_conflict_of_a_candidate_makes_it_read)
{
    struct lease l = candidate("", 1000);

    lease_conflict(&l);
    cr_assert_eq(lease_next(&l, 1001).action, LEASE_READ);
    row_claim("KC/LE-4");
}

Test(lease, the_record_counts_transitions_and_keeps_the_time_of_acquisition)
{
    struct lease taken = candidate("other", 1000), kept = leader(1000);
    SCOPED(json) json_t *take = lease_object(&taken, "ns", "n", 5000000, false);
    SCOPED(json) json_t *renew = lease_object(&kept, "ns", "n", 5000000, false);
    SCOPED(json) json_t *release = lease_object(&kept, "ns", "n", 5000000, true);

    cr_assert_str_eq(json_str_or(take, "spec.holderIdentity", ""), "me");
    cr_assert_eq(json_int_or(take, "spec.leaseTransitions", -1), 5);
    cr_assert_eq(json_int_or(take, "spec.leaseDurationSeconds", -1), 15);
    cr_assert_str_eq(json_str_or(take, "spec.acquireTime", ""),
                     "1970-01-01T00:00:05.000000Z");
    cr_assert_str_eq(json_str_or(take, "metadata.resourceVersion", ""), "7");
    cr_assert_eq(json_int_or(renew, "spec.leaseTransitions", -1), 4);
    cr_assert_str_eq(json_str_or(renew, "spec.acquireTime", ""),
                     "2026-01-01T00:00:00.000000Z");
    cr_assert_str_eq(json_str_or(renew, "spec.renewTime", ""),
                     "1970-01-01T00:00:05.000000Z");
    cr_assert_str_eq(json_str_or(release, "spec.holderIdentity", "x"), "");
    cr_assert_eq(json_int_or(release, "spec.leaseDurationSeconds", -1), 1);
    row_claim("KC/LE-1");
}
