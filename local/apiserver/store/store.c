/* store.c - see store.h. Tables and statements; reading the log is in store_log.c. */
#include "local/apiserver/store/store.h"
#include "local/apiserver/store/store_sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char schema[] =
    "BEGIN;"
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS objects(id INTEGER PRIMARY KEY, resource TEXT NOT NULL,"
    " ns TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, rv INTEGER NOT NULL, body "
    "TEXT NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS objects_key ON objects(resource, ns, name);"
    "CREATE UNIQUE INDEX IF NOT EXISTS objects_uid ON objects(uid);"
    "CREATE INDEX IF NOT EXISTS objects_ns ON objects(ns) WHERE ns != '';"
    "CREATE TABLE IF NOT EXISTS owners(owner TEXT NOT NULL, uid TEXT NOT NULL,"
    " PRIMARY KEY(owner, uid)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS owners_uid ON owners(uid);"
    "CREATE TABLE IF NOT EXISTS changes(rv INTEGER PRIMARY KEY, at INTEGER NOT NULL, "
    "type TEXT NOT NULL,"
    " resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,"
    " body TEXT NOT NULL, prev TEXT);"
    "CREATE INDEX IF NOT EXISTS changes_resource ON changes(resource, rv);"
    "CREATE INDEX IF NOT EXISTS changes_key ON changes(resource, ns, name, rv);"
    "CREATE TABLE IF NOT EXISTS work(kind TEXT NOT NULL, item TEXT NOT NULL, PRIMARY "
    "KEY(kind, item)) WITHOUT ROWID;"
    "COMMIT;";

/* clang-format off */
static const char *const sql[STMT_COUNT] = {
    [STMT_GET]        = "SELECT rv,'A',resource,ns,name,uid,body,NULL FROM objects WHERE resource=?1 AND ns=?2 AND name=?3",
    [STMT_GET_UID]    = "SELECT rv,'A',resource,ns,name,uid,body,NULL FROM objects WHERE uid=?1",
    [STMT_LIST]       = "SELECT rv,'A',resource,ns,name,uid,body,NULL FROM objects WHERE resource=?1 AND (ns,name)>(?2,?3) ORDER BY ns,name",
    [STMT_LIST_NS]    = "SELECT rv,'A',resource,ns,name,uid,body,NULL FROM objects WHERE resource=?1 AND ns=?2 AND name>?3 ORDER BY name",
    [STMT_COUNT_ALL]  = "SELECT COUNT(*) FROM objects WHERE resource=?1",
    [STMT_COUNT_NS]   = "SELECT COUNT(*) FROM objects WHERE resource=?1 AND ns=?2",
    [STMT_IN_NS]      = "SELECT rv,'A',resource,ns,name,uid,body,NULL FROM objects WHERE ns=?1 AND ns!='' ORDER BY resource,name",
    [STMT_DEPENDENTS] = "SELECT o.rv,'A',o.resource,o.ns,o.name,o.uid,o.body,NULL FROM owners w JOIN objects o ON o.uid=w.uid WHERE w.owner=?1",
    [STMT_CHANGES]    = "SELECT rv,type,resource,ns,name,uid,body,prev FROM changes WHERE resource=?1 AND rv>?2 ORDER BY rv",
    [STMT_CHANGED]    = "SELECT 1 FROM changes WHERE resource=?1 AND rv>?2 LIMIT 1",
    [STMT_LOGGED]     = "SELECT 1 FROM changes WHERE rv=?1",
    [STMT_INSERT]     = "INSERT INTO objects(resource,ns,name,uid,rv,body) VALUES(?1,?2,?3,?4,?5,?6)",
    [STMT_UPDATE]     = "UPDATE objects SET rv=?2, body=?3 WHERE uid=?1",
    [STMT_DELETE]     = "DELETE FROM objects WHERE uid=?1",
    [STMT_LOG]        = "INSERT INTO changes(rv,at,type,resource,ns,name,uid,body,prev) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
    [STMT_OWNER_ADD]  = "INSERT OR IGNORE INTO owners(owner,uid) VALUES(?1,?2)",
    [STMT_OWNER_DROP] = "DELETE FROM owners WHERE uid=?1",
    [STMT_META_GET]   = "SELECT value FROM meta WHERE key=?1",
    [STMT_META_SET]   = "INSERT INTO meta(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=?2",
    [STMT_WORK_ADD]   = "INSERT OR IGNORE INTO work(kind,item) VALUES(?1,?2)",
    [STMT_WORK_DONE]  = "DELETE FROM work WHERE kind=?1 AND item=?2",
    [STMT_WORK_NEXT]  = "SELECT item FROM work WHERE kind=?1 LIMIT 1",
    [STMT_BEGIN]      = "BEGIN IMMEDIATE",
    [STMT_COMMIT]     = "COMMIT",
    [STMT_SAVEPOINT]  = "SAVEPOINT request",
    [STMT_UNDO]       = "ROLLBACK TO request",
    [STMT_RELEASE]    = "RELEASE request",
    /* The state of a collection at version ?2: what has not changed since, and of what has
     * changed the last state up to ?2, taken from the log or from the first change's prev. */
    [STMT_LIST_AT]    =
        "SELECT rv,'A',resource,ns,name,uid,body,NULL FROM objects WHERE resource=?1 AND rv<=?2 AND (ns,name)>(?3,?4)"
        " UNION ALL "
        "SELECT c.rv,'A',c.resource,c.ns,c.name,c.uid,"
        "  CASE WHEN c.rv<=?2 THEN c.body ELSE c.prev END,NULL FROM changes c WHERE c.resource=?1 AND (c.ns,c.name)>(?3,?4)"
        "  AND EXISTS(SELECT 1 FROM changes d WHERE d.resource=c.resource AND d.ns=c.ns AND d.name=c.name AND d.rv>?2)"
        "  AND ((c.rv<=?2 AND c.type!='D' AND c.rv=(SELECT MAX(d.rv) FROM changes d WHERE d.resource=c.resource AND d.ns=c.ns AND d.name=c.name AND d.rv<=?2))"
        "    OR (c.rv>?2 AND c.prev IS NOT NULL AND c.type!='A' AND NOT EXISTS(SELECT 1 FROM changes d WHERE d.resource=c.resource AND d.ns=c.ns AND d.name=c.name AND d.rv<c.rv)))"
        " ORDER BY 4,5",
    [STMT_PRUNE_EDGE] = "SELECT MAX(rv) FROM changes WHERE rv<=?1 AND at<?2",
    /* A pruned row that is the last state before a kept change stays: lists at an exact
     * version inside the window need it. */
    [STMT_PRUNE]      =
        ("DELETE FROM changes WHERE rv<=?1 AND (EXISTS(SELECT 1 FROM changes d WHERE d.resource=changes.resource AND d.ns=changes.ns AND d.name=changes.name AND d.rv>changes.rv AND d.rv<=?1)"
        " OR NOT EXISTS(SELECT 1 FROM changes d WHERE d.resource=changes.resource AND d.ns=changes.ns AND d.name=changes.name AND d.rv>?1))"),
};
/* clang-format on */

static int
fail(struct store *s, struct err *e, const char *what)
{
    int code = sqlite3_errcode(s->db);

    if ((code & 0xff) == SQLITE_FULL)
        return err_set(e, ERR_SYSTEM, "%s: no space left for the state file", what);
    return err_set(e, ERR_SYSTEM, "%s: %s", what, sqlite3_errmsg(s->db));
}

sqlite3_stmt *
store_stmt(struct store *s, enum stmt id, struct err *e)
{
    if (s->stmts[id] == NULL &&
        sqlite3_prepare_v3(s->db, sql[id], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[id],
                           NULL) != SQLITE_OK) {
        fail(s, e, "state file");
        return NULL;
    }
    sqlite3_reset(s->stmts[id]);
    sqlite3_clear_bindings(s->stmts[id]);
    return s->stmts[id];
}

/* Runs a statement that gives no rows. */
int
store_run(struct store *s, sqlite3_stmt *stmt, struct err *e)
{
    int rc = sqlite3_step(stmt);

    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        fail(s, e, "write state");
        sqlite3_reset(stmt);
        return -1;
    }
    sqlite3_reset(stmt);
    return 0;
}

