/* test_project.c - projections: made from the wire, read in place. */
#include "common/data/project.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/data/json.h"
#include "common/data/jsonframe.h"
#include "common/kube/kubewire.h"
#include "common/limits.h"
#include "tests/support/rows.h"

static const char task[] = "{\"kind\":\"Task\",\"metadata\":{\"name\":\"a\","
                           "\"namespace\":\"d\",\"uid\":\"u\",\"resourceVersion\":"
                           "\"5\",\"managedFields\":[{\"x\":{\"y\":1}}],\"annotations\":{"
                           "\"kubectl.kubernetes.io/"
                           "last-applied-configuration\":\"{}\",\"keep\":\"me\"}},"
                           "\"spec\":{\"n\":[1,-1,127,128,255,256,65536,"
                           "-33,-129,-40000,-3000000000,4294967296,9223372036854775807],"
                           "\"f\":0.25,\"t\":true,\"z\":null,"
                           "\"long\":\"0123456789012345678901234567890123456789\",\"c\":["
                           "{\"name\":\"x\",\"image\":\"i\"},"
                           "{\"name\":\"y\"}]}}";

Test(project, holds_all_but_what_is_dropped)
{
    struct buf doc = BUF_INIT;
    struct object_id id;
    struct err e = ERR_INIT;

    cr_assert_eq(project_json(task, strlen(task), &project_all, &doc, &id, &e), 0, "%s",
                 e.text);
    cr_assert_str_eq(id.ns, "d");
    cr_assert_str_eq(id.name, "a");
    cr_assert_str_eq(id.uid, "u");
    cr_assert_str_eq(id.version, "5");
    SCOPED(json) json_t *want = json_parse(task, strlen(task), 0, &e);
    json_drop(want, "metadata.managedFields");
    json_drop(want,
              "metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]");
    SCOPED(json) json_t *have = project_to_json(doc.data, doc.size, &e);
    cr_assert(json_equal(want, have));
    cr_assert_lt(doc.size, strlen(task) / 2 + 100);
    row_claim("KC/OBJ-6");
    buf_free(&doc);
}

Test(project, keeps_only_what_a_table_names)
{
    const struct projection p = {
        .keep = (const char *const[]){"metadata.name", "spec.c.name", "spec.t", "status",
                                      NULL},
        .drop = (const char *const[]){"metadata.name.x", NULL},
    };
    struct buf doc = BUF_INIT;
    struct err e = ERR_INIT;

    cr_assert_eq(project_json(task, strlen(task), &p, &doc, NULL, &e), 0, "%s", e.text);
    SCOPED(json) json_t *have = project_to_json(doc.data, doc.size, &e);
    SCOPED(string) char *text = json_dump_canonical(have);
    cr_assert_str_eq(
        text,
        "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"c\":[{\"name\":\"x\"},{\"name\":"
        "\"y\"}],\"t\":true}}");
    buf_free(&doc);
}

Test(project, is_the_same_from_a_tree_and_from_text)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    struct err e = ERR_INIT;
    SCOPED(json) json_t *tree = json_parse(task, strlen(task), 0, &e);

    cr_assert_eq(project_json(task, strlen(task), &project_all, &a, NULL, &e), 0);
    cr_assert_eq(project_tree(tree, &project_all, &b, NULL, &e), 0);
    cr_assert_eq(a.size, b.size);
    cr_assert_eq(memcmp(a.data, b.data, a.size), 0);
    buf_free(&a);
    buf_free(&b);
}

