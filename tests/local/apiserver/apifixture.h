/* apifixture.h - requests against the whole server without its sockets. */
#ifndef KELOS_TESTS_LOCAL_APISERVER_APIFIXTURE_H
#define KELOS_TESTS_LOCAL_APISERVER_APIFIXTURE_H

#include "tests/local/apiserver/serverfixture.h"

static struct reply reply;
static json_t *body; /* of the last answer */

static inline void
start(void)
{
    server_start();
    reply = (struct reply)REPLY_INIT;
}

static inline void
stop(void)
{
    reply_clear(&reply);
    json_decref(body);
    body = NULL;
    server_stop();
}

/* Sends a request; the path may carry a query. Returns the code. */
static inline int
send_as(const char *method, const char *type, const char *accept, const char *path,
        const char *text)
{
    struct call c = {.method = method,
                     .content_type = type,
                     .accept = accept,
                     .user_agent = "test/1",
                     .body = text != NULL ? text : "",
                     .size = text != NULL ? strlen(text) : 0};
    char copy[1024], *query, *save = NULL;
    struct err e = ERR_INIT;

    snprintf(copy, sizeof copy, "%s", path);
    if ((query = strchr(copy, '?')) != NULL)
        *query++ = '\0';
    c.path = copy;
    for (char *p = query != NULL ? strtok_r(query, "&", &save) : NULL; p != NULL;
         p = strtok_r(NULL, "&", &save)) {
        char *eq = strchr(p, '=');

        if (eq != NULL)
            *eq++ = '\0';
        c.params[c.param_count++] = (struct param){p, eq != NULL ? eq : ""};
    }
    reply_clear(&reply);
    api_handle(&server, &c, &reply);
    cr_assert_eq(store_commit(server.store, &e), 0, "%s", e.text);
    hub_flush(server.hub);
    json_decref(body);
    body = reply.body.size > 0
               ? json_loadb(reply.body.data, reply.body.size, JSON_DECODE_ANY, NULL)
               : NULL;
    return reply.code;
}

static inline int
ask(const char *method, const char *path, const char *text)
{
    return send_as(method, "application/json", NULL, path, text);
}

static inline const char *
str(const char *path)
{
    return json_str_or(body, path, "");
}

/* The server's own work: collecting, until there is none. */
static inline void
settle(void)
{
    struct err e = ERR_INIT;
    int rc;

    do {
        rc = gc_run(&server, 100, &e);
        cr_assert(rc >= 0, "%s", e.text);
        cr_assert_eq(store_commit(server.store, &e), 0, "%s", e.text);
    } while (rc == 1);
    hub_flush(server.hub);
}

#define CMS "/api/v1/namespaces/default/configmaps"
#define TASKS "/apis/kelos.dev/v1alpha1/namespaces/default/tasks"
#define WORKSPACES "/apis/kelos.dev/v1alpha1/namespaces/default/workspaces"

#define JOBS "/apis/batch/v1/namespaces/default/jobs"
/* A Job that can run. */
static const char job[] __attribute__((unused)) =
    "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":"
    "\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}";

static inline int
make_cm(const char *name, const char *more)
{
    char text[1024];

    snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"%s\"%s}}", name, more);
    return ask("POST", CMS, text);
}

#endif