void
store_row(sqlite3_stmt *stmt, struct row *row)
{
    const char *type = (const char *)sqlite3_column_text(stmt, 1);

    *row = (struct row){
        .rv = sqlite3_column_int64(stmt, 0),
        .type = type != NULL ? type[0] : 'A',
        .resource = (const char *)sqlite3_column_text(stmt, 2),
        .ns = (const char *)sqlite3_column_text(stmt, 3),
        .name = (const char *)sqlite3_column_text(stmt, 4),
        .uid = (const char *)sqlite3_column_text(stmt, 5),
        .body = (const char *)sqlite3_column_text(stmt, 6),
        .size = (size_t)sqlite3_column_bytes(stmt, 6),
        .prev = (const char *)sqlite3_column_text(stmt, 7),
        .prev_size = (size_t)sqlite3_column_bytes(stmt, 7),
    };
}

int
store_each(struct store *s, sqlite3_stmt *stmt, row_fn *fn, void *ctx, struct err *e)
{
    int rc, verdict = 0;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct row row;

        store_row(stmt, &row);
        if ((verdict = fn(ctx, &row)) != 0)
            break;
    }
    if (verdict == 0 && rc != SQLITE_DONE) {
        fail(s, e, "read state");
        verdict = -1;
    } else if (verdict < 0) {
        err_set(e, ERR_SYSTEM, "read state: a stored object cannot be used");
    }
    sqlite3_reset(stmt);
    return verdict;
}

