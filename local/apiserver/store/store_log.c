/* store_log.c - lists, the change log and transactions of store.h. */
#include "local/apiserver/store/store_sql.h"

#include <stdio.h>
#include <string.h>

/* Passes on rows of one namespace only: the log is indexed by resource. */
struct of_namespace {
    const char *ns;
    row_fn *fn;
    void *ctx;
};

static int
filter_namespace(void *ctx, const struct row *row)
{
    struct of_namespace *f = ctx;

    if (f->ns != NULL && strcmp(f->ns, row->ns) != 0)
        return 0;
    return f->fn(f->ctx, row);
}

/* Did anything of the resource change after version `at`? */
static int
changed_since(struct store *s, const char *resource, int64_t at, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_CHANGED, e);
    int rc;

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, resource);
    sqlite3_bind_int64(stmt, 2, at);
    rc = sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_reset(stmt);
    return rc;
}

static int
list_at(struct store *s, const struct span *span, row_fn *fn, void *ctx, struct err *e)
{
    struct of_namespace filter = {span->ns, fn, ctx};
    sqlite3_stmt *stmt = store_stmt(s, STMT_LIST_AT, e);
    const char *after_ns = span->after_ns != NULL ? span->after_ns : span->ns;

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, span->resource);
    sqlite3_bind_int64(stmt, 2, span->at);
    store_bind(stmt, 3, after_ns != NULL ? after_ns : "");
    store_bind(stmt, 4, span->after != NULL ? span->after : "");
    return store_each(s, stmt, filter_namespace, &filter, e);
}

int
store_list(struct store *s, const struct span *span, row_fn *fn, void *ctx, struct err *e)
{
    sqlite3_stmt *stmt;

    if (span->at > 0 && span->at < s->version) {
        int changed = changed_since(s, span->resource, span->at, e);

        if (changed != 0)
            return changed < 0 ? -1 : list_at(s, span, fn, ctx, e);
    }
    if ((stmt = store_stmt(s, span->ns != NULL ? STMT_LIST_NS : STMT_LIST, e)) == NULL)
        return -1;
    store_bind(stmt, 1, span->resource);
    store_bind(stmt, 2,
               span->ns != NULL         ? span->ns
               : span->after_ns != NULL ? span->after_ns
                                        : "");
    store_bind(stmt, 3, span->after != NULL ? span->after : "");
    return store_each(s, stmt, fn, ctx, e);
}

int64_t
store_count(struct store *s, const char *resource, const char *ns, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, ns != NULL ? STMT_COUNT_NS : STMT_COUNT_ALL, e);
    int64_t n = -1;

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, resource);
    if (ns != NULL)
        store_bind(stmt, 2, ns);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int64(stmt, 0);
    else
        err_set(e, ERR_SYSTEM, "read state: %s", sqlite3_errmsg(s->db));
    sqlite3_reset(stmt);
    return n;
}

int
store_changes(struct store *s, const char *resource, const char *ns, int64_t after,
              row_fn *fn, void *ctx, struct err *e)
{
    struct of_namespace filter = {ns, fn, ctx};
    sqlite3_stmt *stmt = store_stmt(s, STMT_CHANGES, e);

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, resource);
    sqlite3_bind_int64(stmt, 2, after);
    return store_each(s, stmt, filter_namespace, &filter, e);
}

int
store_dependents(struct store *s, const char *owner_uid, row_fn *fn, void *ctx,
                 struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_DEPENDENTS, e);

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, owner_uid);
    return store_each(s, stmt, fn, ctx, e);
}

int
store_in_namespace(struct store *s, const char *ns, row_fn *fn, void *ctx, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_IN_NS, e);

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, ns);
    return store_each(s, stmt, fn, ctx, e);
}

int
store_writing(struct store *s, struct err *e)
{
    sqlite3_stmt *stmt;

    if (s->broken || s->lost)
        return err_set(e, ERR_SYSTEM,
                       "write state: an earlier write of this turn failed");
    if (s->open)
        return 0;
    if ((stmt = store_stmt(s, STMT_BEGIN, e)) == NULL || store_run(s, stmt, e) < 0)
        return -1;
    s->open = true;
    s->written = false;
    s->committed = s->version;
    return 0;
}

static int
write_object(struct store *s, const struct row *row, struct err *e)
{
    enum stmt id = row->type == 'A'   ? STMT_INSERT
                   : row->type == 'M' ? STMT_UPDATE
                                      : STMT_DELETE;
    sqlite3_stmt *stmt = store_stmt(s, id, e);

    if (stmt == NULL)
        return -1;
    switch (id) {
    case STMT_INSERT:
        store_bind(stmt, 1, row->resource);
        store_bind(stmt, 2, row->ns);
        store_bind(stmt, 3, row->name);
        store_bind(stmt, 4, row->uid);
        sqlite3_bind_int64(stmt, 5, row->rv);
        sqlite3_bind_text(stmt, 6, row->body, (int)row->size, SQLITE_STATIC);
        break;
    case STMT_UPDATE:
        store_bind(stmt, 1, row->uid);
        sqlite3_bind_int64(stmt, 2, row->rv);
        sqlite3_bind_text(stmt, 3, row->body, (int)row->size, SQLITE_STATIC);
        break;
    default:
        store_bind(stmt, 1, row->uid);
        break;
    }
    return store_run(s, stmt, e);
}

