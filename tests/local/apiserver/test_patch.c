/* test_patch.c - JSON patch and strategic merge patch. */
#include <criterion/criterion.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/schema/builtin.h"
#include "local/apiserver/patch/patch.h"

struct patch_case {
    const char *label, *target, *patch, *wanted; /* wanted NULL: refused */
};

static void
expect(const struct patch_case *row, json_t *got)
{
    SCOPED(json)
    json_t *wanted = row->wanted != NULL ? json_loads(row->wanted, 0, NULL) : NULL;
    SCOPED(string) char *text = got != NULL ? json_dumps(got, JSON_COMPACT) : NULL;

    if (row->wanted == NULL)
        cr_expect(got == NULL, "%s: %s", row->label, text);
    else
        cr_expect(got != NULL && json_equal(got, wanted), "%s: %s", row->label, text);
    json_decref(got);
}

Test(patch, json_patch_follows_rfc_6902)
{
    static const struct patch_case rows[] = {
        {"add a member", "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]",
         "{\"a\":1,\"b\":2}"},
        {"insert an item", "{\"l\":[1,3]}",
         "[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":2}]", "{\"l\":[1,2,3]}"},
        {"append", "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":2}]",
         "{\"l\":[1,2]}"},
        {"remove", "{\"a\":1,\"b\":2}", "[{\"op\":\"remove\",\"path\":\"/a\"}]",
         "{\"b\":2}"},
        {"replace", "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":null}]",
         "{\"a\":null}"},
        {"move", "{\"a\":{\"b\":1},\"c\":{}}",
         "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c/d\"}]",
         "{\"a\":{},\"c\":{\"d\":1}}"},
        {"copy", "{\"a\":[1]}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]",
         "{\"a\":[1],\"b\":[1]}"},
        {"test that holds", "{\"a\":1}",
         "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1}]", "{\"a\":1}"},
        {"escapes", "{\"a/b\":{\"c~d\":1}}",
         "[{\"op\":\"remove\",\"path\":\"/a~1b/c~0d\"}]", "{\"a/b\":{}}"},
        {"test that fails", "{\"a\":1}",
         "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL},
        {"remove what is not there", "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", NULL},
        {"replace what is not there", "{}",
         "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]", NULL},
        {"a parent that is not there", "{}",
         "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", NULL},
        {"an index behind the end", "{\"l\":[]}",
         "[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":1}]", NULL},
        {"a leading zero", "{\"l\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/l/01\"}]",
         NULL},
        {"into itself", "{\"a\":{}}",
         "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL},
        {"unknown operation", "{}", "[{\"op\":\"frob\",\"path\":\"/a\",\"value\":1}]",
         NULL},
        {"no list", "{}", "{}", NULL},
        {"nothing is left", "{\"a\":1}",
         "[{\"op\":\"replace\",\"path\":\"\",\"value\":3}]", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        SCOPED(json) json_t *target = json_loads(rows[i].target, 0, NULL);
        SCOPED(json) json_t *patch = json_loads(rows[i].patch, 0, NULL);

        expect(&rows[i], patch_json(target, patch, &e));
    }
}

Test(patch, strategic_merge_knows_the_keys_of_lists)
{
    static const char pod[] =
        "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"env\":[{\"name\":"
        "\"E\",\"value\":\"1\"}]},{\"name\":\"b\",\"image\":\"y\"}],"
        "\"tolerations\":[{\"key\":\"t\"}],\"nodeSelector\":{\"k\":\"v\",\"l\":\"w\"}},"
        "\"metadata\":{\"finalizers\":[\"f/1\",\"f/2\"]}}";
    static const struct patch_case rows[] = {
        {"an item is merged by its name", pod,
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"z\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"z\",\"env\":[{\"name\":"
         "\"E\",\"value\":\"1\"}]},{\"name\":\"b\",\"image\":\"y\"}],"
         "\"tolerations\":[{\"key\":\"t\"}],\"nodeSelector\":{\"k\":\"v\",\"l\":\"w\"}},"
         "\"metadata\":{\"finalizers\":[\"f/1\",\"f/2\"]}}"},
        {"nested lists too, and deletion", pod,
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"F\",\"value\":"
         "\"2\"}]},{\"name\":\"b\",\"$patch\":\"delete\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"env\":[{\"name\":"
         "\"E\",\"value\":\"1\"},{\"name\":\"F\",\"value\":\"2\"}]}],"
         "\"tolerations\":[{\"key\":\"t\"}],\"nodeSelector\":{\"k\":\"v\",\"l\":\"w\"}},"
         "\"metadata\":{\"finalizers\":[\"f/1\",\"f/2\"]}}"},
        {"atomic lists are replaced, null deletes", pod,
         "{\"spec\":{\"tolerations\":[{\"key\":\"u\"}],\"nodeSelector\":{\"k\":null},"
         "\"containers\":[{\"$patch\":\"replace\"},{\"name\":\"c\",\"image\":\"i\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"tolerations\":[{"
         "\"key\":\"u\"}],\"nodeSelector\":{\"l\":\"w\"}},\"metadata\":{\"finalizers\":["
         "\"f/1\",\"f/2\"]}}"},
        {"primitive lists are sets", pod,
         "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"f/"
         "1\"],\"finalizers\":[\"f/3\"]},\"spec\":null}",
         "{\"metadata\":{\"finalizers\":[\"f/2\",\"f/3\"]}}"},
        {"an order is kept", pod,
         "{\"spec\":{\"$setElementOrder/"
         "containers\":[{\"name\":\"b\"},{\"name\":\"a\"}],\"tolerations\":null,"
         "\"nodeSelector\":{\"$patch\":\"replace\",\"n\":\"o\"}},\"metadata\":null}",
         "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"y\"},{\"name\":\"a\","
         "\"image\":\"x\",\"env\":[{\"name\":\"E\",\"value\":\"1\"}]}],\"nodeSelector\":{"
         "\"n\":\"o\"}}}"},
        {"an item without its key", pod,
         "{\"spec\":{\"containers\":[{\"image\":\"z\"}]}}", NULL},
        {"an unknown directive", pod, "{\"spec\":{\"$patch\":\"frob\"}}", NULL},
    };
    SCOPED(schema_set) struct schema_set *set = schema_set_new();
    const struct schema *schema = builtin_schema(set, "Pod");

    cr_assert(schema != NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        SCOPED(json) json_t *target = json_loads(rows[i].target, 0, NULL);
        SCOPED(json) json_t *patch = json_loads(rows[i].patch, 0, NULL);

        expect(&rows[i], patch_strategic(schema, target, patch, &e));
    }
    builtin_release();
}