Test(project, reads_in_place)
{
    struct buf doc = BUF_INIT;
    struct err e = ERR_INIT;
    char text[8];

    cr_assert_eq(project_json(task, strlen(task), NULL, &doc, NULL, &e), 0);
    struct pview v = pview_root(doc.data, doc.size);
    cr_assert(pview_is(pview_at(v, "metadata.annotations[keep]"), "me"));
    cr_assert_eq(pview_int(pview_at(v, "spec.n[11]"), 0), 4294967296);
    cr_assert_eq(pview_int(pview_at(v, "spec.n[10]"), 0), -3000000000);
    cr_assert(pview_bool(pview_at(v, "spec.t"), false));
    cr_assert(!pview_present(pview_at(v, "spec.z")));
    cr_assert(!pview_present(pview_at(v, "spec.c[2]")));
    cr_assert_eq(pview_count(pview_at(v, "spec.n")), 13);
    cr_assert_eq(pview_copy(pview_at(v, "spec.long"), text, sizeof text), -1);
    cr_assert_str_eq(text, "0123456");
    int keys = 0;
    for (struct pview_iter it = pview_iter(pview_at(v, "metadata")); pview_next(&it);)
        keys++;
    cr_assert_eq(keys, 6);
    buf_free(&doc);
}

Test(project, refuses_broken_bytes_and_reads_them_safely)
{
    struct buf doc = BUF_INIT;
    struct err e = ERR_INIT;

    cr_assert_eq(project_json(task, strlen(task), NULL, &doc, NULL, &e), 0);
    cr_assert_eq(project_check(doc.data, doc.size, &e), 0);
    for (size_t i = 0; i < doc.size; i++) {
        cr_assert_eq(project_check(doc.data, i, &e), -1, "cut at %zu", i);
        pview_at(pview_root(doc.data, i), "spec.c[1].name");
    }
    static const char *const lies[] = {"\xdf\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff",
                                       "\xdb\xff\xff\xff\xff", "\xc1", "\x81\x01\x01"};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        cr_assert_eq(project_check(lies[i], strlen(lies[i]), &e), -1);
    buf_free(&doc);
}

Test(project, gives_back_what_it_had_when_the_text_is_bad)
{
    static const char long_uid[] =
        "{\"metadata\":{\"uid\":"
        "\"01234567890123456789012345678901234567890123456789012345678901234567890\"}}";
    static const char *const bads[] = {"", "{", "{\"a\":}", "{} x", long_uid};
    struct buf doc = BUF_INIT;

    buf_add_str(&doc, "before");
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        struct err e = ERR_INIT;
        cr_expect_eq(project_json(bads[i], strlen(bads[i]), NULL, &doc, NULL, &e), -1,
                     "%s", bads[i]);
        cr_expect_eq(e.code, ERR_PROTO, "%s: %s", bads[i], e.text);
        cr_expect_str_eq(doc.data, "before");
    }
    buf_free(&doc);
}

/* ---- the wire ---- */

static int
keep(void *arg, const char *doc, size_t size, struct err *e)
{
    (void)e;
    buf_add(arg, doc, size);
    return buf_add_char(arg, '|');
}

Test(wire, cuts_a_stream_at_the_same_places_wherever_it_is_split)
{
    static const char stream[] = "{\"a\":\"}\\\"{\\u00e9\xc3\xa9\"}\n{\"b\":[1,{}]}\r\n "
                                 "\t{\"c\":1}{\"d\":\"\\\\\"}\n[1]\n";
    static const char want[] = "{\"a\":\"}\\\"{\\u00e9\xc3\xa9\"}|{\"b\":[1,{}]}|{\"c\":"
                               "1}|{\"d\":\"\\\\\"}|[1]|";
    size_t size = strlen(stream);

    for (size_t cut = 0; cut <= size; cut++) {
        struct jsonframe f = {.limit = 1000};
        struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        cr_assert_eq(jsonframe_feed(&f, stream, cut, keep, &out, &e), 0);
        cr_assert_eq(jsonframe_feed(&f, stream + cut, size - cut, keep, &out, &e), 0);
        cr_assert_str_eq(out.data, want, "cut at %zu", cut);
        cr_assert(!jsonframe_partial(&f));
        jsonframe_reset(&f);
        buf_free(&out);
    }
    struct jsonframe f = {.limit = 1000};
    struct buf out = BUF_INIT;
    struct err e = ERR_INIT;
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(jsonframe_feed(&f, stream + i, 1, keep, &out, &e), 0);
    cr_assert_str_eq(out.data, want);
    cr_assert_eq(jsonframe_feed(&f, "{\"half\":", 8, keep, &out, &e), 0);
    cr_assert(jsonframe_partial(&f));
    cr_assert_eq(jsonframe_feed(&f, stream, 1000000 > size ? size : 0, keep, &out, &e),
                 0);
    jsonframe_reset(&f);
    buf_free(&out);
    row_claim("KC/WATCH-7");
}

