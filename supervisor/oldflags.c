/* oldflags.c - see oldflags.h. */
#include "supervisor/oldflags.h"

#include <string.h>

#include "common/macros.h"

void
oldflags_table(struct oldflags *o, struct flag out[OLDFLAGS_N])
{
    const struct flag rows[] = {
        {"zap-devel", FLAG_SWITCH, &o->devel, NULL, "false: --log-format json"},
        {"zap-encoder", FLAG_TEXT, &o->encoder, "NAME", "json or console: --log-format"},
        {"zap-log-level", FLAG_TEXT, &o->level, "LEVEL", "--log-level"},
        {"zap-stacktrace-level", FLAG_TEXT, &o->unused, "LEVEL", "taken and not used"},
        {"zap-time-encoding", FLAG_TEXT, &o->unused, "NAME", "taken and not used"},
        {"telemetry-report", FLAG_SWITCH, &o->report, NULL,
         "counts what the cluster has, prints it, sends it to --telemetry-endpoint, "
         "ends"},
        {"telemetry-endpoint", FLAG_TEXT, &o->endpoint, "URL",
         "where the report goes; without it nothing is sent"},
        {"telemetry-environment", FLAG_TEXT, &o->environment, "NAME",
         "stands in the report (production)"},
    };

    _Static_assert(ARRAY_LEN(rows) == OLDFLAGS_N, "a row for each");
    memcpy(out, rows, sizeof rows);
}

/* The original's words, and numbers for how much more than info. */
static const char *
map_level(const char *text)
{
    static const char *const words[][2] = {
        {"debug", "debug"}, {"info", "info"},   {"warn", "warn"},
        {"error", "error"}, {"panic", "error"}, {"0", "info"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(text, words[i][0]) == 0)
            return words[i][1];
    return *text != '\0' && strspn(text, "0123456789") == strlen(text) ? "debug" : NULL;
}

int
oldflags_map(const struct oldflags *o, const char **level, const char **format,
             struct err *e)
{
    if (!o->devel)
        *format = "json";
    if (o->encoder != NULL && strcmp(o->encoder, "json") != 0 &&
        strcmp(o->encoder, "console") != 0)
        return err_set(e, ERR_INVALID,
                       "--zap-encoder: \"%s\" is neither json nor console", o->encoder);
    if (o->encoder != NULL)
        *format = strcmp(o->encoder, "json") == 0 ? "json" : "text";
    if (o->level != NULL && (*level = map_level(o->level)) == NULL)
        return err_set(
            e, ERR_INVALID,
            "--zap-log-level: \"%s\" is not debug, info, warn, error, panic or "
            "a number",
            o->level);
    return 0;
}
