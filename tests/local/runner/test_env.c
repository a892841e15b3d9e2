/* test_env.c - a container's environment and command line. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/runner/env.h"
#include "local/runner/refs.h"

static json_t *
json(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);

    cr_assert_not_null(v, "%s", text);
    return v;
}

Test(env, expands_names_as_the_kubelet_does)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"plain", "plain"},     {"$(A)", "1"},
        {"x$(A)y$(B)", "x1y2"}, {"$(NO)", "$(NO)"},
        {"$$(A)", "$(A)"},      {"$$", "$"},
        {"$$$(A)", "$1"},       {"$A", "$A"},
        {"$(A", "$(A"},         {"cost $5 (A)", "cost $5 (A)"},
        {"$(", "$("},           {"", ""},
        {"$()", "$()"},         {"tail $", "tail $"},
    };
    SCOPED(json) json_t *vars = json("{\"A\": \"1\", \"B\": \"2\"}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(buf) struct buf out = BUF_INIT;
        cr_assert_eq(env_expand(rows[i].text, vars, &out), 0);
        cr_expect_str_eq(buf_str(&out), rows[i].want, "%s", rows[i].text);
    }
}

static const char pod_text[] =
    "{\"metadata\": {\"name\": \"p\", \"namespace\": \"ns\", \"uid\": \"u\", \"labels\": "
    "{\"kelos.dev/task\": \"t\"}}}";
static const char values_text[] =
    "{\"secret/s\": {\"data\": {\"K\": \"c2VjcmV0\", \"bin\": \"AAE=\"}}, "
    "\"secret/none\": null,"
    " \"configmap/c\": {\"data\": {\"a\": \"1\", \"b\": \"2\"}}}";

Test(env, resolves_in_order_and_the_last_name_wins)
{
    SCOPED(json) json_t *pod = json(pod_text);
    SCOPED(json) json_t *values = json(values_text);
    SCOPED(json) json_t *image = json("{\"PATH\": \"/bin\", \"HOME\": \"/h\"}");
    SCOPED(json)
    json_t *c =
        json("{\"envFrom\": [{\"configMapRef\": {\"name\": \"c\"}, \"prefix\": \"P_\"}],"
             " \"env\": [{\"name\": \"X\", \"value\": \"$(P_a)$(LATER)\"}, {\"name\": "
             "\"LATER\", \"value\": \"z\"},"
             "  {\"name\": \"X\", \"value\": \"$(X)!\"}, {\"name\": \"T\", "
             "\"valueFrom\": {\"secretKeyRef\": {\"name\": \"s\", \"key\": \"K\"}}},"
             "  {\"name\": \"N\", \"valueFrom\": {\"fieldRef\": {\"fieldPath\": "
             "\"metadata.name\"}}},"
             "  {\"name\": \"L\", \"valueFrom\": {\"fieldRef\": {\"fieldPath\": "
             "\"metadata.labels['kelos.dev/task']\"}}},"
             "  {\"name\": \"O\", \"valueFrom\": {\"secretKeyRef\": {\"name\": \"none\", "
             "\"key\": \"K\", \"optional\": true}}},"
             "  {\"name\": \"HOME\", \"value\": \"/mine\"}]}");
    struct err e = ERR_INIT;
    SCOPED(json) json_t *vars = env_build(c, pod, image, values, &e);
    static const struct {
        const char *name, *want;
    } rows[] = {{"PATH", "/bin"}, {"HOME", "/mine"}, {"P_a", "1"}, {"X", "1$(LATER)!"},
                {"T", "secret"},  {"N", "p"},        {"L", "t"}};

    cr_assert_not_null(vars, "%s", e.text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_str_eq(json_string_value(json_object_get(vars, rows[i].name)),
                         rows[i].want, "%s", rows[i].name);
    cr_expect_null(json_object_get(vars, "O"));
}

Test(env, names_what_is_missing)
{
    static const struct {
        const char *env, *why;
    } rows[] = {
        {"{\"secretKeyRef\": {\"name\": \"none\", \"key\": \"K\"}}",
         "env T: secret \"none\" not found"},
        {"{\"secretKeyRef\": {\"name\": \"s\", \"key\": \"Q\"}}",
         "env T: couldn't find key Q in Secret ns/s"},
        {"{\"configMapKeyRef\": {\"name\": \"c\", \"key\": \"q\"}}",
         "env T: couldn't find key q in ConfigMap ns/c"},
    };
    SCOPED(json) json_t *pod = json(pod_text);
    SCOPED(json) json_t *values = json(values_text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        SCOPED(json)
        json_t *c = json_pack("{s:[{s:s, s:o}]}", "env", "name", "T", "valueFrom",
                              json(rows[i].env));
        cr_expect_null(env_build(c, pod, NULL, values, &e));
        cr_expect_eq(e.code, ERR_NOT_FOUND);
        cr_expect_str_eq(e.text, rows[i].why);
    }
}

Test(env, puts_the_image_entrypoint_before_args_unless_there_is_a_command)
{
    SCOPED(json) json_t *vars = json("{\"A\": \"1\"}");
    SCOPED(json) json_t *entrypoint = json("[\"git\"]");
    SCOPED(json) json_t *args = json("{\"args\": [\"clone\", \"$(A)\"]}");
    SCOPED(json)
    json_t *both = json("{\"command\": [\"sh\", \"-c\"], \"args\": [\"x $$(A)\"]}");
    SCOPED(json) json_t *none = json("{}");
    SCOPED(launch) struct launch *l = launch_new();
    SCOPED(launch) struct launch *m = launch_new();
    SCOPED(launch) struct launch *n = launch_new();
    struct err e = ERR_INIT;

    cr_assert_eq(env_command(args, entrypoint, vars, &l->args, &e), 0);
    cr_assert_eq(l->args.count, 3);
    cr_expect_str_eq(l->args.items[0], "git");
    cr_expect_str_eq(l->args.items[2], "1");
    cr_assert_eq(env_command(both, entrypoint, vars, &m->args, &e), 0);
    cr_assert_eq(m->args.count, 3);
    cr_expect_str_eq(m->args.items[2], "x $(A)");
    cr_assert_eq(env_command(none, NULL, vars, &n->args, &e), -1);
}

Test(refs, finds_every_secret_and_config_map_once)
{
    SCOPED(json)
    json_t *c = json("{\"envFrom\": [{\"secretRef\": {\"name\": \"a\"}}],"
                     " \"env\": [{\"name\": \"X\", \"valueFrom\": {\"secretKeyRef\": "
                     "{\"name\": \"a\", \"key\": \"k\"}}},"
                     "           {\"name\": \"Y\", \"valueFrom\": {\"configMapKeyRef\": "
                     "{\"name\": \"a\", \"key\": \"k\"}}}]}");
    SCOPED(json)
    json_t *pod = json("{\"spec\": {\"volumes\": [{\"name\": \"v\", \"secret\": "
                       "{\"secretName\": \"b\"}},"
                       " {\"name\": \"w\", \"projected\": {\"sources\": [{\"configMap\": "
                       "{\"name\": \"c\"}}, {\"secret\": {\"name\": \"a\"}}]}}]}}");
    struct refs r = {.count = 0};
    struct err e = ERR_INIT;

    cr_assert_eq(refs_of_env(&r, c, &e), 0);
    cr_assert_eq(r.count, 2);
    cr_assert_eq(refs_of_volumes(&r, pod, &e), 0);
    cr_assert_eq(r.count, 4);
}

Test(refs, decodes_binary_values)
{
    SCOPED(json) json_t *values = json(values_text);
    SCOPED(buf) struct buf out = BUF_INIT;

    cr_assert_eq(
        refs_value(refs_object(values, REF_SECRET, "s"), REF_SECRET, "bin", &out), 1);
    cr_assert_eq(out.size, 2);
    cr_assert_eq(memcmp(out.data, "\0\1", 2), 0);
    cr_assert_null(refs_object(values, REF_SECRET, "none"));
    cr_assert_null(refs_object(values, REF_SECRET, "c"));
}
