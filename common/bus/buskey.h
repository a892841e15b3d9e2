/* buskey.h - the CurveZMQ keys of a spawner that joins the controller from a Pod of its own.
 *
 * Keys are 40 characters of Z85 (ZeroMQ RFC 32). Each TaskSpawner has a pair, the installation
 * has one for its server. A Pod is given one text, KELOS_BUS_KEY:
 *
 *     <server public key>:<client secret key>
 *
 * Secrets are wiped by whoever holds them: buskey_wipe. */
#ifndef KELOS_COMMON_BUSKEY_H
#define KELOS_COMMON_BUSKEY_H

#include <stdbool.h>

#include "common/err.h"

#define BUSKEY_SIZE 41          /* a key and its NUL */
#define BUSKEY_TEXT_SIZE 82     /* KELOS_BUS_KEY and its NUL */
#define BUSKEY_SOURCE_SIZE 65   /* 64 hex digits and a NUL */
#define BUSKEY_WORKER_DIGITS 40 /* of them, in the worker's id */
#define BUSKEY_WORKER_SIZE (sizeof "source-" + BUSKEY_WORKER_DIGITS)

struct buskey {
    char public_key[BUSKEY_SIZE];
    char secret_key[BUSKEY_SIZE];
};

/* A new pair. Returns 0, or -1 with *e set. */
int buskey_make(struct buskey *out, struct err *e);
void buskey_wipe(struct buskey *k);

/* Whether the text is 40 characters of Z85 that stand for 32 bytes. */
bool buskey_valid(const char *text);

/* The public key that belongs to a secret one. Returns 0 with public_key (BUSKEY_SIZE bytes)
 * filled, or -1 with *e set; *e never quotes the secret. */
int buskey_public_of(const char *secret_key, char *public_key, struct err *e);

/* Reads KELOS_BUS_KEY: server (BUSKEY_SIZE bytes) and the client's pair. Returns 0, or -1 with
 * *e set (and nothing secret in it). */
int buskey_parse(const char *text, char *server, struct buskey *client, struct err *e);
/* Writes it; out has BUSKEY_TEXT_SIZE bytes. */
void buskey_format(const char *server, const char *secret_key, char *out);

/* The key of the source that the holder of this public key speaks for, and no other: both ends
 * work it out by themselves. out has BUSKEY_SOURCE_SIZE bytes. */
void buskey_source(const char *public_key, char *out);
/* The worker id of that holder: "source-" and the first 40 digits. BUSKEY_WORKER_SIZE bytes. */
void buskey_worker(const char *public_key, char *out);

#endif
