/* cmd_version.c - kelos version, kelos help. */
#include "cli/command/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/flagrows.h"
#include "cli/help.h"
#include "cli/print.h"
#include "common/data/json.h"
#include "version.h"

#define CONTROLLER_NAMESPACE "kelos-system"
#define CONTROLLER "kelos-controller-manager"

static const char *const formats[] = {"json", NULL};
static const struct flag flags[] = {
    {.name = "server",
     .type = FLAG_BOOL,
     .help = "the controller's, too, and what the cluster serves"},
    FLAGROW_OUTPUT(formats, "a document instead of lines"),
};

/* The tag of an image, without a digest; "" when it has none. */
static void
image_tag(const char *image, char *tag, size_t size)
{
    const char *last = strrchr(image, '/');
    const char *colon = strchr(last != NULL ? last : image, ':');

    snprintf(tag, size, "%.*s", colon != NULL ? (int)strcspn(colon + 1, "@") : 0,
             colon != NULL ? colon + 1 : "");
}

/* Puts "controller": {"image", "version"}; nothing where there is no controller of ours. */
static int
put_controller(struct cli *c, json_t *server, struct err *e)
{
    struct kube_request r = {.verb = KUBE_GET,
                             .res = kube_res(KUBE_DEPLOYMENTS),
                             .ns = CONTROLLER_NAMESPACE,
                             .name = CONTROLLER};
    SCOPED(json) json_t *deployment = NULL;
    struct err why = ERR_INIT;
    char tag[128];

    if (cli_call(c, &r, &deployment, NULL, &why) < 0) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        *e = why;
        return -1;
    }
    const char *image =
        json_str_or(deployment, "spec.template.spec.containers[0].image", "");
    image_tag(image, tag, sizeof(tag));
    json_put_str(server, "controller.image", image);
    json_put_str(server, "controller.version", tag);
    return 0;
}

/* Puts "apiVersions": those of our groups that the cluster serves. */
static int
put_served(struct cli *c, json_t *server, struct err *e)
{
    static const char *const names[] = {"tasks.kelos.dev", "tasks.axon.io"};
    json_t *served = json_array();

    json_object_set_new(server, "apiVersions", served);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct kube_request r = {
            .verb = KUBE_GET, .res = kube_res(KUBE_CRDS), .name = names[i]};
        SCOPED(json) json_t *crd = NULL;
        struct err why = ERR_INIT;
        size_t v;
        json_t *version;

        if (cli_call(c, &r, &crd, NULL, &why) < 0 && why.code != ERR_NOT_FOUND) {
            *e = why;
            return -1;
        }
        json_array_foreach(json_at(crd, "spec.versions"), v, version)
        {
            if (json_bool_or(version, "served", false))
                json_array_append_new(
                    served, json_sprintf("%s/%s", json_str_or(crd, "spec.group", ""),
                                         json_str_or(version, "name", "")));
        }
    }
    return 0;
}

static json_t *
ask_server(struct cli *c, struct err *e)
{
    SCOPED(json) json_t *server = json_object();
    struct config *config = config_load(args_string(c->args, "config"), e);

    if (config == NULL)
        return NULL;
    config_free(c->config); /* the plain version has no use for one */
    c->config = config;
    if (cli_kube(c, e) == NULL || put_controller(c, server, e) < 0 ||
        put_served(c, server, e) < 0)
        return NULL;
    json_put_str(server, "address", kube_server(c->kube));
    return TAKE(server);
}

static void
print_server(const json_t *server)
{
    const json_t *served = json_object_get(server, "apiVersions");
    const char *version = json_str_or(server, "controller.version", "");

    if (json_at(server, "controller") == NULL)
        printf("controller: none in %s of %s\n", CONTROLLER_NAMESPACE,
               json_str_or(server, "address", ""));
    else
        printf("controller: %s (%s)\n", version[0] != '\0' ? version : "no tag",
               json_str_or(server, "controller.image", ""));
    printf("served: %s", json_array_size(served) > 0 ? "" : "nothing of Kelos");
    for (size_t i = 0; i < json_array_size(served); i++)
        printf("%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(served, i)));
    printf("\n");
    if (version[0] != '\0' && strcmp(version, KELOS_VERSION) != 0)
        fprintf(stderr,
                "Warning: the controller is %s, this program %s: kelos install changes "
                "the one, another kelos the other\n",
                version, KELOS_VERSION);
}

static int
run_version(struct cli *c, struct err *e)
{
    const char *format = args_string(c->args, "output");
    SCOPED(json) json_t *server = NULL;
    SCOPED(buf) struct buf out = BUF_INIT;

    if (format[0] != '\0' && strcmp(format, "json") != 0)
        return err_set(e, ERR_INVALID, "-o \"%s\" unsupported; choose json", format);
    if (args_bool(c->args, "server") && (server = ask_server(c, e)) == NULL)
        return -1;
    if (format[0] != '\0') {
        SCOPED(json)
        json_t *all = json_pack("{s:{s:s},s:O*}", "client", "version", KELOS_VERSION,
                                "server", server);

        return print_object(PRINT_JSON, all, &out, e) < 0 ? -1 : print_flush(&out, e);
    }
    puts(KELOS_VERSION);
    if (server != NULL)
        print_server(server);
    return 0;
}

const struct command command_version = {
    .name = "version",
    .summary = "Print the version of this program, or of the controller, too",
    .flags = FLAGS(flags),
    .no_config = true,
    .run = run_version,
};

static int
run_help(struct cli *c, struct err *e)
{
    char *rest[64];
    size_t count = c->n_raw < 64 ? c->n_raw : 64;
    struct command_path path;
    SCOPED(buf) struct buf out = BUF_INIT;

    if (command_find(c->raw, count, &path, rest) > 0)
        return command_group_error(&path, rest[0], e);
    help_write(&path, &out);
    return print_flush(&out, e);
}

const struct command command_help = {
    .name = "help",
    .words = "[COMMAND...]",
    .summary = "Say more about a command",
    .max_words = SIZE_MAX,
    .no_config = true,
    .raw = true,
    .run = run_help,
};
