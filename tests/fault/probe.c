/* probe.c - looks at local mode from outside: how long after now does a new Task have its Job,
 * how long until its agent has written its first byte.
 *
 *   probe KUBECONFIG NAMESPACE setup       makes the namespace and a Secret
 *   probe KUBECONFIG NAMESPACE job NAME    makes a Task, prints ms until its Job is there
 *   probe KUBECONFIG NAMESPACE started NAME SINCE   prints ms from SINCE (wall clock) to the
 *                                          first line that the Task's agent wrote
 *   probe KUBECONFIG NAMESPACE pods        prints "<task> <pods>" for each Task with Pods
 */
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"

#define GIVE_UP_MS 30000

struct probe {
    char server[256], token[256];
    const char *ns;
    CURL *curl;
    struct curl_slist *headers;
    struct buf body;
};

static size_t
take(char *data, size_t one, size_t n, void *arg)
{
    struct probe *p = arg;

    return buf_add(&p->body, data, one * n) == 0 ? one * n : 0;
}

static int
read_kubeconfig(struct probe *p, const char *path)
{
    FILE *f = fopen(path, "re");
    char line[1024];

    if (f == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL) {
        sscanf(line, " server: %255s", p->server);
        sscanf(line, " - cluster: {server: %255[^,}]", p->server);
        sscanf(line, " token: %255s", p->token);
    }
    fclose(f);
    return p->server[0] != '\0' && p->token[0] != '\0' ? 0 : -1;
}

/* Returns the HTTP status, 0 when nobody answered. */
static long
call(struct probe *p, const char *path, const char *json)
{
    char url[1024];
    long status = 0;

    snprintf(url, sizeof url, "%s%s", p->server, path);
    buf_clear(&p->body);
    curl_easy_setopt(p->curl, CURLOPT_URL, url);
    curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(p->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
    if (json != NULL)
        curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, json);
    else
        curl_easy_setopt(p->curl, CURLOPT_HTTPGET, 1L);
    if (curl_easy_perform(p->curl) != CURLE_OK)
        return 0;
    curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* Tries until one of two statuses comes; the server may just be dying. */
static int
insist(struct probe *p, const char *path, const char *json, long good, long fine)
{
    int64_t until = clock_mono_ms() + GIVE_UP_MS;
    long status;

    while ((status = call(p, path, json)) != good && status != fine) {
        if (clock_mono_ms() > until) {
            fprintf(stderr, "%s: HTTP %ld %s\n", path, status, buf_str(&p->body));
            return -1;
        }
        usleep(5000);
    }
    return 0;
}

static int
setup(struct probe *p)
{
    char path[512], json[1024];

    snprintf(
        json, sizeof json,
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}",
        p->ns);
    if (insist(p, "/api/v1/namespaces", json, 201, 409) < 0)
        return 1;
    snprintf(path, sizeof path, "/api/v1/namespaces/%s/secrets", p->ns);
    return insist(p, path,
                  "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":"
                  "\"probe\"},"
                  "\"data\":{\"ANTHROPIC_API_KEY\":\"eA==\"}}",
                  201, 409) < 0;
}

static int
job(struct probe *p, const char *name)
{
    char path[512], json[1024];
    int64_t start = clock_mono_ms();

    snprintf(path, sizeof path, "/apis/kelos.dev/v1alpha1/namespaces/%s/tasks", p->ns);
    snprintf(
        json, sizeof json,
        "{\"apiVersion\":\"kelos.dev/"
        "v1alpha1\",\"kind\":\"Task\",\"metadata\":{\"name\":\"%s\"},"
        "\"spec\":{\"type\":\"claude-code\",\"image\":\"demo\",\"prompt\":\"probe\","
        "\"credentials\":{\"type\":\"api-key\",\"secretRef\":{\"name\":\"probe\"}}}}",
        name);
    if (insist(p, path, json, 201, 409) < 0)
        return 1;
    snprintf(path, sizeof path, "/apis/batch/v1/namespaces/%s/jobs/%s", p->ns, name);
    if (insist(p, path, NULL, 200, 200) < 0)
        return 1;
    printf("%lld\n", (long long)(clock_mono_ms() - start));
    return 0;
}

