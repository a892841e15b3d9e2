/* tokenkeep.c - see tokenkeep.h. */
#include "reconciler/owner.h"
#include "reconciler/auth/tokenkeep.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/apptoken.h"
#include "common/kube/kube.h"

enum token_due
token_judge(const struct token_known *t, int64_t now_ms, int64_t *wake_ms)
{
    int64_t due = t->renew_ms > t->again_ms ? t->renew_ms : t->again_ms;

    *wake_ms = 0;
    if (!t->read && now_ms >= t->again_ms)
        return TOKEN_READ;
    if (!t->read)
        *wake_ms = t->again_ms;
    if (!t->read || !t->refreshable)
        return TOKEN_REST;
    if (now_ms >= due)
        return TOKEN_RENEW;
    *wake_ms = due;
    return TOKEN_REST;
}

void
token_read(struct token_known *t, const json_t *secret, const char *task_uid)
{
    const json_t *notes = json_at(secret, "metadata.annotations");
    const char *app =
        json_string_value(json_object_get(notes, "kelos.dev/github-app-secret"));
    const char *end =
        json_string_value(json_object_get(notes, "kelos.dev/token-expires-at"));
    struct err e = ERR_INIT;

    t->read = true;
    t->again_ms = 0;
    t->refreshable =
        app != NULL && kube_check_name(app, &e) == 0 && owner_controls(secret, task_uid);
    if (!t->refreshable)
        return;
    free(t->app_secret);
    if ((t->app_secret = strdup(app)) == NULL)
        abort();
    if (rfc3339_parse(end, &t->expires_ms) < 0)
        t->expires_ms = 0;
    t->renew_ms = t->expires_ms != 0 ? t->expires_ms - APPTOKEN_MARGIN_MS : 0;
}

void
token_forget(struct token_known *t)
{
    free(t->app_secret);
    *t = (struct token_known){.read = false};
}

bool
token_failed(struct token_known *t, int64_t now_ms)
{
    t->again_ms = now_ms + apptoken_retry_ms(t->expires_ms, now_ms);
    if (t->warned_ms != 0 && now_ms < t->warned_ms + TOKEN_WARN_MS)
        return false;
    t->warned_ms = now_ms;
    return true;
}
