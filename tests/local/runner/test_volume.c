/* test_volume.c - volumes as directories, and their mounts. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/runner/volume.h"

static char dir[64];

static void
make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/kt-volume.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void
remove_dir(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(volume, .init = make_dir, .fini = remove_dir);

static json_t *
pod_with(const char *volumes)
{
    json_t *v = json_loads(volumes, 0, NULL);

    cr_assert_not_null(v, "%s", volumes);
    return json_pack("{s:{s:s, s:s}, s:{s:o}}", "metadata", "name", "p", "namespace",
                     "ns", "spec", "volumes", v);
}

static const char *
read_file(const char *path)
{
    static char text[256];
    char full[256];

    snprintf(full, sizeof full, "%s/%s", dir, path);
    int fd = open(full, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

Test(volume, shows_keys_as_files_and_replaces_them_all_at_once)
{
    SCOPED(json)
    json_t *pod = pod_with(
        "[{\"name\": \"s\", \"secret\": {\"secretName\": \"x\", \"defaultMode\": 256}}]");
    SCOPED(json)
    json_t *one = json_loads(
        "{\"secret/x\": {\"data\": {\"a\": \"MQ==\", \"b\": \"Mg==\"}}}", 0, NULL);
    SCOPED(json)
    json_t *two = json_loads(
        "{\"secret/x\": {\"data\": {\"a\": \"Mw==\", \"b\": \"Mg==\"}}}", 0, NULL);
    struct err e = ERR_INIT;
    struct stat st;
    char path[128], first[64] = "", link[64] = "";

    cr_assert_eq(volume_make_all(pod, dir, one, geteuid(), &e), 0, "%s", e.text);
    cr_expect_str_eq(read_file("s/a"), "1");
    snprintf(path, sizeof path, "%s/s/a", dir);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0400);
    snprintf(path, sizeof path, "%s/s/..data", dir);
    cr_assert_gt(readlink(path, first, sizeof first - 1), 0);
    cr_assert_eq(volume_make_all(pod, dir, one, geteuid(), &e), 0);
    cr_assert_gt(readlink(path, link, sizeof link - 1), 0);
    cr_expect_str_eq(link, first, "the same values change nothing");
    cr_assert_eq(volume_make_all(pod, dir, two, geteuid(), &e), 0);
    cr_expect_str_eq(read_file("s/a"), "3");
    cr_expect_str_eq(read_file("s/b"), "2");
    snprintf(path, sizeof path, "%s/s/%s", dir, first);
    cr_expect_lt(stat(path, &st), 0, "the old values are still there");
}

Test(volume, takes_chosen_items_and_fields)
{
    SCOPED(json)
    json_t *pod = pod_with(
        "[{\"name\": \"p\", \"projected\": {\"sources\": [{\"configMap\": {\"name\": "
        "\"c\", \"items\": [{\"key\": \"k\", \"path\": \"deep/k\"}]}},"
        " {\"downwardAPI\": {\"items\": [{\"path\": \"n\", \"fieldRef\": {\"fieldPath\": "
        "\"metadata.name\"}}]}}]}},"
        " {\"name\": \"e\", \"emptyDir\": {}}]");
    SCOPED(json)
    json_t *values = json_loads(
        "{\"configmap/c\": {\"data\": {\"k\": \"v\", \"other\": \"o\"}}}", 0, NULL);
    struct err e = ERR_INIT;

    cr_assert_eq(volume_make_all(pod, dir, values, geteuid(), &e), 0, "%s", e.text);
    cr_expect_str_eq(read_file("p/deep/k"), "v");
    cr_expect_str_eq(read_file("p/n"), "p");
    cr_expect_str_eq(read_file("p/other"), "");
}

Test(volume, refuses_what_is_missing_or_leads_out)
{
    static const struct {
        const char *volumes, *why;
        enum err_code code;
    } rows[] = {
        {"[{\"name\": \"s\", \"secret\": {\"secretName\": \"no\"}}]",
         "volume \"s\": secret \"no\" not found", ERR_NOT_FOUND},
        {"[{\"name\": \"s\", \"secret\": {\"secretName\": \"x\", \"items\": [{\"key\": "
         "\"q\", \"path\": \"p\"}]}}]",
         "volume \"s\": references non-existent secret key: q", ERR_NOT_FOUND},
        {"[{\"name\": \"s\", \"secret\": {\"secretName\": \"x\", \"items\": [{\"key\": "
         "\"a\", \"path\": \"../p\"}]}}]",
         "volume \"s\": file path \"../p\" must be relative and without \"..\"",
         ERR_INVALID},
        {"[{\"name\": \"../s\", \"emptyDir\": {}}]",
         "spec.volumes[0].name: \"../s\" is not a volume name", ERR_INVALID},
        {"[{\"name\": \"n\", \"nfs\": {}}]",
         "volume \"n\": local mode knows emptyDir, hostPath, secret, configMap, "
         "downwardAPI and projected",
         ERR_INVALID},
    };
    SCOPED(json)
    json_t *values = json_loads("{\"secret/x\": {\"data\": {\"a\": \"MQ==\"}}}", 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        SCOPED(json) json_t *pod = pod_with(rows[i].volumes);
        cr_expect_eq(volume_make_all(pod, dir, values, geteuid(), &e), -1);
        cr_expect_str_eq(e.text, rows[i].why);
        cr_expect_eq(e.code, rows[i].code);
    }
}

Test(volume, mounts_files_read_only_and_directories_writable)
{
    SCOPED(json)
    json_t *pod = pod_with("[{\"name\": \"e\", \"emptyDir\": {}}, {\"name\": \"s\", "
                           "\"secret\": {\"secretName\": \"x\"}}]");
    SCOPED(json)
    json_t *values = json_loads("{\"secret/x\": {\"data\": {\"a\": \"MQ==\"}}}", 0, NULL);
    SCOPED(json)
    json_t *c =
        json_loads("{\"volumeMounts\": [{\"name\": \"e\", \"mountPath\": \"/e\"}, "
                   "{\"name\": \"e\", \"mountPath\": \"/r\", \"readOnly\": true},"
                   " {\"name\": \"s\", \"mountPath\": \"/s/a\", \"subPath\": \"a\"}]}",
                   0, NULL);
    SCOPED(launch) struct launch *l = launch_new();
    struct err e = ERR_INIT;

    cr_assert_eq(volume_make_all(pod, dir, values, geteuid(), &e), 0);
    cr_assert_eq(volume_mounts(pod, c, dir, l, &e), 0, "%s", e.text);
    cr_assert_eq(l->mount_count, 3);
    cr_expect_eq(l->mounts[0].flags, LAUNCH_WRITABLE);
    cr_expect_eq(l->mounts[1].flags, 0);
    cr_expect_eq(l->mounts[2].flags, 0);
    cr_expect_eq(strncmp(l->mounts[2].inside, "..", 2), 0, "not through the links");
    SCOPED(json)
    json_t *bad = json_loads(
        "{\"volumeMounts\": [{\"name\": \"zz\", \"mountPath\": \"/e\"}]}", 0, NULL);
    cr_assert_eq(volume_mounts(pod, bad, dir, l, &e), -1);
    cr_expect_str_eq(e.text, "volumeMounts[0]: there is no volume \"zz\"");
}
