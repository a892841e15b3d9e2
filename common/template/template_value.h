/* template_value.h - what the parts of the template engine know about values. */
#ifndef KELOS_COMMON_TEMPLATE_VALUE_H
#define KELOS_COMMON_TEMPLATE_VALUE_H

#include "common/arena.h"
#include "common/template/template.h"

struct template_data {
    struct arena arena;
};

struct template_list {
    bool texts;  /* []string, else []interface {} */
    bool is_nil; /* nothing was ever put into it */
    size_t count;
    struct template_value *items;
};

struct template_entry {
    const char *key;
    size_t key_size;
    struct template_value value;
};

struct template_map {
    const char *type_name; /* of a struct, else NULL */
    bool indexed;          /* of a struct: template_allow_index */
    bool texts;            /* map[string]string, else map[string]interface {} */
    bool is_nil;           /* nothing was ever put into it */
    size_t count;
    struct template_entry
        *entries; /* a map's sorted by key, a struct's as they were put */
};

/* The value itself, without the slot it sits in; a boxed nil is nil. */
static inline struct template_value
value_unbox(struct template_value v)
{
    v.boxed = false;
    return v;
}

/* No value at all, as Go's reflection has it: neither nil in a slot nor anything else. */
static inline bool
value_is_invalid(const struct template_value *v)
{
    return v->kind == TEMPLATE_NIL && !v->boxed;
}

/* The entry of a key; NULL when there is none. */
const struct template_entry *value_find(const struct template_map *m, const char *key,
                                        size_t size);

/* Go's name of the type of what is in the slot ("<nil>" for nothing). */
const char *value_type_name(const struct template_value *v);

/* The same, but of the slot: "interface {}" for what is boxed. */
const char *value_slot_type(const struct template_value *v);

/* Whether Go calls it nil: nothing, or a list or map that is. */
bool value_is_nil(const struct template_value *v);

/* Go's truth. */
bool value_is_true(const struct template_value *v);

/* A list that shows items [from, to) of another one. */
struct template_value value_slice(struct template_data *d,
                                  const struct template_list *list, size_t from,
                                  size_t to);

#endif
