/* model_server.c - a scripted model behind Anthropic's messages API, on loopback.
 *
 *     model_server --port-file F --api-key KEY --file PATH --content TEXT
 *                  [--command C] [--log F]
 *
 * The first turn asks for the Write tool (PATH, TEXT), the next for Bash (C, when given),
 * the last ends with one sentence; a request without tools gets a short text. A turn uses
 * 100 and 20 tokens. Strict: an unknown path, a missing or wrong key, a body that is
 * not a messages request is refused as the API refuses it, and noted in the log.
 * Answers both `stream: true` (server-sent events) and `stream: false`. */
#include <getopt.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/macros.h"
#include "common/scoped.h"

SCOPED_DEFINE_AS(json, json_t *, json_decref)

struct script {
    const char *port_file, *api_key, *file, *content, *command, *log;
    unsigned turns;
};

struct request {
    struct buf body;
};

static void
note(const struct script *s, const char *what, const char *detail)
{
    FILE *f = s->log != NULL ? fopen(s->log, "ae") : NULL;

    if (f == NULL)
        return;
    fprintf(f, "%s %s\n", what, detail);
    fclose(f);
}

static enum MHD_Result
reply(struct MHD_Connection *c, unsigned status, const char *type, const struct buf *body)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        body->size, (void *)buf_str(body), MHD_RESPMEM_MUST_COPY);

    MHD_add_response_header(r, "content-type", type);
    MHD_add_response_header(r, "request-id", "req_scripted");
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result
refuse(const struct script *s, struct MHD_Connection *c, unsigned status,
       const char *type, const char *why)
{
    SCOPED(buf) struct buf body = BUF_INIT;

    note(s, "REFUSED", why);
    buf_printf(&body,
               "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"}}",
               type, why);
    return reply(c, status, "application/json", &body);
}

/* ---- what the model says ---- */

/* How many tools have been run in this conversation. */
static size_t
results(const json_t *messages)
{
    size_t i, k, n = 0;
    json_t *m, *block;

    json_array_foreach((json_t *)messages, i, m)
    {
        json_array_foreach(json_object_get(m, "content"), k, block)
        {
            const char *type = json_string_value(json_object_get(block, "type"));
            n += type != NULL && strcmp(type, "tool_result") == 0;
        }
    }
    return n;
}

static bool
offers(const json_t *tools, const char *name)
{
    size_t i;
    json_t *tool;

    json_array_foreach(tools, i, tool)
    {
        const char *have = json_string_value(json_object_get(tool, "name"));
        if (have != NULL && strcmp(have, name) == 0)
            return true;
    }
    return false;
}

/* The content blocks of the answer, and why it stops. */
static json_t *
answer(struct script *s, const json_t *ask, const char **stop)
{
    size_t done = results(json_object_get(ask, "messages"));

    *stop = "end_turn";
    if (!offers(json_object_get(ask, "tools"), "Write"))
        return json_pack("[{s:s, s:s}]", "type", "text", "text", "A scripted model.");
    if (done == 0) {
        *stop = "tool_use";
        return json_pack("[{s:s, s:s}, {s:s, s:s, s:s, s:{s:s, s:s}}]", "type", "text",
                         "text", "I will write the file.", "type", "tool_use", "id",
                         "toolu_scripted_1", "name", "Write", "input", "file_path",
                         s->file, "content", s->content);
    }
    if (done == 1 && s->command != NULL) {
        *stop = "tool_use";
        return json_pack("[{s:s, s:s, s:s, s:{s:s, s:s}}]", "type", "tool_use", "id",
                         "toolu_scripted_2", "name", "Bash", "input", "command",
                         s->command, "description", "Commit and push");
    }
    return json_pack("[{s:s, s:s}]", "type", "text", "text",
                     "All done: the file is written.");
}

/* ---- how it is sent ---- */

static void
event(struct buf *out, const char *name, json_t *data)
{
    char *text = json_dumps(data, JSON_COMPACT);

    buf_printf(out, "event: %s\ndata: %s\n\n", name, text);
    free(text);
    json_decref(data);
}

static json_t *
message(const char *id, const json_t *ask, json_t *content, const char *stop, int output)
{
    return json_pack("{s:s, s:s, s:s, s:O?, s:o, s:s?, s:n, s:{s:i, s:i, s:i, s:i}}",
                     "id", id, "type", "message", "role", "assistant", "model",
                     json_object_get(ask, "model"), "content", content, "stop_reason",
                     stop, "stop_sequence", "usage", "input_tokens", 100, "output_tokens",
                     output, "cache_creation_input_tokens", 0, "cache_read_input_tokens",
                     0);
}

static void
stream_block(struct buf *out, size_t index, const json_t *block)
{
    bool tool = json_object_get(block, "input") != NULL;
    json_t *start = json_deep_copy(block), *delta;

    if (tool) {
        json_object_set_new(start, "input", json_object());
        char *input = json_dumps(json_object_get(block, "input"), JSON_COMPACT);
        delta =
            json_pack("{s:s, s:s}", "type", "input_json_delta", "partial_json", input);
        free(input);
    } else {
        json_object_set_new(start, "text", json_string(""));
        delta = json_pack("{s:s, s:O}", "type", "text_delta", "text",
                          json_object_get(block, "text"));
    }
    event(out, "content_block_start",
          json_pack("{s:s, s:I, s:o}", "type", "content_block_start", "index",
                    (json_int_t)index, "content_block", start));
    event(out, "content_block_delta",
          json_pack("{s:s, s:I, s:o}", "type", "content_block_delta", "index",
                    (json_int_t)index, "delta", delta));
    event(out, "content_block_stop",
          json_pack("{s:s, s:I}", "type", "content_block_stop", "index",
                    (json_int_t)index));
}

