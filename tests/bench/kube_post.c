/* kube_post.c - a bare loop over our own client: the same POSTs that a controller makes, and
 * nothing else.
 *
 *   kube_post KUBECONFIG RESOURCE PREFIX COUNT NAMESPACES AT-ONCE < OBJECT
 *
 * Creates PREFIX-0 .. as copies of the JSON object on stdin, spread over the namespaces bench-0
 * .. bench-(NAMESPACES-1), AT-ONCE of them at a time or as many as the client lets through. With
 * "delete" for an object's text it deletes them. Prints how long it took, in ms. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kube/kube.h"

struct post {
    struct kube *kube;
    const struct kube_resource *res;
    const char *prefix;
    json_t *object; /* NULL: delete */
    int next, count, namespaces, at_once, under_way, failed;
    bool done;
};

static void go_on(struct post *p);

static void
on_done(void *arg, const struct kube_result *r)
{
    struct post *p = arg;

    p->under_way--;
    if (r->err.code != ERR_NONE && r->err.code != ERR_EXISTS && p->failed++ == 0)
        fprintf(stderr, "kube_post: %s\n", r->err.text);
    go_on(p);
}

static void
send_one(struct post *p, int i)
{
    char name[128], ns[32];
    struct err e = ERR_INIT;
    json_t *body = NULL;

    snprintf(name, sizeof name, "%s-%d", p->prefix, i);
    snprintf(ns, sizeof ns, "bench-%d", i % p->namespaces);
    if (p->object != NULL) {
        body = json_deep_copy(p->object);
        json_t *meta = json_object_get(body, "metadata");
        json_object_set_new(meta, "name", json_string(name));
        json_object_set_new(meta, "namespace", json_string(ns));
    }
    const struct kube_request r = {.verb = body != NULL ? KUBE_CREATE : KUBE_DELETE,
                                   .res = p->res,
                                   .ns = ns,
                                   .name = name,
                                   .body = body,
                                   .accept = KUBE_ACCEPT_META,
                                   .deadline_ms = 120000,
                                   .repeat = body != NULL ? KUBE_REPEAT_NAMED
                                                          : KUBE_REPEAT_AUTO};
    p->under_way++;
    if (kube_call(p->kube, &r, on_done, p, &e) == NULL) {
        p->under_way--;
        p->failed++;
        fprintf(stderr, "kube_post: %s\n", e.text);
    }
    json_decref(body);
}

static void
go_on(struct post *p)
{
    while (p->next < p->count && p->under_way < p->at_once)
        send_one(p, p->next++);
    p->done = p->under_way == 0;
}

int
main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    struct post p = {.object = NULL};

    if (argc != 7) {
        fprintf(stderr, "usage: kube_post KUBECONFIG RESOURCE PREFIX COUNT NAMESPACES AT-ONCE\n");
        return 2;
    }
    const struct kubeconfig_options o = {.path = argv[1]};
    struct kubeconfig *config = kubeconfig_load(&o, &e);
    struct loop *loop = loop_poll_new(&e);
    const struct kube_options options = {.actor = KUBE_AS_USER, .program = "kube-post"};

    p.res = kube_res_find(NULL, argv[2]);
    p.prefix = argv[3];
    p.count = atoi(argv[4]);
    p.namespaces = atoi(argv[5]);
    p.at_once = atoi(argv[6]);
    p.object = json_loadf(stdin, 0, NULL);
    if (config == NULL || loop == NULL || p.res == NULL || p.namespaces < 1 || p.at_once < 1 ||
        (p.kube = kube_new(loop, &config, &options, &e)) == NULL) {
        fprintf(stderr, "kube_post: %s\n", p.res == NULL ? argv[2] : e.text);
        return 1;
    }
    int64_t start = clock_mono_ms();
    go_on(&p);
    if (!p.done)
        loop_poll_run(loop, &p.done, -1, &e);
    printf("%lld\n", (long long)(clock_mono_ms() - start));
    kube_free(p.kube);
    loop_free(loop);
    json_decref(p.object);
    return p.failed != 0;
}
