/* cmd_report.c - kelos __report: one report of a heartbeat, for kelos-supervisor --telemetry-report. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/install/report.h"

#define TOTAL_MS 30000

static const struct flag flags[] = {
    {.name = "endpoint",
     .type = FLAG_STRING,
     .value = "URL",
     .complete = COMPLETE_NOTHING,
     .help = "where it goes; without it nothing is sent"},
    {.name = "environment",
     .type = FLAG_STRING,
     .value = "NAME",
     .complete = COMPLETE_NOTHING,
     .help = "what kind of cluster it is (production)"},
};

/* Sends exactly what was printed. That nobody takes it is told, and is no failure: the cluster is
 * as well as before. */
static int
send_text(struct cli *c, const char *url, const char *text, struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const struct http_request r = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .body = text,
                                   .body_size = strlen(text),
                                   .total_ms = TOTAL_MS};
    struct http_result answer = {0};
    struct err why = ERR_INIT;

    if (cli_kube(c, e) == NULL)
        return -1;
    if (http_wait(kube_http(c->kube), &r, &answer, &why) < 0)
        fprintf(stderr, "not sent: %s\n", why.text);
    else if (answer.status < 200 || answer.status > 299)
        fprintf(stderr, "not taken: %s answered %d\n", url, answer.status);
    else
        printf("sent to %s\n", url);
    http_result_free(&answer);
    return 0;
}

static int
run_report(struct cli *c, struct err *e)
{
    const char *url = args_string(c->args, "endpoint");
    const char *environment = args_string(c->args, "environment");
    const char *ns = getenv("POD_NAMESPACE");
    bool send = url[0] != '\0' && !report_unwanted();
    SCOPED(string)
    char *text =
        report_text(c, ns != NULL && ns[0] != '\0' ? ns : "kelos-system",
                    environment[0] != '\0' ? environment : "production", send, e);

    if (text == NULL)
        return -1;
    printf("%s\n", text);
    fflush(stdout);
    if (send)
        return send_text(c, url, text, e);
    printf("nothing is sent: %s\n", report_unwanted()
                                        ? "DO_NOT_TRACK is set"
                                        : "no --telemetry-endpoint is given");
    return 0;
}

const struct command command_report = {
    .name = "__report",
    .summary = "One report of a heartbeat",
    .flags = FLAGS(flags),
    .no_config = true,
    .hidden = true,
    .run = run_report,
};
