/* launch.c - see launch.h. Records of {u8 field, u32 size, bytes}, in native byte order:
 * both ends are the same build on the same machine. */
#include "local/runner/launch.h"

#include <string.h>

#include "common/macros.h"

enum field {
    F_DIR = 1,
    F_HOSTNAME,
    F_CWD,
    F_ATTEMPT,
    F_INNER,
    F_OUTER,
    F_GRACE,
    F_LOG,
    F_FILES,
    F_ARG,
    F_ENV,
    F_CGROUP,
    F_MOUNT,
    F_FILTER,
    F_HIDDEN,
    F_END
};

static const struct {
    enum field field;
    size_t at;
} texts[] =
    {
        {F_DIR, offsetof(struct launch, dir)},
        {F_HOSTNAME, offsetof(struct launch, hostname)},
        {F_CWD, offsetof(struct launch, cwd)},
},
  numbers[] =
      {
          {F_ATTEMPT, offsetof(struct launch, attempt)},
          {F_INNER, offsetof(struct launch, inner_id)},
          {F_OUTER, offsetof(struct launch, outer_id)},
          {F_GRACE, offsetof(struct launch, grace_ms)},
          {F_LOG, offsetof(struct launch, log_bytes)},
          {F_FILES, offsetof(struct launch, open_files)},
},
  lists[] = {
      {F_ARG, offsetof(struct launch, args)},
      {F_ENV, offsetof(struct launch, env)},
      {F_CGROUP, offsetof(struct launch, cgroups)},
      {F_HIDDEN, offsetof(struct launch, hidden)},
};

#define MEMBER(l, type, offset) ((type *)(void *)((char *)(l) + (offset)))

struct launch *
launch_new(void)
{
    return calloc(1, sizeof(struct launch));
}

static void
list_free(struct launch_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

void
launch_free(struct launch *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(*MEMBER(l, char *, texts[i].at));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        list_free(MEMBER(l, struct launch_list, lists[i].at));
    for (size_t i = 0; i < l->mount_count; i++) {
        free(l->mounts[i].target);
        free(l->mounts[i].source);
        free(l->mounts[i].inside);
    }
    free(l->mounts);
    buf_free(&l->filter);
    free(l);
}

static int
list_add(struct launch_list *list, const char *text, size_t size)
{
    char **grown = realloc(list->items, (list->count + 2) * sizeof *grown);

    if (grown == NULL)
        return -1;
    list->items = grown;
    if ((grown[list->count] = strndup(text, size)) == NULL)
        return -1;
    grown[++list->count] = NULL;
    return 0;
}

int
launch_add(struct launch_list *list, const char *text)
{
    return list_add(list, text, strlen(text));
}

int
launch_mount_add(struct launch *l, enum launch_kind kind, unsigned flags,
                 const char *source, const char *inside, const char *target)
{
    struct launch_mount *grown = realloc(l->mounts, (l->mount_count + 1) * sizeof *grown);

    if (grown == NULL)
        return -1;
    l->mounts = grown;
    struct launch_mount *m = &grown[l->mount_count];
    *m = (struct launch_mount){.kind = kind, .flags = flags};
    m->target = strdup(target);
    m->source = strdup(source);
    m->inside = strdup(inside);
    l->mount_count++;
    return m->target != NULL && m->source != NULL && m->inside != NULL ? 0 : -1;
}

/* ---- writing ---- */

static void
put(struct buf *out, enum field field, const void *bytes, size_t size)
{
    uint32_t n = (uint32_t)size;

    buf_add_char(out, (char)field);
    buf_add(out, &n, sizeof n);
    buf_add(out, bytes, size);
}

int
launch_encode(const struct launch *l, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *s = *MEMBER(l, char *const, texts[i].at);
        if (s != NULL)
            put(out, texts[i].field, s, strlen(s));
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        put(out, numbers[i].field, MEMBER(l, const int64_t, numbers[i].at),
            sizeof(int64_t));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct launch_list *list = MEMBER(l, const struct launch_list, lists[i].at);
        for (size_t k = 0; k < list->count; k++)
            put(out, lists[i].field, list->items[k], strlen(list->items[k]));
    }
    for (size_t i = 0; i < l->mount_count; i++) {
        const struct launch_mount *m = &l->mounts[i];
        struct buf row = BUF_INIT;
        buf_add_char(&row, (char)m->kind);
        buf_add_char(&row, (char)m->flags);
        buf_add(&row, m->target, strlen(m->target) + 1);
        buf_add(&row, m->source, strlen(m->source) + 1);
        buf_add(&row, m->inside, strlen(m->inside) + 1);
        put(out, F_MOUNT, row.data, row.size);
        out->failed = out->failed || row.failed;
        buf_free(&row);
    }
    put(out, F_FILTER, buf_str(&l->filter), l->filter.size);
    put(out, F_END, "", 0);
    return out->failed ? -1 : 0;
}

/* ---- reading ---- */

static int
take_mount(struct launch *l, const char *s, size_t size)
{
    const char *part[3];
    const char *at = s + 2, *end = s + size;

    if (size < 2 || (unsigned char)s[0] >= N_LAUNCH_KINDS)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        if (nul == NULL)
            return -1;
        part[i] = at;
        at = nul + 1;
    }
    if (at != end)
        return -1;
    return launch_mount_add(l, (enum launch_kind)s[0], (unsigned char)s[1], part[1],
                            part[2], part[0]);
}

/* One record. Returns 0, or -1 when it is none of ours. */
static int
take(struct launch *l, unsigned field, const char *s, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char **to = MEMBER(l, char *, texts[i].at);
        if (texts[i].field == field)
            return *to == NULL && (*to = strndup(s, size)) != NULL ? 0 : -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].field != field)
            continue;
        if (size != sizeof(int64_t))
            return -1;
        memcpy(MEMBER(l, int64_t, numbers[i].at), s, size);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (lists[i].field == field)
            return list_add(MEMBER(l, struct launch_list, lists[i].at), s, size);
    if (field == F_MOUNT)
        return take_mount(l, s, size);
    if (field == F_FILTER)
        return buf_add(&l->filter, s, size);
    return -1;
}

struct launch *
launch_decode(const void *bytes, size_t size, struct err *e)
{
    SCOPED(launch) struct launch *l = launch_new();
    const char *s = bytes;
    size_t at = 0;

    while (l != NULL) {
        uint32_t n;
        if (size - at < 1 + sizeof n)
            break;
        unsigned field = (unsigned char)s[at];
        memcpy(&n, s + at + 1, sizeof n);
        at += 1 + sizeof n;
        if (n > size - at)
            break;
        if (field == F_END) {
            if (l->dir == NULL || l->hostname == NULL || l->cwd == NULL ||
                l->args.count == 0)
                break;
            return TAKE(l);
        }
        if (take(l, field, s + at, n) < 0)
            break;
        at += n;
    }
    err_set(e, ERR_PROTO, "the container's launch description is not readable");
    return NULL;
}
