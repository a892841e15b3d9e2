/* fault.h - an HTTP server that plays a script of answers and faults, in a child process.
 *
 *     static const struct fault_rule rules[] = {
 *         {"GET /api/v1/namespaces/d/pods/p", 1, 1, "drop"},
 *         {"GET /api/v1/namespaces/d/pods/p", 0, 0, "json {\"kind\":\"Pod\"}"},
 *     };
 *     struct fault *f = fault_start(rules, ARRAY_LEN(rules));
 *
 * The first rule whose text is contained in "METHOD target" and whose range holds the count
 * of requests that matched its text so far is played; without one the answer is 404 with a
 * text body. Steps stand on lines of their own:
 *
 *     delay MS          waits                     drop            closes without an answer
 *     reset             closes with a RST         status N        of the answer that follows
 *     header NAME: V    of the answer that follows
 *     json TEXT         answers with a body       text TEXT       the same as text/html
 *     cut N TEXT        declares all of TEXT, sends N bytes of it and closes
 *     stream            starts a chunked answer   event TEXT      one line of it
 *     split N TEXT      a line in chunks of N bytes
 *     raw TEXT          bytes without a newline   bytes N         a JSON list of texts, N bytes
 *     end               ends the chunked answer   close           closes the connection
 */
#ifndef KELOS_TESTS_SUPPORT_FAULT_H
#define KELOS_TESTS_SUPPORT_FAULT_H

#include <stddef.h>

struct fault_rule {
    const char *match;
    int from, to; /* of the matching requests, from 1; to 0: all that follow */
    const char *play;
};

struct fault;

/* Ends the test process when it cannot start. */
struct fault *fault_start(const struct fault_rule *rules, size_t n);
/* The same behind TLS with the PEM files. */
struct fault *fault_start_tls(const struct fault_rule *rules, size_t n, const char *cert,
                              const char *key);
void fault_stop(struct fault *f);

/* "http://127.0.0.1:PORT"; borrowed. */
const char *fault_url(const struct fault *f);
int fault_port(const struct fault *f);

/* Requests seen so far, and one of them: "METHOD target\nName: value\n…\n\nbody". */
int fault_count(const struct fault *f);
const char *fault_request(const struct fault *f, int i);
/* How many contain the text. */
int fault_matching(const struct fault *f, const char *text);
/* Milliseconds (monotonic) when request i came. */
long long fault_time_ms(const struct fault *f, int i);

#endif
