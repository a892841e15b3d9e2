/* echo.c - see echo.h. */
#include "reconciler/echo.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/kube/kube.h"

void
echo_wrote(struct echo *x, const char *version)
{
    int order;

    if (version == NULL || *version == '\0' ||
        (*x->version != '\0' && kube_version_compare(version, x->version, &order) &&
         order < 0))
        return;
    snprintf(x->version, sizeof x->version, "%s", version);
    x->until_ms = clock_mono_ms() + ECHO_MS;
}

bool
echo_seen(const struct echo *x, const char *version)
{
    int order;

    if (*x->version == '\0')
        return true;
    if (kube_version_compare(version, x->version, &order))
        return order >= 0;
    return strcmp(version, x->version) == 0;
}