static void
stream_answer(struct buf *out, const char *id, const json_t *ask, const json_t *content,
              const char *stop)
{
    size_t i;
    json_t *block;

    event(out, "message_start",
          json_pack("{s:s, s:o}", "type", "message_start", "message",
                    message(id, ask, json_array(), NULL, 1)));
    json_array_foreach((json_t *)content, i, block)
    {
        stream_block(out, i, block);
    }
    event(out, "message_delta",
          json_pack("{s:s, s:{s:s, s:n}, s:{s:i}}", "type", "message_delta", "delta",
                    "stop_reason", stop, "stop_sequence", "usage", "output_tokens", 20));
    event(out, "message_stop", json_pack("{s:s}", "type", "message_stop"));
}

static enum MHD_Result
serve_message(struct script *s, struct MHD_Connection *c, const struct buf *body)
{
    SCOPED(json) json_t *ask = json_loadb(buf_str(body), body->size, 0, NULL);
    SCOPED(buf) struct buf out = BUF_INIT;
    const char *stop;
    char id[40];

    if (!json_is_string(json_object_get(ask, "model")) ||
        !json_is_integer(json_object_get(ask, "max_tokens")) ||
        json_array_size(json_object_get(ask, "messages")) == 0)
        return refuse(s, c, 400, "invalid_request_error",
                      "model, max_tokens and messages are needed");
    snprintf(id, sizeof id, "msg_scripted_%u", ++s->turns);
    SCOPED(json) json_t *content = answer(s, ask, &stop);
    note(s, "ANSWERED", stop);
    if (json_is_true(json_object_get(ask, "stream"))) {
        stream_answer(&out, id, ask, content, stop);
        return reply(c, 200, "text/event-stream; charset=utf-8", &out);
    }
    SCOPED(json) json_t *whole = message(id, ask, json_incref(content), stop, 20);
    char *text = json_dumps(whole, JSON_COMPACT);
    buf_add_str(&out, text);
    free(text);
    return reply(c, 200, "application/json", &out);
}

/* ---- the server ---- */

static bool
key_good(const struct script *s, struct MHD_Connection *c)
{
    const char *key = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "x-api-key");

    return key != NULL && strcmp(key, s->api_key) == 0;
}

static enum MHD_Result
route(struct script *s, struct MHD_Connection *c, const char *url, const char *method,
      const struct buf *body)
{
    SCOPED(buf) struct buf none = BUF_INIT;
    bool post = strcmp(method, "POST") == 0;

    note(s, method, url);
    if (strcmp(url, "/") == 0 &&
        (strcmp(method, "HEAD") == 0 || strcmp(method, "GET") == 0))
        return reply(c, 200, "text/plain", &none);
    if (!key_good(s, c))
        return refuse(s, c, 401, "authentication_error", "invalid x-api-key");
    if (post && strcmp(url, "/v1/messages/count_tokens") == 0) {
        buf_add_str(&none, "{\"input_tokens\":100}");
        return reply(c, 200, "application/json", &none);
    }
    if (post && strcmp(url, "/v1/messages") == 0)
        return serve_message(s, c, body);
    return refuse(s, c, 404, "not_found_error", "no such path");
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
           const char *version, const char *data, size_t *size, void **state)
{
    struct request *r = *state;

    (void)version;
    if (r == NULL) {
        *state = r = calloc(1, sizeof *r);
        if (r != NULL)
            r->body.limit = 32 << 20;
        return r != NULL ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        int rc = buf_add(&r->body, data, *size);
        *size = 0;
        return rc == 0 ? MHD_YES : MHD_NO;
    }
    return route(arg, c, url, method, &r->body);
}

static void
on_done(void *arg, struct MHD_Connection *c, void **state,
        enum MHD_RequestTerminationCode why)
{
    struct request *r = *state;

    (void)arg, (void)c, (void)why;
    if (r != NULL)
        buf_free(&r->body);
    free(r);
}

static int
write_port(const struct script *s, struct MHD_Daemon *d)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
    char draft[4096];

    snprintf(draft, sizeof draft, "%s.new", s->port_file);
    FILE *f = fopen(draft, "we");
    if (f == NULL || info == NULL)
        return -1;
    fprintf(f, "%u\n", (unsigned)info->port);
    fclose(f);
    return rename(draft, s->port_file);
}

int
main(int argc, char **argv)
{
    struct script s = {.api_key = "test-key",
                       .file = "/workspace/repo/hello.txt",
                       .content = "hello from a scripted model\n"};
    const struct option options[] = {{"port-file", required_argument, NULL, 'p'},
                                     {"api-key", required_argument, NULL, 'k'},
                                     {"file", required_argument, NULL, 'f'},
                                     {"content", required_argument, NULL, 'c'},
                                     {"command", required_argument, NULL, 'm'},
                                     {"log", required_argument, NULL, 'l'},
                                     {0}};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sigset_t set;
    int o, sig;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        const char **to = o == 'p'   ? &s.port_file
                          : o == 'k' ? &s.api_key
                          : o == 'f' ? &s.file
                          : o == 'c' ? &s.content
                          : o == 'm' ? &s.command
                          : o == 'l' ? &s.log
                                     : NULL;
        if (to == NULL)
            return 2;
        *to = optarg;
    }
    if (s.port_file == NULL) {
        fprintf(stderr, "usage: model_server --port-file F [--api-key K] [--file PATH] "
                        "[--content TEXT] [--log F]\n");
        return 2;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, &s,
                         MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_NOTIFY_COMPLETED, on_done,
                         NULL, MHD_OPTION_END);
    if (d == NULL || write_port(&s, d) < 0) {
        perror("model_server");
        return 1;
    }
    sigwait(&set, &sig);
    MHD_stop_daemon(d);
    return 0;
}
