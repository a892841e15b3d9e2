/* kubelet_path.c - see kubelet_path.h. */
#include "local/runner/kubelet_path.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

static const char prefix[] = "/containerLogs/";

static int
take_part(const char **at, char *out, char end)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t n = strspn(*at, good);

    if (n == 0 || n >= LOG_PATH_MAX || (*at)[n] != end || (n == 1 && **at == '.') ||
        (n == 2 && strncmp(*at, "..", 2) == 0))
        return -1;
    memcpy(out, *at, n);
    out[n] = '\0';
    *at += n + (end != '\0');
    return 0;
}

int
log_path_parse(const char *url, struct log_path *out)
{
    const char *at = url + sizeof prefix - 1;

    if (strncmp(url, prefix, sizeof prefix - 1) != 0)
        return -1;
    return take_part(&at, out->ns, '/') < 0 || take_part(&at, out->pod, '/') < 0 ||
                   take_part(&at, out->container, '\0') < 0
               ? -1
               : 0;
}

const char *
log_param_name(int param)
{
    static const char *const names[N_LOG_PARAMS] = {
        [LOG_FOLLOW] = "follow",
        [LOG_TIMESTAMPS] = "timestamps",
        [LOG_TAIL_LINES] = "tailLines",
        [LOG_LIMIT_BYTES] = "limitBytes",
        [LOG_SINCE_SECONDS] = "sinceSeconds",
        [LOG_SINCE_TIME] = "sinceTime",
        [LOG_STREAM] = "stream",
    };

    return names[param];
}

void
log_query_init(struct log_query *q)
{
    *q = (struct log_query){.options = {.tail = -1}, .limit = -1};
}

static int
take_bool(const char *value, bool *out)
{
    *out = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    return *out || strcmp(value, "false") == 0 || strcmp(value, "0") == 0 ? 0 : -1;
}

static int
take_count(const char *value, int64_t *out)
{
    char *end;

    *out = strtoll(value, &end, 10);
    return *value != '\0' && *end == '\0' && *out >= 0 ? 0 : -1;
}

static int
take_stream(const char *value, char *out)
{
    *out = strcmp(value, "Stdout") == 0 ? 'o' : strcmp(value, "Stderr") == 0 ? 'e' : 0;
    return *out != 0 || strcmp(value, "All") == 0 ? 0 : -1;
}

int
log_query_set(struct log_query *q, int param, const char *value, int64_t now_ms)
{
    int64_t seconds;

    switch (param) {
    case LOG_FOLLOW:
        return take_bool(value, &q->follow);
    case LOG_TIMESTAMPS:
        return take_bool(value, &q->options.stamps);
    case LOG_TAIL_LINES:
        return take_count(value, &q->options.tail);
    case LOG_LIMIT_BYTES:
        return take_count(value, &q->limit);
    case LOG_SINCE_SECONDS:
        if (take_count(value, &seconds) < 0)
            return -1;
        q->options.since_ms = now_ms - seconds * 1000;
        return 0;
    case LOG_SINCE_TIME:
        return rfc3339_parse(value, &q->options.since_ms);
    case LOG_STREAM:
        return take_stream(value, &q->options.only);
    default:
        return -1;
    }
}
