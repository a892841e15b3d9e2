/* buskey.c - see buskey.h. */
#include "common/bus/buskey.h"

#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define KEY_BYTES 32

int
buskey_make(struct buskey *out, struct err *e)
{
    if (zmq_curve_keypair(out->public_key, out->secret_key) < 0)
        return err_set(e, ERR_SYSTEM, "new bus key: %s", zmq_strerror(zmq_errno()));
    return 0;
}

void
buskey_wipe(struct buskey *k)
{
    explicit_bzero(k, sizeof *k);
}

bool
buskey_valid(const char *text)
{
    static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    uint8_t bytes[KEY_BYTES];
    bool good;

    if (strlen(text) != BUSKEY_SIZE - 1 || strspn(text, z85) != BUSKEY_SIZE - 1)
        return false;
    good = zmq_z85_decode(bytes, text) != NULL;
    explicit_bzero(bytes, sizeof bytes);
    return good;
}

int
buskey_public_of(const char *secret_key, char *public_key, struct err *e)
{
    if (!buskey_valid(secret_key))
        return err_set(e, ERR_INVALID, "a bus key is 40 characters of Z85");
    if (zmq_curve_public(public_key, secret_key) < 0)
        return err_set(e, ERR_INVALID, "the bus key is no secret key");
    return 0;
}

int
buskey_parse(const char *text, char *server, struct buskey *client, struct err *e)
{
    /* ':' is a digit of Z85, too: only the length tells the halves apart. */
    if (strlen(text) != BUSKEY_TEXT_SIZE - 1 || text[BUSKEY_SIZE - 1] != ':')
        return err_set(e, ERR_INVALID,
                       "KELOS_BUS_KEY: must be the server's public key, a colon and the "
                       "client's secret key, each 40 characters of Z85");
    memcpy(server, text, BUSKEY_SIZE - 1);
    server[BUSKEY_SIZE - 1] = '\0';
    memcpy(client->secret_key, text + BUSKEY_SIZE, BUSKEY_SIZE);
    if (!buskey_valid(server) ||
        buskey_public_of(client->secret_key, client->public_key, e) < 0) {
        buskey_wipe(client);
        return err_set(
            e, ERR_INVALID, "KELOS_BUS_KEY: %s key is not 40 characters of Z85",
            buskey_valid(server) ? "the client's secret" : "the server's public");
    }
    return 0;
}

void
buskey_format(const char *server, const char *secret_key, char *out)
{
    snprintf(out, BUSKEY_TEXT_SIZE, "%s:%s", server, secret_key);
}

void
buskey_source(const char *public_key, char *out)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[8 + BUSKEY_SIZE];
    int n = snprintf(text, sizeof text, "pod\n%.40s", public_key);

    SHA256((const unsigned char *)text, (size_t)n, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void
buskey_worker(const char *public_key, char *out)
{
    char key[BUSKEY_SOURCE_SIZE];

    buskey_source(public_key, key);
    snprintf(out, BUSKEY_WORKER_SIZE, "source-%.*s", BUSKEY_WORKER_DIGITS, key);
}
