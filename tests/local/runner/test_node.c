/* test_node.c - what the API server may ask a node for, and what a node says of itself. */
#include <criterion/criterion.h>

#include "common/data/json.h"
#include "local/runner/kubelet_path.h"
#include "local/runner/node.h"

Test(kubelet_path, a_log_is_named_by_three_parts)
{
    struct log_path p;

    cr_assert_eq(log_path_parse("/containerLogs/default/pod-1.x/main", &p), 0);
    cr_assert_str_eq(p.ns, "default");
    cr_assert_str_eq(p.pod, "pod-1.x");
    cr_assert_str_eq(p.container, "main");
}

Test(kubelet_path, nothing_else_is_a_log)
{
    static const char *const bad[] = {"/containerLogs/a/b",
                                      "/containerLogs/a/b/c/d",
                                      "/containerLogs/a/../c",
                                      "/containerLogs/a/b/..",
                                      "/containerLogs//b/c",
                                      "/containerLogs/a/b/",
                                      "/containerLogs/a/b/x%2F",
                                      "/exec/a/b/c",
                                      "",
                                      "/containerLogs/a/./c"};
    struct log_path p;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert_eq(log_path_parse(bad[i], &p), -1, "%s", bad[i]);
}

Test(kubelet_path, parameters_are_read_and_bad_ones_refused)
{
    struct log_query q;

    log_query_init(&q);
    cr_assert_eq(q.options.tail, -1);
    cr_assert_eq(q.limit, -1);
    cr_assert_eq(log_query_set(&q, LOG_FOLLOW, "true", 0), 0);
    cr_assert(q.follow);
    cr_assert_eq(log_query_set(&q, LOG_TAIL_LINES, "5", 0), 0);
    cr_assert_eq(q.options.tail, 5);
    cr_assert_eq(log_query_set(&q, LOG_SINCE_SECONDS, "2", 10000), 0);
    cr_assert_eq(q.options.since_ms, 8000);
    cr_assert_eq(log_query_set(&q, LOG_STREAM, "Stderr", 0), 0);
    cr_assert_eq(q.options.only, 'e');
    cr_assert_eq(log_query_set(&q, LOG_TAIL_LINES, "-1", 0), -1);
    cr_assert_eq(log_query_set(&q, LOG_LIMIT_BYTES, "5x", 0), -1);
    cr_assert_eq(log_query_set(&q, LOG_FOLLOW, "yes", 0), -1);
    cr_assert_eq(log_query_set(&q, LOG_SINCE_TIME, "noon", 0), -1);
    cr_assert_eq(log_query_set(&q, LOG_STREAM, "stdout", 0), -1);
}

Test(node, says_ready_with_its_address_and_port)
{
    SCOPED(json) json_t *with = node_status(1234, 0), *without = node_status(0, 0);

    cr_assert_str_eq(json_str_or(with, "status.addresses[0].address", ""), "127.0.0.1");
    cr_assert_eq(json_int_or(with, "status.daemonEndpoints.kubeletEndpoint.Port", 0),
                 1234);
    cr_assert_str_eq(json_str_or(with, "status.conditions[0].type", ""), "Ready");
    cr_assert_str_eq(json_str_or(with, "status.conditions[0].lastHeartbeatTime", ""),
                     "1970-01-01T00:00:00Z");
    cr_assert_null(json_at(without, "status.daemonEndpoints"));
}

Test(node, its_lease_names_it_and_the_time)
{
    SCOPED(json) json_t *lease = node_lease("n1", 1000);

    cr_assert_str_eq(json_str_or(lease, "spec.holderIdentity", ""), "n1");
    cr_assert_str_eq(json_str_or(lease, "spec.renewTime", ""),
                     "1970-01-01T00:00:01.000000Z");
}
