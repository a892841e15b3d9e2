/* The configuration file, values, credentials. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/config.h"
#include "cli/credential.h"
#include "cli/value.h"
#include "common/macros.h"
#include "tests/support/rows.h"

static struct config *
parse(const char *text)
{
    struct err e = ERR_INIT;
    struct config *c = config_parse(text, strlen(text), "cfg.yaml", &e);

    cr_assert_not_null(c, "%s", e.text);
    return c;
}

static void
write_file(char *path, const char *text)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

Test(config, every_key_is_readable)
{
    SCOPED(config)
    struct config *c = parse("secret: s\ncredentialType: oauth\ntype: codex\n"
                             "model: m\nnamespace: team\nworkspace: {name: w}\n");

    cr_expect_str_eq(config_get(c, "secret"), "s");
    cr_expect_str_eq(config_get(c, "credentialType"), "oauth");
    cr_expect_str_eq(config_get(c, "type"), "codex");
    cr_expect_str_eq(config_get(c, "model"), "m");
    cr_expect_str_eq(config_get(c, "namespace"), "team");
    cr_expect_str_eq(config_get(c, "workspace.name"), "w");
    cr_expect_str_eq(config_get(c, "workspace.repo"), "");
    row_claim("CLI/C01");
}

Test(config, one_key_leaves_the_others_empty)
{
    static const char *const keys[] = {"oauthToken", "apiKey", "type", "agentConfig",
                                       "model"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char text[64];

        snprintf(text, sizeof(text), "%s: value\n", keys[i]);
        SCOPED(config) struct config *c = parse(text);
        for (size_t j = 0; j < ARRAY_LEN(keys); j++)
            cr_expect_str_eq(config_get(c, keys[j]), i == j ? "value" : "");
        cr_expect_str_eq(config_get(c, "secret"), "");
    }
    row_claim("CLI/C04");
    row_claim("CLI/C06");
}

Test(config, an_inline_workspace_has_no_name)
{
    SCOPED(config)
    struct config *c = parse("workspace: {repo: r, ref: main, token: t}\n");

    cr_expect_str_eq(config_get(c, "workspace.name"), "");
    cr_expect_str_eq(config_get(c, "workspace.repo"), "r");
    cr_expect_str_eq(config_get(c, "workspace.ref"), "main");
    cr_expect_str_eq(config_get(c, "workspace.token"), "t");
    row_claim("CLI/C05");
}

Test(config, scalars_are_text_and_keys_match_in_any_case)
{
    SCOPED(config)
    struct config *c = parse("workspace: {githubApp: {appID: 12345}}\nMODEL: x\n");

    cr_expect_str_eq(config_get(c, "workspace.githubApp.appID"), "12345");
    cr_expect_str_eq(config_get(c, "model"), "x");
    row_claim("CLI/C11");
}

Test(config, an_empty_file_is_fine)
{
    SCOPED(config) struct config *c = parse("# nothing\n");

    cr_expect_str_eq(config_get(c, "secret"), "");
}

Test(config, malformed_yaml_names_file_and_line)
{
    struct err e = ERR_INIT;
    static const char text[] = "type: codex\nsecret: [unterminated\n";

    cr_assert_null(config_parse(text, strlen(text), "cfg.yaml", &e));
    cr_expect_not_null(strstr(e.text, "config: cfg.yaml"), "%s", e.text);
    cr_assert_null(config_parse("- a\n", 4, "cfg.yaml", &e));
}

static void
note(void *arg, const char *message)
{
    strcat(arg, message);
}

Test(config, unknown_keys_are_named_with_the_nearest_one)
{
    SCOPED(config) struct config *c = parse("oauthTokn: x\nworkspace: {repos: y}\n");
    char said[512] = "";

    config_check_keys(c, note, said);
    cr_expect_not_null(strstr(said, "oauthTokn; did you mean oauthToken?"), "%s", said);
    cr_expect_not_null(strstr(said, "workspace.repos; did you mean workspace.repo?"),
                       "%s", said);
}

Test(value, files_lose_their_trailing_line_feeds)
{
    static const struct {
        const char *file, *value;
    } rows[] = {{"abc", "abc"},
                {"abc\n", "abc"},
                {"abc\n\n\n", "abc"},
                {"", ""},
                {"a\nb\r\n", "a\nb\r"}};
    struct err e = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char at[64] = "@/tmp/kelos-value.XXXXXX";

        write_file(at + 1, rows[i].file);
        char *value = value_read("oauthToken", at, VALUE_FILE, &e);
        unlink(at + 1);
        cr_assert_not_null(value, "%s", e.text);
        cr_expect_str_eq(value, rows[i].value);
        value_free(value);
    }
    char *plain = value_read("oauthToken", "abc", VALUE_FILE, &e);
    cr_expect_str_eq(plain, "abc");
    value_free(plain);
    cr_assert_null(value_read("oauthToken", "@/nonexistent/token", VALUE_FILE, &e));
    cr_expect_not_null(strstr(e.text, "cannot read /nonexistent/token for oauthToken"),
                       "%s", e.text);
    row_claim("CLI/C07");
}

Test(value, forms_can_be_escaped_and_switched_off)
{
    static const struct {
        const char *text;
        int forms;
        const char *value;
    } rows[] = {
        {"none", VALUE_NONE, ""},
        {"", VALUE_NONE, ""},
        {"my-api-key", VALUE_NONE, "my-api-key"},
        {"none", 0, "none"},
        {"@@codex", VALUE_FILE, "@codex"},
        {"@codex", 0, "@codex"},
        {"$KELOS_TEST_VALUE", VALUE_ENV, "from the environment"},
        {"$KELOS_TEST_VALUE", 0, "$KELOS_TEST_VALUE"},
        {"$ecret", VALUE_ENV, "$ecret"},
    };
    struct err e = ERR_INIT;

    setenv("KELOS_TEST_VALUE", "from the environment", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *value = value_read("apiKey", rows[i].text, rows[i].forms, &e);

        cr_assert_not_null(value, "%s: %s", rows[i].text, e.text);
        cr_expect_str_eq(value, rows[i].value, "%s", rows[i].text);
        value_free(value);
    }
    cr_assert_null(value_read("apiKey", "$KELOS_NOT_SET", VALUE_ENV, &e));
    row_claim("CLI/C08");
}

Test(value, a_tilde_is_the_home_folder)
{
    static const struct {
        const char *path, *expanded;
    } rows[] = {
        {"~", "/home/me"}, {"~/", "/home/me/"},  {"~/x", "/home/me/x"},
        {"~u/x", "~u/x"},  {"/a/~/b", "/a/~/b"}, {"relative", "relative"},
    };

    setenv("HOME", "/home/me", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(string) char *out = config_expand_home(rows[i].path);

        cr_expect_str_eq(out, rows[i].expanded);
    }
    row_claim("CLI/B11");
}

Test(credential, the_source_follows_the_order)
{
    static const struct {
        const char *text, *secret, *type, *want_secret, *want_type, *want_key;
    } rows[] = {
        {"oauthToken: t\n", "mine", "", "mine", "api-key", ""},
        {"oauthToken: t\n", "mine", "oauth", "mine", "oauth", ""},
        {"secret: s\ncredentialType: oauth\n", "", "", "s", "oauth", ""},
        {"secret: s\noauthToken: t\napiKey: k\n", "", "", "s", "api-key", ""},
        {"oauthToken: t\n", "", "", "kelos-credentials", "oauth",
         "CLAUDE_CODE_OAUTH_TOKEN"},
        {"apiKey: k\n", "", "", "kelos-credentials", "api-key", "ANTHROPIC_API_KEY"},
        {"oauthToken: t\n", "", "api-key", "kelos-credentials", "api-key",
         "ANTHROPIC_API_KEY"},
        {"type: codex\n", "", "none", "", "none", ""},
        {"credentialType: none\n", "", "", "", "none", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(config) struct config *c = parse(rows[i].text);
        struct credential out;
        struct err e = ERR_INIT;

        cr_assert_eq(
            credential_choose(c, "claude-code", rows[i].secret, rows[i].type, &out, &e),
            0, "%zu: %s", i, e.text);
        cr_expect_str_eq(out.secret, rows[i].want_secret, "%zu", i);
        cr_expect_str_eq(out.type, rows[i].want_type, "%zu", i);
        cr_expect_str_eq(out.key, rows[i].want_key, "%zu", i);
        credential_free(&out);
    }
}

Test(credential, mistakes_say_what_to_do)
{
    static const struct {
        const char *text, *mentions;
    } rows[] = {
        {"oauthToken: t\napiKey: k\n", "sets both oauthToken and apiKey"},
        {"type: codex\n", "no credentials"},
        {"oauthToken: \"\"\n", "no credentials"},
        {"apiKey: \"@/nonexistent\"\n", "for apiKey"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(config) struct config *c = parse(rows[i].text);
        struct credential out;
        struct err e = ERR_INIT;

        cr_assert_eq(credential_choose(c, "claude-code", "", "", &out, &e), -1);
        cr_expect_not_null(strstr(e.text, rows[i].mentions), "%s", e.text);
        credential_free(&out);
    }
}

Test(credential, each_agent_has_its_keys)
{
    static const struct {
        const char *agent, *type, *key;
    } rows[] = {
        {"claude-code", "api-key", "ANTHROPIC_API_KEY"},
        {"claude-code", "oauth", "CLAUDE_CODE_OAUTH_TOKEN"},
        {"unheard-of", "api-key", "ANTHROPIC_API_KEY"},
        {"codex", "api-key", "CODEX_API_KEY"},
        {"codex", "oauth", "CODEX_AUTH_JSON"},
        {"gemini", "oauth", "GEMINI_API_KEY"},
        {"opencode", "oauth", "OPENCODE_API_KEY"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_str_eq(credential_key(rows[i].agent, rows[i].type), rows[i].key);
}

Test(ask, yes_in_any_case_means_yes)
{
    static const char *const yes[] = {"y",   "Y",   "yes",   "YES",
                                      "Yes", "y\n", "YES\n", " y \r\n"};
    static const char *const no[] = {"n", "no", "N", "\n", "", "yep", "y y", "yesno"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        cr_expect(cli_is_yes(yes[i]), "%s", yes[i]);
    row_claim("CLI/C13");
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        cr_expect_not(cli_is_yes(no[i]), "%s", no[i]);
    row_claim("CLI/C14");
}