static int
write_owners(struct store *s, const struct row *row, const char *const *owners,
             size_t count, struct err *e)
{
    sqlite3_stmt *stmt;

    if (row->type != 'A') {
        if ((stmt = store_stmt(s, STMT_OWNER_DROP, e)) == NULL)
            return -1;
        store_bind(stmt, 1, row->uid);
        if (store_run(s, stmt, e) < 0)
            return -1;
    }
    for (size_t i = 0; row->type != 'D' && i < count; i++) {
        if ((stmt = store_stmt(s, STMT_OWNER_ADD, e)) == NULL)
            return -1;
        store_bind(stmt, 1, owners[i]);
        store_bind(stmt, 2, row->uid);
        if (store_run(s, stmt, e) < 0)
            return -1;
    }
    return 0;
}

/* Is the change that made version rv still in the log? */
static bool
logged(struct store *s, const struct row *row, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_GET_UID, e);
    int64_t rv = 0;
    bool there;

    if (stmt == NULL)
        return false;
    store_bind(stmt, 1, row->uid);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        rv = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    if ((stmt = store_stmt(s, STMT_LOGGED, e)) == NULL)
        return false;
    sqlite3_bind_int64(stmt, 1, rv);
    there = sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_reset(stmt);
    return there;
}

static int
write_log(struct store *s, const struct row *row, bool with_prev, int64_t now_ms,
          struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_LOG, e);
    const char type[2] = {row->type, '\0'};

    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, row->rv);
    sqlite3_bind_int64(stmt, 2, now_ms);
    store_bind(stmt, 3, type);
    store_bind(stmt, 4, row->resource);
    store_bind(stmt, 5, row->ns);
    store_bind(stmt, 6, row->name);
    store_bind(stmt, 7, row->uid);
    sqlite3_bind_text(stmt, 8, row->body, (int)row->size, SQLITE_STATIC);
    if (with_prev && row->prev != NULL)
        sqlite3_bind_text(stmt, 9, row->prev, (int)row->prev_size, SQLITE_STATIC);
    return store_run(s, stmt, e);
}

int
store_write(struct store *s, const struct row *row, bool keep_prev, int64_t now_ms,
            const char *const *owners, size_t owner_count, struct err *e)
{
    bool with_prev;

    if (store_writing(s, e) < 0)
        return -1;
    with_prev = row->type != 'A' && (keep_prev || !logged(s, row, e));
    if (write_object(s, row, e) < 0 || write_owners(s, row, owners, owner_count, e) < 0 ||
        write_log(s, row, with_prev, now_ms, e) < 0) {
        s->broken = true;
        return -1;
    }
    s->written = true;
    return 0;
}

bool
store_dirty(const struct store *s)
{
    return s->open || s->lost;
}

void
store_rollback(struct store *s)
{
    if (s->open)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    if (s->open)
        s->version = s->committed;
    s->open = s->broken = s->written = s->lost = false;
}

int
store_commit(struct store *s, struct err *e)
{
    sqlite3_stmt *stmt;

    if (s->lost) {
        store_rollback(s);
        return err_set(e, ERR_SYSTEM, "write state: the transaction was lost");
    }
    if (!s->open)
        return 0;
    if (s->broken) {
        store_rollback(s);
        return err_set(e, ERR_SYSTEM, "write state: the transaction failed");
    }
    if ((stmt = store_stmt(s, STMT_COMMIT, e)) == NULL || store_run(s, stmt, e) < 0) {
        store_rollback(s);
        return -1;
    }
    s->open = s->written = false;
    return 0;
}

int
store_mark(struct store *s, struct err *e)
{
    sqlite3_stmt *stmt;

    if (store_writing(s, e) < 0 || (stmt = store_stmt(s, STMT_SAVEPOINT, e)) == NULL)
        return -1;
    s->marked = s->version;
    return store_run(s, stmt, e);
}

void
store_release(struct store *s, bool undo)
{
    struct err ignored = ERR_INIT;
    sqlite3_stmt *stmt;

    if (!s->open)
        return;
    if (undo) {
        /* Disk full may have ended the whole transaction; then there is nothing to go back to. */
        if (sqlite3_get_autocommit(s->db)) {
            store_rollback(s);
            s->lost = true;
            return;
        }
        if ((stmt = store_stmt(s, STMT_UNDO, &ignored)) != NULL &&
            store_run(s, stmt, &ignored) == 0) {
            s->version = s->marked;
            s->broken = false;
        }
    }
    if ((stmt = store_stmt(s, STMT_RELEASE, &ignored)) != NULL)
        store_run(s, stmt, &ignored);
}

/* The highest version that may go: keep_rows behind the newest and older than keep_ms. */
static int64_t
prune_edge(struct store *s, int64_t now_ms, int64_t keep_ms, int64_t keep_rows,
           struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_PRUNE_EDGE, e);
    int64_t edge = -1;

    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, s->version - keep_rows);
    sqlite3_bind_int64(stmt, 2, now_ms - keep_ms);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        edge = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return edge;
}

int
store_prune(struct store *s, int64_t now_ms, int64_t keep_ms, int64_t keep_rows,
            struct err *e)
{
    int64_t edge = prune_edge(s, now_ms, keep_ms, keep_rows, e);
    char text[32];
    sqlite3_stmt *stmt;

    if (edge <= s->compacted)
        return 0;
    snprintf(text, sizeof text, "%lld", (long long)edge);
    if (store_meta_set(s, "compacted", text, e) < 0 ||
        (stmt = store_stmt(s, STMT_PRUNE, e)) == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, edge);
    if (store_run(s, stmt, e) < 0)
        return -1;
    s->compacted = edge;
    return 0;
}
