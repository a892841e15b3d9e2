/* kubelet_path.h - reads what the API server asks a node for: whose log, and which part. */
#ifndef KELOS_LOCAL_RUNNER_KUBELET_PATH_H
#define KELOS_LOCAL_RUNNER_KUBELET_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/logfile.h"

#define LOG_PATH_MAX 256

struct log_path {
    char ns[LOG_PATH_MAX], pod[LOG_PATH_MAX], container[LOG_PATH_MAX];
};

/* "/containerLogs/NAMESPACE/POD/CONTAINER": 0, or -1 for anything else. The parts hold
 * only letters, digits, '-' and '.', and are not "." or "..". */
int log_path_parse(const char *url, struct log_path *out);

enum log_param {
    LOG_FOLLOW,
    LOG_TIMESTAMPS,
    LOG_TAIL_LINES,
    LOG_LIMIT_BYTES,
    LOG_SINCE_SECONDS,
    LOG_SINCE_TIME,
    LOG_STREAM,
    N_LOG_PARAMS
};

struct log_query {
    struct logfile_options options;
    int64_t limit; /* bytes, -1: no limit */
    bool follow;
};

const char *log_param_name(int param);
void log_query_init(struct log_query *q);
/* 0, or -1 when the value is not one of the parameter's. */
int log_query_set(struct log_query *q, int param, const char *value, int64_t now_ms);

#endif
