/* schema.c - the .def tables expanded into data and names. */
#include "proto/schema.h"

#include <string.h>

#define UNUSED_TYPE __attribute__((unused))

/* clang-format off */
#define STR(n, m)            {#n, FIELD_STR,    offsetof(self, n), (m), 0, 0, NULL},
#define SECRET(n, m)         {#n, FIELD_SECRET, offsetof(self, n), (m), 0, 0, NULL},
#define BIN(n, m)            {#n, FIELD_BIN,    offsetof(self, n), (m), 0, 0, NULL},
#define U64(n)               {#n, FIELD_U64,    offsetof(self, n), 0, 0, 0, NULL},
#define I64(n)               {#n, FIELD_I64,    offsetof(self, n), 0, 0, 0, NULL},
#define BOOL(n)              {#n, FIELD_BOOL,   offsetof(self, n), 0, 0, 0, NULL},
#define STRS(n, count, m)    {#n, FIELD_STRS,   offsetof(self, n), (m), (count), 0, NULL},
#define PAIRS(n, count, k, v) {#n, FIELD_PAIRS, offsetof(self, n), (v), (count), (k), NULL},
#define LIST(n, p, count)    {#n, FIELD_LIST,   offsetof(self, n), 0, (count), 0, &payload_##p},
#define PAYLOAD(n, ...)                                                                  \
    static const struct field *fields_##n(size_t *count)                                 \
    {                                                                                    \
        typedef struct msg_##n self UNUSED_TYPE;                                         \
        static const struct field rows[] = {__VA_ARGS__ {NULL, 0, 0, 0, 0, 0, NULL}};    \
        *count = sizeof rows / sizeof rows[0] - 1;                                       \
        return rows;                                                                     \
    }                                                                                    \
    static const struct payload payload_##n = {#n, sizeof(struct msg_##n), fields_##n};
#include "proto/payloads.def"
#undef PAYLOAD

static const struct payload *const payloads[] = {
#define PAYLOAD(n, ...) &payload_##n,
#include "proto/payloads.def"
#undef PAYLOAD
};

#define R(NAME) (1u << ROLE_##NAME)
static const struct kind_row kinds[] = {
#define MESSAGE(id, NAME, text, from, to, payload) {MSG_##NAME, text, (from), (to), &payload_##payload},
#include "proto/messages.def"
#undef MESSAGE
};

static const char *const roles[N_ROLES] = {
#define ROLE(NAME, text) [ROLE_##NAME] = (text),
#include "proto/roles.def"
#undef ROLE
};

static const struct {
    const char *kind, *plural;
    bool ours;
} objects[N_KINDS] = {
#define OBJECT_KIND(NAME, kind, plural, ours) [KIND_##NAME] = {(kind), (plural), (ours)},
#define API_PROFILE(NAME, group)
#include "proto/kinds.def"
#undef OBJECT_KIND
#undef API_PROFILE
};

static const char *const groups[N_PROFILES] = {
#define OBJECT_KIND(NAME, kind, plural, ours)
#define API_PROFILE(NAME, group) [PROFILE_##NAME] = (group),
#include "proto/kinds.def"
#undef OBJECT_KIND
#undef API_PROFILE
};
/* clang-format on */

#define N_KIND_ROWS (sizeof kinds / sizeof kinds[0])

const struct kind_row *
schema_kind(uint64_t kind)
{
    for (size_t i = 0; i < N_KIND_ROWS; i++)
        if ((uint64_t)kinds[i].kind == kind)
            return &kinds[i];
    return NULL;
}

const struct kind_row *
schema_kinds(size_t *count)
{
    *count = N_KIND_ROWS;
    return kinds;
}

const struct payload *const *
schema_payloads(size_t *count)
{
    *count = sizeof payloads / sizeof payloads[0];
    return payloads;
}

const char *
message_name(enum message_kind kind)
{
    const struct kind_row *row = schema_kind((uint64_t)kind);

    return row != NULL ? row->name : NULL;
}

enum message_kind
message_by_name(const char *name)
{
    for (size_t i = 0; i < N_KIND_ROWS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].kind;
    return MSG_NONE;
}

bool
message_allowed(enum message_kind kind, enum role from, enum role to)
{
    const struct kind_row *row = schema_kind((uint64_t)kind);

    if (row == NULL || from < 0 || to < 0 || from >= N_ROLES || to >= N_ROLES)
        return false;
    return (row->from & 1u << from) != 0 && (row->to & 1u << to) != 0;
}

const char *
role_name(enum role role)
{
    return role >= 0 && role < N_ROLES ? roles[role] : NULL;
}

enum role
role_by_name(const char *name)
{
    for (int i = 0; i < N_ROLES; i++)
        if (strcmp(roles[i], name) == 0)
            return (enum role)i;
    return ROLE_NONE;
}

const char *
object_kind_name(enum object_kind kind)
{
    return (unsigned)kind < N_KINDS ? objects[kind].kind : NULL;
}

const char *
object_kind_plural(enum object_kind kind)
{
    return (unsigned)kind < N_KINDS ? objects[kind].plural : NULL;
}

bool
object_kind_ours(enum object_kind kind)
{
    return (unsigned)kind < N_KINDS && objects[kind].ours;
}

const char *
api_profile_group(enum api_profile profile)
{
    return (unsigned)profile < N_PROFILES ? groups[profile] : NULL;
}