static int
pods(struct probe *p)
{
    char path[512];
    json_t *root, *counts = json_object(), *item;
    const char *name;
    json_t *count;
    size_t i;

    snprintf(path, sizeof path, "/api/v1/namespaces/%s/pods", p->ns);
    if (insist(p, path, NULL, 200, 200) < 0 ||
        (root = json_loads(buf_str(&p->body), 0, NULL)) == NULL)
        return 1;
    json_array_foreach(json_object_get(root, "items"), i, item)
    {
        json_t *labels = json_object_get(json_object_get(item, "metadata"), "labels");
        const char *task = json_string_value(json_object_get(labels, "kelos.dev/task"));

        if (task != NULL)
            json_object_set_new(
                counts, task,
                json_integer(json_integer_value(json_object_get(counts, task)) + 1));
    }
    json_object_foreach(counts, name, count)
        printf("%s %lld\n", name, json_integer_value(count));
    json_decref(counts);
    json_decref(root);
    return 0;
}

/* The first Pod of a Task into name, "" when there is none yet. */
static int
pod_of(struct probe *p, const char *task, char *name, size_t size)
{
    char path[512];
    json_t *root, *first;
    const char *found;

    name[0] = '\0';
    snprintf(path, sizeof path,
             "/api/v1/namespaces/%s/pods?labelSelector=kelos.dev/task=%s", p->ns, task);
    if (insist(p, path, NULL, 200, 200) < 0)
        return -1;
    root = json_loads(buf_str(&p->body), 0, NULL);
    first = json_array_get(json_object_get(root, "items"), 0);
    found =
        json_string_value(json_object_get(json_object_get(first, "metadata"), "name"));
    if (found != NULL)
        snprintf(name, size, "%s", found);
    json_decref(root);
    return 0;
}

static int
started(struct probe *p, const char *task, int64_t since_ms)
{
    int64_t until = clock_mono_ms() + GIVE_UP_MS, wrote_ms;
    char pod[256] = "", path[600], stamp[64];

    while (clock_mono_ms() < until) {
        usleep(20000); /* rarely: asking must not slow what is measured */
        if (pod[0] == '\0' && pod_of(p, task, pod, sizeof pod) < 0)
            return 1;
        if (pod[0] == '\0')
            continue;
        snprintf(
            path, sizeof path,
            "/api/v1/namespaces/%s/pods/%s/log?container=claude-code&timestamps=true",
            p->ns, pod);
        if (call(p, path, NULL) != 200 || sscanf(buf_str(&p->body), "%63s", stamp) != 1)
            continue;
        if (rfc3339_parse(stamp, &wrote_ms) < 0) {
            fprintf(stderr, "%s: no timestamp: %s\n", path, stamp);
            return 1;
        }
        printf("%lld\n", (long long)(wrote_ms - since_ms));
        return 0;
    }
    fprintf(stderr, "%s: no log line within %d s\n", task, GIVE_UP_MS / 1000);
    return 1;
}

int
main(int argc, char **argv)
{
    struct probe p = {.body = BUF_INIT};
    char header[300];
    int rc = 2;

    if (argc < 4 || read_kubeconfig(&p, argv[1]) < 0) {
        fprintf(stderr, "usage: probe KUBECONFIG NAMESPACE setup|pods|job NAME\n");
        return 2;
    }
    p.ns = argv[2];
    p.curl = curl_easy_init();
    snprintf(header, sizeof header, "Authorization: Bearer %s", p.token);
    p.headers = curl_slist_append(p.headers, header);
    p.headers = curl_slist_append(p.headers, "Content-Type: application/json");
    if (strcmp(argv[3], "setup") == 0)
        rc = setup(&p);
    else if (strcmp(argv[3], "pods") == 0)
        rc = pods(&p);
    else if (strcmp(argv[3], "job") == 0 && argc == 5)
        rc = job(&p, argv[4]);
    else if (strcmp(argv[3], "started") == 0 && argc == 6)
        rc = started(&p, argv[4], strtoll(argv[5], NULL, 10));
    curl_slist_free_all(p.headers);
    curl_easy_cleanup(p.curl);
    buf_free(&p.body);
    return rc;
}
