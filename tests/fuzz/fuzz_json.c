/* fuzz_json.c - bytes of an API server: framing, events, lists, projections, trees. */
#include <stdint.h>
#include <stdlib.h>

#include "common/data/json.h"
#include "common/data/jsonframe.h"
#include "common/kube/kubestatus.h"
#include "common/kube/kubewire.h"
#include "common/limits.h"
#include "common/data/project.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct projection narrow = {
    .keep =
        (const char *const[]){"metadata.name", "spec.containers.name", "status", NULL},
    .drop = (const char *const[]){"status.conditions", NULL},
};

/* What was made must be well-formed, readable in place, and the same as a tree. */
static void
check_doc(const void *doc, size_t size)
{
    struct err e = ERR_INIT;

    if (project_check(doc, size, &e) < 0)
        abort();
    pview_at(pview_root(doc, size), "spec.containers[0].name");
    json_t *tree = project_to_json(doc, size, &e);
    if (tree == NULL)
        abort();
    struct buf again = BUF_INIT;
    if (project_tree(tree, NULL, &again, NULL, &e) == 0 &&
        project_check(again.data, again.size, &e) < 0)
        abort();
    buf_free(&again);
    json_decref(tree);
}

static int
on_doc(void *arg, const char *doc, size_t size, struct err *e)
{
    struct wire_event *ev = arg;

    if (wire_event_read(doc, size, &project_all, ev, e) == 0 && ev->has_object)
        check_doc(ev->doc.data, ev->doc.size);
    wire_event_read(doc, size, &narrow, ev, e);
    return 0;
}

static int
on_item(void *arg, const struct object_id *id, const void *doc, size_t size,
        struct err *e)
{
    (void)arg;
    (void)id;
    (void)e;
    check_doc(doc, size);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct err e = ERR_INIT;
    struct jsonframe f = {.limit = 100000};
    struct wire_event ev = WIRE_EVENT_INIT;
    struct buf doc = BUF_INIT;
    struct kube_status s;
    size_t half = size / 2;

    if (jsonframe_feed(&f, text, half, on_doc, &ev, &e) == 0)
        jsonframe_feed(&f, text + half, size - half, on_doc, &ev, &e);
    jsonframe_reset(&f);
    buf_free(&ev.doc);
    struct wire_list *l = wire_list_new(&project_all, on_item, NULL);
    if (wire_list_feed(l, text, half, &e) == 0 &&
        wire_list_feed(l, text + half, size - half, &e) == 0)
        wire_list_end(l, &e);
    wire_list_free(l);
    if (project_json(text, size, NULL, &doc, NULL, &e) == 0)
        check_doc(doc.data, doc.size);
    buf_free(&doc);
    json_decref(json_parse(text, size, 0, &e));
    kube_status_decode(&s, 409, text, size, false, "p");
    if (project_check(data, size, &e) == 0)
        json_decref(project_to_json(data, size, &e));
    pview_at(pview_root(data, size), "a.b[1]");
    return 0;
}