Test(wire, bounds_a_document)
{
    struct jsonframe f = {.limit = 10};
    struct buf out = BUF_INIT;
    struct err e = ERR_INIT;

    cr_assert_eq(jsonframe_feed(&f, "{\"a\":\"01234", 11, keep, &out, &e), -1);
    cr_assert_eq(e.code, ERR_LIMIT);
    jsonframe_reset(&f);
    cr_assert_eq(jsonframe_feed(&f, "}", 1, keep, &out, &e), -1);
    cr_assert_eq(e.code, ERR_PROTO);
    jsonframe_reset(&f);
    buf_free(&out);
}

static int
name_of(void *arg, const struct object_id *id, const void *doc, size_t size,
        struct err *e)
{
    if (project_check(doc, size, e) < 0)
        return -1;
    return buf_printf(arg, "%s@%s ", id->name, id->version);
}

Test(wire, reads_a_list_in_pieces_of_any_size)
{
    static const char page[] = "{\"kind\":\"TaskList\",\"metadata\":{\"resourceVersion\":"
                               "\"77\",\"continue\":\"to\\\"ken\"},\"items\":["
                               "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"3\"},"
                               "\"items\":[{\"metadata\":{\"name\":\"no\"}}]},"
                               "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"4\"}}"
                               "],\"extra\":{\"items\":[{}]}}";

    for (size_t step = 1; step < 64; step++) {
        struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        SCOPED(wire_list)
        struct wire_list *l = wire_list_new(&project_all, name_of, &out);
        for (size_t i = 0; i < strlen(page); i += step) {
            size_t n = strlen(page) - i < step ? strlen(page) - i : step;
            cr_assert_eq(wire_list_feed(l, page + i, n, &e), 0, "%s", e.text);
        }
        cr_assert_eq(wire_list_end(l, &e), 0, "%s", e.text);
        cr_assert_str_eq(out.data, "a@3 b@4 ");
        cr_assert_str_eq(wire_list_version(l), "77");
        cr_assert_str_eq(wire_list_continue(l), "to\"ken");
        buf_free(&out);
    }
}

Test(wire, tells_a_whole_list_from_a_cut_one)
{
    static const char *const bads[] = {
        "", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[", "{}", "<html>",
        "{\"items\":[1]}"};

    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        SCOPED(wire_list) struct wire_list *l = wire_list_new(NULL, name_of, &out);
        int rc = wire_list_feed(l, bads[i], strlen(bads[i]), &e);
        if (rc == 0)
            rc = wire_list_end(l, &e);
        cr_expect_eq(rc, -1, "%s", bads[i]);
        buf_free(&out);
    }
}

Test(wire, reads_events)
{
    struct wire_event ev = WIRE_EVENT_INIT;
    struct err e = ERR_INIT;
    static const char late[] = "{\"object\":{\"metadata\":{\"name\":\"a\",\"uid\":\"u\","
                               "\"annotations\":{\"k8s.io/"
                               "initial-events-end\":\"true\"},\"resourceVersion\":\"9\"}"
                               "},\"type\":\"BOOKMARK\"}";

    cr_assert_eq(wire_event_read(late, strlen(late), NULL, &ev, &e), 0, "%s", e.text);
    cr_assert_eq(ev.type, WIRE_BOOKMARK);
    cr_assert(ev.initial_end && ev.has_object);
    cr_assert_str_eq(ev.id.version, "9");
    cr_assert_eq(wire_event_read("{\"type\":\"NEW\"}", 14, NULL, &ev, &e), 0);
    cr_assert_eq(ev.type, WIRE_UNKNOWN);
    cr_assert(!ev.has_object && !ev.initial_end);
    cr_assert_eq(wire_event_read("{\"type\":", 8, NULL, &ev, &e), -1);
    buf_free(&ev.doc);
}
