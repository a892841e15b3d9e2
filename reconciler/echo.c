/* echo.c - see echo.h. */
#include "reconciler/echo.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kube/kube.h"

void
echo_wrote(struct echo *x, const char *version)
{
    int order;

    if (version == NULL || *version == '\0' ||
        (x->version != NULL && kube_version_compare(version, x->version, &order) &&
         order < 0))
        return;
    echo_forget(x);
    if ((x->version = strdup(version)) == NULL)
        abort();
    x->until_ms = clock_mono_ms() + ECHO_MS;
}

bool
echo_seen(const struct echo *x, const char *version)
{
    int order;

    if (x->version == NULL)
        return true;
    if (kube_version_compare(version, x->version, &order))
        return order >= 0;
    return strcmp(version, x->version) == 0;
}

void
echo_forget(struct echo *x)
{
    free(x->version);
    x->version = NULL;
}
