/* test_reflectorsecret.c - of Secrets nothing but metadata is asked for and kept. */
#include "tests/watcher/reflectorfixture.h"

#define META_ONLY(name, uid, rv)                                                         \
    "{\"kind\":\"PartialObjectMetadata\",\"metadata\":{\"name\":\"" name                 \
    "\",\"namespace\":\"d\",\"uid\":\"" uid "\",\"resourceVersion\":\"" rv               \
    "\",\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":"          \
    "\"{HIDDEN}\",\"a\":\"HIDDEN\"}},\"data\":{\"k\":\"HIDDEN\"}}"

Test(reflectorsecret, asks_for_the_metadata_of_secrets_and_keeps_no_more_than_their_names)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "stream\n" EVENT("ADDED", META_ONLY("a", "u1", "3")) END_OF_LIST("5")
             EVENT("MODIFIED", META_ONLY("a", "u1", "6")) "delay 60000"}};
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_SECRET);
    cr_assert(sees(&r, "+a@u1:6 "));
    cr_assert(request_has(&r, 0, "GET /api/v1/secrets?"));
    cr_assert(request_has(
        &r, 0, "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1\n"));
    const struct entry *e = cache_find(r.shelf.cache, "d", "a");
    cr_assert(e != NULL && memmem(entry_doc(e), e->doc_size, "HIDDEN", 6) == NULL);
    rig_down(&r);
}

Test(reflectorsecret, asks_for_the_metadata_of_secrets_in_pages_too)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "status 422\njson "
         "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"details\":"
         "{\"causes\":[{\"field\":\"sendInitialEvents\"}]}}"},
        {"watch=true", 0, 0, "stream\ndelay 60000"},
        {"secrets?", 0, 0,
         "json {\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" META_ONLY(
             "a", "u1", "3") "]}"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_SECRET);
    cr_assert(sees(&r, "+a@u1:3 "));
    cr_assert(request_has(&r, 1,
                          "Accept: application/json;as=PartialObjectMetadataList;g=meta."
                          "k8s.io;v=v1\n"));
    rig_down(&r);
}

Test(reflectorsecret, lets_the_rest_go_on_where_secrets_may_not_be_watched)
{
    static const struct fault_rule rules[] = {
        {"GET", 0, 0, "status 403\njson " STATUS("403", "Forbidden")},
    };
    struct rig secrets, tasks;

    rig_up(&secrets, rules, ARRAY_LEN(rules), KIND_SECRET);
    cr_assert(asked(&secrets, LIST, 2));
    cr_assert(secrets.shelf.complete && reflector_degraded(secrets.reflector));
    rig_down(&secrets);
    rig_up(&tasks, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(asked(&tasks, LIST, 2));
    cr_assert(!tasks.shelf.complete, "what decisions depend on is waited for");
    rig_down(&tasks);
}
