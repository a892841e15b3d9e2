/* serverfixture.h - the whole server in this process, without its sockets, with our types. */
#ifndef KELOS_TESTS_LOCAL_APISERVER_SERVERFIXTURE_H
#define KELOS_TESTS_LOCAL_APISERVER_SERVERFIXTURE_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/data/yaml.h"
#include "common/macros.h"
#include "local/apiserver/api.h"
#include "local/apiserver/gc.h"
#include "local/apiserver/seed.h"
#include "local/apiserver/watch.h"
#include "tests/support/rows.h"

static int64_t now_ms = 1767323045000; /* 2026-01-02T03:04:05Z */
static struct server server;

static inline int64_t
fixed_now(void)
{
    return now_ms;
}

static inline void
server_start(void)
{
    struct err e = ERR_INIT;

    server = (struct server){.now_ms = fixed_now};
    server.store = store_open(":memory:", &e);
    server.registry = registry_new(&e);
    server.hub = hub_new();
    cr_assert(server.store != NULL && server.registry != NULL && server.hub != NULL, "%s",
              e.text);
    cr_assert_eq(seed_objects(&server, "deploy/crds", &e), 0, "%s", e.text);
}

static inline void
server_stop(void)
{
    store_free(server.store);
    registry_free(server.registry);
    hub_free(server.hub);
}

#endif
