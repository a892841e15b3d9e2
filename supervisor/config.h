/* config.h - the supervisor's command line. */
#ifndef KELOS_SUPERVISOR_CONFIG_H
#define KELOS_SUPERVISOR_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/log.h"

#define CONFIG_PASSED_MAX 32
/* Of --bus-port where all sources run in Pods. */
#define CONFIG_BUS_PORT 7440

struct config {
    const char *run_dir;
    const char
        *kubeconfig;   /* "" in a cluster; local mode sets it to <local>/kubeconfig */
    const char *local; /* data directory of local mode, "" otherwise */
    const char *share_dir;
    const char *node; /* "" or: be this node of the cluster, run its Pods, nothing else */
    const char *node_tls; /* folder of node.crt, node.key, ca.crt; "": no logs */
    const char *metrics_address, *health_address;
    int64_t bus_port; /* of shard 0 for spawners in Pods, the others follow; 0: none */
    const char *sandbox;
    const char *api_groups; /* as the watcher gets them; NULL: its default */
    const char *log_level, *log_format;
    int64_t shards;
    int64_t local_port; /* 0: choose once, then keep */
    int64_t notify_fd;  /* "ready\n" is written to it once, -1: none */
    bool check_only;
    bool leader_elect;
    bool watch_secrets;
    bool node_jobs; /* of a cluster without a Job controller: ours */
    const char *passed[CONFIG_PASSED_MAX]; /* image flags, as the reconciler gets them */

    /* derived */
    char bin_dir[PATH_MAX];
    char run_path[PATH_MAX];   /* absolute */
    char local_path[PATH_MAX]; /* absolute, or "" */
    char share_path[PATH_MAX];
    char kubeconfig_path[PATH_MAX + 16];
    enum log_level level;
    enum log_format format;
};

/* Returns 0, 1 when --help was answered, or -1 with *e set (ERR_INVALID, one line that names the
 * flag). Creates nothing. With --telemetry-report the process becomes another program. */
int config_parse(struct config *c, int argc, char **argv, struct err *e);

/* The name of the i-th flag that is only passed on, NULL behind the last. */
const char *config_passed_name(int i);

#endif
