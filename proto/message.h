/* message.h - one message of the bus as a plain value, and its way to bytes and back.
 *
 * Everything here expands from messages.def, payloads.def, roles.def and kinds.def: the
 * enums, the structs, encoder, decoder, permission check, dump, docs/protocol.md.
 *
 *     struct message m = {.kind = MSG_OBJECTS_CREDIT, .body.credit = {.messages = 64}};
 *
 * Sending: text fields may be NULL (sent as ""); nothing is copied until message_encode.
 * Receiving: texts are NUL-terminated, never NULL and, like lists, live until
 * message_free. */
#ifndef KELOS_PROTO_MESSAGE_H
#define KELOS_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MESSAGE_SCHEMA 1             /* of the envelope and of all payload tables */
#define MESSAGE_MAX_BYTES (4u << 20) /* the body; LIMIT_MESSAGE_BYTES is the same */
#define MESSAGE_MAX_ENVELOPE 1024    /* bytes */
#define MESSAGE_MAX_ITEMS 400000     /* values in one body, all lists together */
#define MESSAGE_MAX_DEPTH 32         /* nesting of a body */
#define MESSAGE_ORIGIN_MAX 96        /* "shard-0#17" */

/* clang-format off */
enum role {
    ROLE_NONE = -1,
#define ROLE(NAME, text) ROLE_##NAME,
#include "proto/roles.def"
#undef ROLE
    N_ROLES
};

enum message_kind {
    MSG_NONE = 0,
#define MESSAGE(id, NAME, text, from, to, payload) MSG_##NAME = (id),
#include "proto/messages.def"
#undef MESSAGE
};

enum object_kind {
#define OBJECT_KIND(NAME, kind, plural, ours) KIND_##NAME,
#define API_PROFILE(NAME, group)
#include "proto/kinds.def"
#undef OBJECT_KIND
#undef API_PROFILE
    N_KINDS
};

enum api_profile {
#define OBJECT_KIND(NAME, kind, plural, ours)
#define API_PROFILE(NAME, group) PROFILE_##NAME,
#include "proto/kinds.def"
#undef OBJECT_KIND
#undef API_PROFILE
    N_PROFILES
};

/* The types that fields have. */
struct msg_bytes { const void *data; size_t size; };
struct msg_pair  { const char *key, *value; };
struct msg_strs  { const char *const *items; size_t count; };
struct msg_pairs { const struct msg_pair *items; size_t count; };

/* One struct per payload: struct msg_object and so on. A LIST field is {items, count}. */
#define STR(name, max) const char *name;
#define SECRET(name, max) const char *name;
#define BIN(name, max) struct msg_bytes name;
#define U64(name) uint64_t name;
#define I64(name) int64_t name;
#define BOOL(name) bool name;
#define STRS(name, n, max) struct msg_strs name;
#define PAIRS(name, n, kmax, vmax) struct msg_pairs name;
#define LIST(name, payload, n) struct { const struct msg_##payload *items; size_t count; } name;
#define PAYLOAD(name, ...) struct msg_##name { __VA_ARGS__ };
#include "proto/payloads.def"
#undef STR
#undef SECRET
#undef BIN
#undef U64
#undef I64
#undef BOOL
#undef STRS
#undef PAIRS
#undef LIST
#undef PAYLOAD

/* All payloads under one roof; .kind says which member is valid. */
union msg_body {
#define PAYLOAD(name, ...) struct msg_##name name;
#include "proto/payloads.def"
#undef PAYLOAD
};
/* clang-format on */

/* Who sent it, when, and in answer to what. The bus fills all but `correlation`. */
struct envelope {
    uint64_t schema;
    char origin[MESSAGE_ORIGIN_MAX + 1]; /* worker id and incarnation, "shard-3#17" */
    uint64_t sequence;                   /* per (origin, topic), from 1 */
    int64_t mono_ms;                     /* CLOCK_MONOTONIC of the sender */
    int64_t wall_ms;
    uint64_t correlation; /* the sender's own; an answer carries the question's */
};

struct message {
    enum message_kind kind;
    struct envelope envelope;
    union msg_body body;
    void *zone; /* what the decoder allocated; NULL for a message made by hand */
};

/* Why bytes or values are refused. Both are static or inside the struct. */
struct message_fault {
    char field[80];  /* "peers[3].user_id", "envelope.kind", "" */
    const char *why; /* "longer than its bound", "trailing bytes" */
};

/* Encodes the envelope (with the kind) and the body, each into a fresh buffer that the
 * caller frees with free(). Returns 0, or -1 with *fault set (a bound of a field, or the
 * whole over MESSAGE_MAX_BYTES) or out of memory. */
int message_encode(const struct message *m, void **envelope, size_t *envelope_size,
                   void **body, size_t *body_size, struct message_fault *fault);

/* Reads hostile bytes. Structure, counts and sizes are walked and bounded before anything
 * is allocated. Returns 0 with *m filled (message_free it), or -1 with *fault set and
 * nothing to free. */
int message_decode(struct message *m, const void *envelope, size_t envelope_size,
                   const void *body, size_t body_size, struct message_fault *fault);

/* Releases what message_decode allocated; m is zeroed. */
void message_free(struct message *m);

/* "object.upsert", or NULL for an unknown kind; static. */
const char *message_name(enum message_kind kind);
/* The kind of a wire name, MSG_NONE when unknown. */
enum message_kind message_by_name(const char *name);

/* May a `from` send this kind, and may a `to` receive it? */
bool message_allowed(enum message_kind kind, enum role from, enum role to);

/* "watcher", or NULL; static. And back (ROLE_NONE when unknown). */
const char *role_name(enum role role);
enum role role_by_name(const char *name);

/* "Task", "tasks"; "kelos.dev"; NULL when out of range; static. */
const char *object_kind_name(enum object_kind kind);
const char *object_kind_plural(enum object_kind kind);
bool object_kind_ours(enum object_kind kind); /* its group is the profile's */
const char *api_profile_group(enum api_profile profile);

/* Writes one line in readable form, SECRET fields as ***, long texts and bytes cut. */
void message_dump(const struct message *m, FILE *out);

/* As message_encode, with every SECRET replaced by "***": what the tap may see. */
int message_encode_masked(const struct message *m, void **envelope, size_t *envelope_size,
                          void **body, size_t *body_size, struct message_fault *fault);

/* Writes docs/protocol.md. */
void message_write_markdown(FILE *out);

#endif
