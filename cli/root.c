/* root.c - the command table: kelos itself and what stands below it. */
#include "cli/commands.h"

static const struct flag global_flags[] = {
    {.name = "config", .type = FLAG_STRING, .value = "FILE",
     .help = "configuration file (default $KELOS_CONFIG or ~/.kelos/config.yaml)"},
    {.name = "kubeconfig", .type = FLAG_STRING, .value = "FILE",
     .help = "kubeconfig (default $KUBECONFIG, a running local mode, ~/.kube/config)"},
    {.name = "context", .type = FLAG_STRING, .value = "NAME", .complete = COMPLETE_NOTHING,
     .help = "context of the kubeconfig"},
    {.name = "namespace", .letter = 'n', .type = FLAG_STRING, .value = "NAME",
     .complete = COMPLETE_NOTHING, .help = "namespace to work in (default $KELOS_NAMESPACE)"},
    {.name = "as", .type = FLAG_STRING, .value = "USER", .complete = COMPLETE_NOTHING,
     .help = "impersonate a user"},
    {.name = "request-timeout", .type = FLAG_STRING, .value = "DURATION",
     .complete = COMPLETE_NOTHING, .help = "limit of one request, e.g. 10s (default 30s)"},
    {.name = "insecure-skip-tls-verify", .type = FLAG_BOOL,
     .help = "do not check the server's certificate"},
    {.name = "help", .letter = 'h', .type = FLAG_BOOL, .help = "show this text"},
};

static const struct command *const children[] = {
    &command_apply,   &command_completion, &command_create, &command_delete,
    &command_demo,    &command_down,       &command_get,    &command_help,
    &command_init,    &command_logs,       &command_resume, &command_run,
    &command_status,  &command_suspend,    &command_up,     &command_version,
    &command_complete, &command_complete_plain, NULL,
};

const struct command command_root = {
    .name = "kelos",
    .summary = "Kelos runs coding agents on Kubernetes, or on this machine alone (kelos up).",
    .inherited = FLAGS(global_flags),
    .children = children,
};