static int
get(struct store *s, sqlite3_stmt *stmt, row_fn *fn, void *ctx, struct err *e)
{
    int rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        struct row row;

        store_row(stmt, &row);
        rc = fn(ctx, &row) < 0
                 ? err_set(e, ERR_SYSTEM, "read state: a stored object cannot be used")
                 : 1;
    } else {
        rc = rc == SQLITE_DONE ? 0 : fail(s, e, "read state");
    }
    sqlite3_reset(stmt);
    return rc;
}

int
store_get(struct store *s, const char *resource, const char *ns, const char *name,
          row_fn *fn, void *ctx, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_GET, e);

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, resource);
    store_bind(stmt, 2, ns);
    store_bind(stmt, 3, name);
    return get(s, stmt, fn, ctx, e);
}

int
store_get_uid(struct store *s, const char *uid, row_fn *fn, void *ctx, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_GET_UID, e);

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, uid);
    return get(s, stmt, fn, ctx, e);
}

static int
pragma(struct store *s, const char *text, struct err *e)
{
    if (sqlite3_exec(s->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return fail(s, e, "state file");
    return 0;
}

static int
load_versions(struct store *s, struct err *e)
{
    char text[32] = "";
    sqlite3_stmt *stmt = NULL;

    if (store_meta_get(s, "compacted", text, sizeof text, e) < 0)
        return -1;
    s->compacted = strtoll(text, NULL, 10);
    if (sqlite3_prepare_v2(s->db, "SELECT MAX(rv) FROM changes", -1, &stmt, NULL) !=
        SQLITE_OK)
        return fail(s, e, "state file");
    if (sqlite3_step(stmt) == SQLITE_ROW)
        s->version = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    if (s->version < s->compacted)
        s->version = s->compacted;
    return 0;
}

/* The directory's own failure is told in words: SQLite would only say "unable to open". */
static int
check_directory(const char *path, struct err *e)
{
    char dir[4096];
    const char *slash = strrchr(path, '/');

    if (path[0] == ':')
        return 0;
    if (slash == NULL || (size_t)(slash - path) >= sizeof dir)
        return slash == NULL
                   ? 0
                   : err_set(e, ERR_INVALID, "data directory: the path is too long");
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    if (access(dir, W_OK | X_OK) < 0)
        return err_set(e, ERR_SYSTEM, "data directory %s is not writable: %s", dir,
                       strerror(errno));
    return 0;
}

struct store *
store_open(const char *path, struct err *e)
{
    SCOPED(store) struct store *s = calloc(1, sizeof *s);
    mode_t mask;

    if (s == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (check_directory(path, e) < 0)
        return NULL;
    mask = umask(077); /* Secrets are in it */
    int rc = sqlite3_open_v2(
        path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
        NULL);
    if (rc == SQLITE_OK)
        rc =
            sqlite3_exec(s->db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;",
                         NULL, NULL, NULL);
    umask(mask);
    if (rc != SQLITE_OK) {
        if (s->db == NULL)
            err_set(e, ERR_SYSTEM, "state file %s: %s", path, sqlite3_errstr(rc));
        else if (rc == SQLITE_BUSY)
            err_set(e, ERR_SYSTEM, "state file %s is in use by another kelos-apiserver",
                    path);
        else
            err_set(e, ERR_SYSTEM, "state file %s: %s", path, sqlite3_errmsg(s->db));
        return NULL;
    }
    /* temp_store: what a savepoint may undo would go to a file in /tmp once it is over 64 KiB,
     * and the sandbox lets no such file be opened. */
    if (pragma(s,
               "PRAGMA synchronous=FULL; PRAGMA cache_size=-2048; PRAGMA "
               "journal_size_limit=16777216; PRAGMA temp_store=MEMORY;",
               e) < 0 ||
        pragma(s, schema, e) < 0 || load_versions(s, e) < 0)
        return NULL;
    return TAKE(s);
}

void
store_free(struct store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(s->stmts[i]);
    sqlite3_close(s->db);
    free(s);
}

int64_t
store_version(const struct store *s)
{
    return s->version;
}

int64_t
store_next_version(struct store *s)
{
    return ++s->version;
}

int64_t
store_compacted(const struct store *s)
{
    return s->compacted;
}

int
store_meta_get(struct store *s, const char *key, char *out, size_t size, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_META_GET, e);
    int found = 0;

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, key);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        snprintf(out, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
        found = 1;
    }
    sqlite3_reset(stmt);
    return found;
}

static int
two_texts(struct store *s, enum stmt id, const char *a, const char *b, struct err *e)
{
    sqlite3_stmt *stmt;

    if (store_writing(s, e) < 0 || (stmt = store_stmt(s, id, e)) == NULL)
        return -1;
    store_bind(stmt, 1, a);
    store_bind(stmt, 2, b);
    return store_run(s, stmt, e);
}

int
store_meta_set(struct store *s, const char *key, const char *value, struct err *e)
{
    return two_texts(s, STMT_META_SET, key, value, e);
}

int
store_work_add(struct store *s, const char *kind, const char *item, struct err *e)
{
    return two_texts(s, STMT_WORK_ADD, kind, item, e);
}

int
store_work_done(struct store *s, const char *kind, const char *item, struct err *e)
{
    return two_texts(s, STMT_WORK_DONE, kind, item, e);
}

int
store_work_next(struct store *s, const char *kind, char *out, size_t size, struct err *e)
{
    sqlite3_stmt *stmt = store_stmt(s, STMT_WORK_NEXT, e);
    int found = 0;

    if (stmt == NULL)
        return -1;
    store_bind(stmt, 1, kind);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        snprintf(out, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
        found = 1;
    }
    sqlite3_reset(stmt);
    return found;
}
