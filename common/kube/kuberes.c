/* kuberes.c - see kube.h: the table of resources, names and versions. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/kube/kube.h"

#define RESOURCE(id, group, version, plural, singular, kind, namespaced, shorts)         \
    [KUBE_##id] = {group, version, plural, singular, kind, namespaced, shorts},
static const struct kube_resource resources[KUBE_RES_COUNT] = {
#include "common/kube/kuberes.def"
};
#undef RESOURCE

const struct kube_resource *
kube_res(enum kube_res id)
{
    return &resources[id];
}

/* Whether `name` is a word of the list that is separated by spaces. */
static bool
in_words(const char *words, const char *name, size_t size)
{
    while (*words != '\0') {
        size_t n = strcspn(words, " ");
        if (n == size && strncasecmp(words, name, n) == 0)
            return true;
        words += n + (words[n] == ' ');
    }
    return false;
}

static bool
is_word(const char *word, const char *name, size_t size)
{
    return strlen(word) == size && strncasecmp(word, name, size) == 0;
}

const struct kube_resource *
kube_res_find(const char *group, const char *name)
{
    size_t size = strcspn(name, ".");

    if (name[size] == '.')
        group = name + size + 1;
    for (size_t i = 0; i < KUBE_RES_COUNT; i++) {
        const struct kube_resource *r = &resources[i];
        if (group != NULL && strcasecmp(group, r->group) != 0)
            continue;
        if (is_word(r->plural, name, size) || is_word(r->singular, name, size) ||
            is_word(r->kind, name, size) || in_words(r->shorts, name, size))
            return r;
    }
    return NULL;
}

const char *
kube_api_version(const struct kube_resource *res, char *out, size_t room)
{
    snprintf(out, room, "%s%s%s", res->group, res->group[0] != '\0' ? "/" : "",
             res->version);
    return out;
}

const struct kube_resource *
kube_res_of(const char *api_version, const char *kind)
{
    char text[128];

    for (size_t i = 0; i < KUBE_RES_COUNT; i++)
        if (strcmp(resources[i].kind, kind) == 0 &&
            strcmp(kube_api_version(&resources[i], text, sizeof text), api_version) == 0)
            return &resources[i];
    return NULL;
}

/* ---- names ---- */

int
kube_check_name(const char *name, struct err *e)
{
    if (name == NULL || *name == '\0')
        return err_set(e, ERR_INVALID, "a name is missing");
    if (strlen(name) > 253)
        return err_set(e, ERR_INVALID,
                       "name %.40s… has %zu characters, at most 253 are allowed", name,
                       strlen(name));
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/%") != NULL)
        return err_set(e, ERR_INVALID,
                       "\"%s\" cannot be a name: no '/', no '%%', not '.' or '..'", name);
    return 0;
}

/* Lower case letters, digits, '-' (and '.' between labels); first and last no '-' or '.'. */
static int
check_dns(const char *name, size_t most, bool dots, struct err *e)
{
    size_t size = strlen(name);
    bool start = true;

    if (kube_check_name(name, e) < 0)
        return -1;
    if (size > most)
        return err_set(e, ERR_INVALID,
                       "name %.40s… has %zu characters, at most %zu are allowed", name,
                       size, most);
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool inner = c == '-' && !start && i + 1 < size && name[i + 1] != '.';
        bool dot = c == '.' && dots && !start && i + 1 < size;
        if (!plain && !inner && !dot)
            return err_set(
                e, ERR_INVALID,
                "\"%s\" cannot be a name: lower case letters, digits%s and '-' only, "
                "and a letter or digit at both ends",
                name, dots ? ", '.'" : "");
        start = c == '.';
    }
    return 0;
}

int
kube_check_subdomain(const char *name, struct err *e)
{
    return check_dns(name, 253, true, e);
}

int
kube_check_label(const char *name, struct err *e)
{
    return check_dns(name, 63, false, e);
}

/* ---- versions ---- */

static bool
ordered(const char *v)
{
    size_t n = strlen(v);
    return n > 0 && strspn(v, "0123456789") == n && (v[0] != '0' || n == 1);
}

bool
kube_version_compare(const char *a, const char *b, int *order)
{
    if (!ordered(a) || !ordered(b))
        return false;
    size_t na = strlen(a), nb = strlen(b);
    *order = na != nb ? (na < nb ? -1 : 1) : strcmp(a, b);
    return true;
}
