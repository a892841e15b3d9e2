/* negotiate.c - see negotiate.h. */
#include "local/apiserver/view/negotiate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One media range: its type and the three parameters that matter here. */
struct range {
    char type[64], as[48], group[48], version[16];
};

static void
copy(char *out, size_t size, const char *from, size_t n)
{
    if (n >= size)
        n = size - 1;
    memcpy(out, from, n);
    out[n] = '\0';
}

static void
take_parameter(struct range *r, const char *p, size_t n)
{
    const char *eq = memchr(p, '=', n);
    size_t name, value;

    if (eq == NULL)
        return;
    name = (size_t)(eq - p);
    value = n - name - 1;
    if (name == 2 && strncasecmp(p, "as", 2) == 0)
        copy(r->as, sizeof r->as, eq + 1, value);
    else if (name == 1 && (*p == 'g' || *p == 'G'))
        copy(r->group, sizeof r->group, eq + 1, value);
    else if (name == 1 && (*p == 'v' || *p == 'V'))
        copy(r->version, sizeof r->version, eq + 1, value);
}

/* Cuts the next range off; NULL at the end. */
static const char *
next_range(const char *p, struct range *r)
{
    bool first = true;

    memset(r, 0, sizeof *r);
    while (*p == ' ' || *p == ',')
        p++;
    if (*p == '\0')
        return NULL;
    while (*p != '\0' && *p != ',') {
        size_t n = strcspn(p, ";,"), len = n;

        while (len > 0 && p[len - 1] == ' ')
            len--;
        if (first)
            copy(r->type, sizeof r->type, p, len);
        else
            take_parameter(r, p, len);
        first = false;
        p += n;
        while (*p == ';' || *p == ' ')
            p++;
    }
    return p;
}

static bool
is_json(const char *type)
{
    return strcasecmp(type, "application/json") == 0 || strcmp(type, "*/*") == 0 ||
           strcasecmp(type, "application/*") == 0;
}

bool
accept_parse(const char *header, struct accept *out)
{
    struct range r;

    *out = (struct accept){FORM_OBJECT, "v1"};
    if (header == NULL || *header == '\0')
        return true;
    while ((header = next_range(header, &r)) != NULL) {
        bool meta = strcmp(r.group, "meta.k8s.io") == 0 &&
                    (strcmp(r.version, "v1") == 0 || strcmp(r.version, "v1beta1") == 0);

        if (!is_json(r.type) || (r.as[0] != '\0' && !meta))
            continue;
        if (strcmp(r.as, "Table") == 0)
            out->form = FORM_TABLE;
        else if (strncmp(r.as, "PartialObjectMetadata", 21) == 0)
            out->form = FORM_PARTIAL;
        else if (r.as[0] != '\0')
            continue;
        if (meta)
            snprintf(out->version, sizeof out->version, "%s", r.version);
        return true;
    }
    return false;
}

bool
accept_discovery(const char *header, char *out, size_t size)
{
    struct range r;

    while (header != NULL && (header = next_range(header, &r)) != NULL) {
        if (!is_json(r.type))
            continue;
        if (r.as[0] == '\0')
            return false;
        if (strcmp(r.as, "APIGroupDiscoveryList") == 0 &&
            strcmp(r.group, "apidiscovery.k8s.io") == 0 &&
            (strcmp(r.version, "v2") == 0 || strcmp(r.version, "v2beta1") == 0)) {
            snprintf(out, size, "%s", r.version);
            return true;
        }
    }
    return false;
}
