/* fuzz_kubeconfig.c - any text as a kubeconfig. */
#include <stdint.h>

#include "common/data/json.h"
#include "common/kube/kubeconfig_merge.h"
#include "common/data/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = ERR_INIT;
    json_t *file = yaml_parse_one((const char *)data, size, "f", &e);
    json_t *all = json_pack("{s:{}, s:{}, s:{}, s:[], s:[]}", "clusters", "users",
                            "contexts", "files", "warnings");

    if (file != NULL && kubeconfig_merge(all, file, "/tmp/config", &e) == 0)
        kubeconfig_free(kubeconfig_resolve(all, &(struct kubeconfig_options){0}, &e));
    json_decref(all);
    json_decref(file);
    return 0;
}
