/* credential.c - see credential.h. */
#include "cli/credential.h"

#include <string.h>

#include "cli/value.h"
#include "common/value/agent.h"

const char *
credential_key(const char *agent, const char *type)
{
    int known = agent_type_parse(agent);

    /* An agent that this program does not know is served as claude-code is. */
    return agent_secret_key(known < 0 ? AGENT_CLAUDE_CODE : (enum agent_type)known,
                            strcmp(type, "oauth") == 0, dialect()->older);
}

static int
from_tokens(const struct config *config, const char *agent, const char *type,
            struct credential *out, struct err *e)
{
    const char *oauth = config_get(config, "oauthToken");
    const char *api_key = config_get(config, "apiKey");
    const char *file = config_file(config);
    bool is_oauth = oauth[0] != '\0';

    if (is_oauth && api_key[0] != '\0')
        return err_set(e, ERR_INVALID, "%s sets both oauthToken and apiKey; keep one",
                       file);
    if (!is_oauth && api_key[0] == '\0')
        return err_set(
            e, ERR_INVALID,
            "no credentials: set oauthToken or apiKey in %s, or pass --secret NAME "
            "(try %s init)",
            file[0] != '\0' ? file : "the configuration file", dialect()->program);
    out->secret = CREDENTIAL_SECRET;
    out->type = type[0] != '\0' ? type : is_oauth ? "oauth" : "api-key";
    out->key = credential_key(agent, out->type);
    out->value =
        value_read(is_oauth ? "oauthToken" : "apiKey", is_oauth ? oauth : api_key,
                   VALUE_FILE | VALUE_ENV | VALUE_NONE, e);
    return out->value != NULL ? 0 : -1;
}

int
credential_choose(const struct config *config, const char *agent, const char *secret,
                  const char *type, struct credential *out, struct err *e)
{
    const char *configured = config_get(config, "credentialType");

    *out = (struct credential){.secret = "", .key = ""};
    if (secret[0] == '\0')
        secret = config_get(config, "secret");
    out->secret = secret;
    if (secret[0] != '\0') {
        out->type = type[0] != '\0'         ? type
                    : configured[0] != '\0' ? configured
                                            : "api-key";
        return 0;
    }
    if (strcmp(type, "none") == 0 ||
        (type[0] == '\0' && strcmp(configured, "none") == 0)) {
        out->type = "none";
        return 0;
    }
    return from_tokens(config, agent, type, out, e);
}

json_t *
credential_app(const char *what, const char *app, const char *installation,
               const char *path, struct err *e)
{
    char *key = value_read_whole(what, path, e);
    json_t *values = NULL;

    if (key != NULL &&
        (values = json_pack("{s:s,s:s,s:s}", "appID", app, "installationID", installation,
                            "privateKey", key)) == NULL)
        err_set(e, ERR_INVALID, "%s %s: not a text file", what, path);
    value_free(key);
    return values;
}

void
credential_free(struct credential *c)
{
    value_free(c->value);
    c->value = NULL;
}
