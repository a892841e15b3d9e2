/* print.c - see print.h. */
#include "cli/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "common/data/yaml.h"

static const struct {
    const char *name;
    enum print_format format;
} formats[] = {
    {"", PRINT_TABLE},    {"wide", PRINT_WIDE}, {"yaml", PRINT_YAML},
    {"json", PRINT_JSON}, {"name", PRINT_NAME},
};

int
print_parse(const char *text, enum print_format *format, const char **template,
            struct err *e)
{
    static const char path[] = "jsonpath=";

    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i].name, text) == 0) {
            *format = formats[i].format;
            return 0;
        }
    if (strncmp(text, path, sizeof(path) - 1) == 0) {
        *format = PRINT_PATH;
        *template = text + sizeof(path) - 1;
        return 0;
    }
    return err_set(
        e, ERR_INVALID,
        "-o \"%s\" unsupported; choose yaml, json, wide, name or jsonpath=TEMPLATE",
        text);
}

int
print_parse_document(const char *text, enum print_format *format, struct err *e)
{
    *format = strcmp(text, "json") == 0 ? PRINT_JSON : PRINT_YAML;
    if (*format == PRINT_JSON || text[0] == '\0' || strcmp(text, "yaml") == 0)
        return 0;
    return err_set(e, ERR_INVALID, "-o \"%s\" unsupported; choose yaml or json", text);
}

void
print_trim(json_t *object)
{
    json_t *items = json_object_get(object, "items");

    json_object_del(json_object_get(object, "metadata"), "managedFields");
    for (size_t i = 0; i < json_array_size(items); i++)
        print_trim(json_array_get(items, i));
}

int
print_object(enum print_format format, const json_t *object, struct buf *out,
             struct err *e)
{
    if (format == PRINT_YAML)
        return yaml_dump(object, out, e);
    char *text = json_dump_pretty(object);
    if (text == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    buf_printf(out, "%s\n", text);
    free(text);
    return 0;
}

int
print_flush(const struct buf *out, struct err *e)
{
    if (fwrite(buf_str(out), 1, out->size, stdout) == out->size && fflush(stdout) == 0)
        return 0;
    if (errno == EPIPE) /* who reads has enough: `| head` */
        return err_set(e, ERR_SYSTEM, "%s", "");
    return err_errno(e, "standard output");
}
