/* resourcelist.c - see resourcelist.h. */
#include "common/value/resourcelist.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-./"

/* Cuts the blanks off both ends: where the text begins, and *size of it. */
static const char *
trim(const char *text, size_t *size)
{
    size_t before = strspn(text, " ");

    if (before > *size)
        before = *size;
    text += before;
    *size -= before;
    while (*size > 0 && text[*size - 1] == ' ')
        (*size)--;
    return text;
}

static const char *
amount_of(const struct resource_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return list->items[i].amount;
    return NULL;
}

/* One "name=amount". */
static int
add(struct resource_list *list, const char *part, size_t size, struct err *e)
{
    const struct quantity zero = {0};
    const char *equals = memchr(part, '=', size);
    size_t name_size = equals != NULL ? (size_t)(equals - part) : 0;
    size_t amount_size = equals != NULL ? size - name_size - 1 : 0;
    const char *name = trim(part, &name_size);
    const char *amount = equals != NULL ? trim(equals + 1, &amount_size) : "";
    char text[QUANTITY_SIZE];
    struct quantity q;

    if (name_size == 0 || amount_size == 0)
        return err_set(e, ERR_INVALID, "\"%.*s\" is not like cpu=250m", (int)size, part);
    if (name_size >= RESOURCE_NAME_SIZE || strspn(name, NAME_CHARS) < name_size)
        return err_set(e, ERR_INVALID, "\"%.*s\" is no name of a resource",
                       (int)name_size, name);
    snprintf(text, sizeof text, "%.*s", (int)amount_size, amount);
    if (amount_size >= sizeof text || quantity_parse(text, &q) < 0 ||
        quantity_compare(&q, &zero) < 0)
        return err_set(e, ERR_INVALID, "%.*s: \"%.*s\" is no amount such as 250m or 64Mi",
                       (int)name_size, name, (int)amount_size, amount);
    if (list->n == RESOURCE_LIST_MAX)
        return err_set(e, ERR_INVALID, "more than %d resources", RESOURCE_LIST_MAX);
    snprintf(list->items[list->n].name, RESOURCE_NAME_SIZE, "%.*s", (int)name_size, name);
    if (amount_of(list, list->items[list->n].name) != NULL)
        return err_set(e, ERR_INVALID, "%s stands there twice",
                       list->items[list->n].name);
    quantity_format(&q, list->items[list->n].amount);
    list->n++;
    return 0;
}

int
resource_list_parse(const char *text, struct resource_list *list, struct err *e)
{
    *list = (struct resource_list){.n = 0};
    if (text[strspn(text, " ")] == '\0')
        return 0;
    for (;;) {
        size_t size = strcspn(text, ",");

        if (add(list, text, size, e) < 0)
            return -1;
        if (text[size] == '\0')
            return 0;
        text += size + 1;
    }
}

static bool
is_more(const char *amount, const char *than)
{
    struct quantity a, b;

    return quantity_parse(amount, &a) == 0 && quantity_parse(than, &b) == 0 &&
           quantity_compare(&a, &b) > 0;
}

int
resource_list_within(const struct resource_list *requests,
                     const struct resource_list *limits, struct err *e)
{
    for (size_t i = 0; i < requests->n; i++) {
        const char *limit = amount_of(limits, requests->items[i].name);

        if (limit != NULL && is_more(requests->items[i].amount, limit))
            return err_set(e, ERR_INVALID, "%s: %s is requested, and the limit is %s",
                           requests->items[i].name, requests->items[i].amount, limit);
    }
    return 0;
}

void
resource_list_raise(struct resource_list *limits, const struct resource_list *requests)
{
    for (size_t i = 0; i < limits->n; i++) {
        const char *asked = amount_of(requests, limits->items[i].name);

        if (asked != NULL && is_more(asked, limits->items[i].amount))
            memcpy(limits->items[i].amount, asked, strlen(asked) + 1);
    }
}
