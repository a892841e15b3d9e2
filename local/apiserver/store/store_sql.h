/* store_sql.h - what store.c and store_log.c share: the statements and the open file. */
#ifndef KELOS_LOCAL_APISERVER_STORE_SQL_H
#define KELOS_LOCAL_APISERVER_STORE_SQL_H

#include <sqlite3.h>

#include "local/apiserver/store/store.h"

enum stmt {
    STMT_GET,
    STMT_GET_UID,
    STMT_LIST,
    STMT_LIST_NS,
    STMT_LIST_AT,
    STMT_COUNT_ALL,
    STMT_COUNT_NS,
    STMT_IN_NS,
    STMT_DEPENDENTS,
    STMT_CHANGES,
    STMT_CHANGED,
    STMT_LOGGED,
    STMT_INSERT,
    STMT_UPDATE,
    STMT_DELETE,
    STMT_LOG,
    STMT_OWNER_ADD,
    STMT_OWNER_DROP,
    STMT_META_GET,
    STMT_META_SET,
    STMT_WORK_ADD,
    STMT_WORK_DONE,
    STMT_WORK_NEXT,
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_SAVEPOINT,
    STMT_UNDO,
    STMT_RELEASE,
    STMT_PRUNE_EDGE,
    STMT_PRUNE,
    STMT_COUNT
};

struct store {
    sqlite3 *db;                     /* owned */
    sqlite3_stmt *stmts[STMT_COUNT]; /* prepared on first use; owned */
    int64_t version;                 /* of the last write, committed or not */
    int64_t committed;               /* version when the transaction began */
    int64_t marked;                  /* version at store_mark */
    int64_t compacted;               /* rows up to here may be gone */
    bool open;                       /* a transaction is open */
    bool broken;                     /* and has failed: only rollback is left */
    bool written;                    /* and holds a write */
    bool
        lost; /* SQLite itself ended the transaction: all of the turn's writes are gone */
};

/* The statement, reset and without bindings; NULL with *e. */
sqlite3_stmt *store_stmt(struct store *s, enum stmt id, struct err *e);
int store_run(struct store *s, sqlite3_stmt *stmt, struct err *e);
int store_each(struct store *s, sqlite3_stmt *stmt, row_fn *fn, void *ctx, struct err *e);
void store_row(sqlite3_stmt *stmt, struct row *row);
/* Opens the transaction when none is open. */
int store_writing(struct store *s, struct err *e);

static inline void
store_bind(sqlite3_stmt *stmt, int column, const char *text)
{
    sqlite3_bind_text(stmt, column, text, -1, SQLITE_STATIC);
}

#endif
