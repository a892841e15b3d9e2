/* wish.c - see wish.h. */
#include "reconciler/job/wish.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {[SOURCE_NONE] = "",
                                         [SOURCE_GITHUB] = "github",
                                         [SOURCE_PULLS] = "github",
                                         [SOURCE_JIRA] = "jira",
                                         [SOURCE_CRON] = "cron"};

const char *
wish_type(enum source_kind k)
{
    return type_names[k];
}

void
wish_repo(const struct spawner_view *v, const struct workspace_view *w, struct repo *out)
{
    struct repo own;

    repo_parse(w->repo, &own);
    *out = own;
    if (v->repo == NULL)
        return;
    repo_parse(v->repo, out);
    if (out->host[0] == '\0') {
        memcpy(out->host, own.host, sizeof out->host);
        memcpy(out->scheme, own.scheme, sizeof out->scheme);
    }
}

int
wish_make(const struct spawner_view *v, const struct workspace_view *w, struct wish *out,
          struct err *e)
{
    size_t n;

    *out = (struct wish){.api_base = ""};
    if (source_is_github(v->source)) {
        wish_repo(v, w, &out->repo);
        repo_api_base(&out->repo, out->api_base, sizeof out->api_base);
        if (out->repo.owner[0] == '\0')
            return err_set(e, ERR_INVALID,
                           "repository \"%.200s\" names no owner and name",
                           v->repo != NULL ? v->repo : w->repo);
    } else if (v->source == SOURCE_JIRA && v->jira_base != NULL) {
        snprintf(out->api_base, sizeof out->api_base, "%s", v->jira_base);
        if ((n = strlen(out->api_base)) > 0 && out->api_base[n - 1] == '/')
            out->api_base[n - 1] = '\0';
    }
    return 0;
}
