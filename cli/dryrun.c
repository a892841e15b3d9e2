/* dryrun.c - see dryrun.h. */
#include "cli/dryrun.h"

#include <string.h>

#include "common/data/json.h"

const char *const dryrun_places[] = {"client", "server", NULL};
const char *const dryrun_formats[] = {"yaml", "json", NULL};

int
dryrun_read(const struct args *args, enum print_format *format, struct err *e)
{
    if (print_parse_document(args_string(args, "output"), format, e) < 0)
        return -1;
    if (!args_bool(args, "dry-run"))
        return args_given(args, "output")
                   ? err_set(e, ERR_INVALID, "-o goes with --dry-run")
                   : DRYRUN_NONE;
    return strcmp(args_string(args, "dry-run"), "server") == 0 ? DRYRUN_SERVER
                                                               : DRYRUN_CLIENT;
}

/* Names the keys of a Secret in a comment. The document itself goes without them: stars in it
 * would be written over what is there by whoever applies it. */
static void
name_keys(const json_t *object, struct buf *out)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(object, "stringData"), key, value)
        buf_printf(out, "# secret/%s with %s: ***, its value is not shown\n",
                   json_str_or(object, "metadata.name", ""), key);
}

static json_t *
without_values(const json_t *secret)
{
    json_t *shown = json_copy((json_t *)secret);

    json_object_del(shown, "stringData");
    return shown;
}

/* What the server would make of the object; the caller owns. */
static json_t *
ask(struct cli *c, const struct kube_resource *res, const json_t *object, bool create,
    struct err *e)
{
    const struct kube_param dry[] = {{"dryRun", "All"}, {NULL, NULL}};
    struct kube_request r = {.verb = create ? KUBE_CREATE : KUBE_APPLY,
                             .res = res,
                             .ns = json_str_or(object, "metadata.namespace", ""),
                             .name = json_str_or(object, "metadata.name", ""),
                             .body = object,
                             .force = !create,
                             .params = dry,
                             .secret = res == kube_res(KUBE_SECRETS)};
    json_t *answer = NULL;

    return cli_call(c, &r, &answer, NULL, e) < 0 ? NULL : answer;
}

static json_t *
shown_object(struct cli *c, const json_t *object, bool server, bool create, struct err *e)
{
    const struct kube_resource *res = kube_res_of(json_str_or(object, "apiVersion", ""),
                                                  json_str_or(object, "kind", ""));
    SCOPED(json) json_t *answer = NULL;

    if (server && (answer = ask(c, res, object, create, e)) == NULL)
        return NULL;
    if (res == kube_res(KUBE_SECRETS))
        return without_values(object);
    if (answer == NULL)
        return json_incref((json_t *)object);
    print_trim(answer);
    return TAKE(answer);
}

int
dryrun_show(struct cli *c, const json_t *objects, bool server, enum print_format format,
            struct err *e)
{
    SCOPED(json) json_t *shown = json_array();
    SCOPED(buf) struct buf out = BUF_INIT;
    size_t count = json_array_size(objects);

    for (size_t i = 0; i < count; i++) {
        const json_t *wanted = json_array_get(objects, i);
        json_t *object = shown_object(c, wanted, server, i + 1 == count, e);

        if (object == NULL)
            return -1;
        json_array_append_new(shown, object);
        if (format != PRINT_YAML)
            continue;
        if (i > 0)
            buf_add_str(&out, "---\n");
        name_keys(wanted, &out);
        if (print_object(format, object, &out, e) < 0)
            return -1;
    }
    if (format == PRINT_JSON && count > 1) {
        SCOPED(json)
        json_t *list = json_pack("{s:s,s:s,s:O}", "apiVersion", "v1", "kind", "List",
                                 "items", shown);

        if (print_object(format, list, &out, e) < 0)
            return -1;
    } else if (format == PRINT_JSON &&
               print_object(format, json_array_get(shown, 0), &out, e) < 0) {
        return -1;
    }
    return print_flush(&out, e);
}
