/* resourcelist.h - what a flag says a container may use: "cpu=250m,memory=512Mi". */
#ifndef KELOS_COMMON_RESOURCELIST_H
#define KELOS_COMMON_RESOURCELIST_H

#include <stddef.h>

#include "common/err.h"
#include "common/value/quantity.h"

enum { RESOURCE_LIST_MAX = 8, RESOURCE_NAME_SIZE = 64 };

/* A plain value; {0} names nothing. Quantities are spelled canonically. */
struct resource_list {
    struct {
        char name[RESOURCE_NAME_SIZE];
        char amount[QUANTITY_SIZE];
    } items[RESOURCE_LIST_MAX];
    size_t n;
};

/* "" names nothing. Blanks around names and amounts are allowed. Returns 0, or -1 with
 * ERR_INVALID that quotes the part which is wrong; *list is then not to be used. */
int resource_list_parse(const char *text, struct resource_list *list, struct err *e);

/* Whether each amount of `requests` is at most the one of `limits`, where both name it: the API
 * server takes no Pod otherwise. Returns 0, or -1 with ERR_INVALID that names the resource. */
int resource_list_within(const struct resource_list *requests,
                         const struct resource_list *limits, struct err *e);

/* Raises the limits that are below what is requested. */
void resource_list_raise(struct resource_list *limits,
                         const struct resource_list *requests);

#endif
