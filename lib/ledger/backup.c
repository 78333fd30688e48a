/* backup.c - see backup.h.
 *
 * sqlite3_backup begins again whenever the source was written meanwhile,
 * which under load is for ever; the read transaction that backup_begin opens
 * keeps the source's connection at one state, so every page is copied once.
 */
#include "ledger/backup.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "ledger/migrate.h"
#include "ledger/sql.h"
#include "ledger/store.h"

#define PAGES 2048 /* per step: 8 MB, a few milliseconds */

struct backup {
    sqlite3 *from;
};

static enum status open_file(const char *path, int flags, sqlite3 **out,
                             struct err *err)
{
    int rc = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        return OK;
    sqlite3_close(*out);
    *out = NULL;
    return err_set(err, E_IO, "ledger", "cannot open %s: %s", path,
                   sqlite3_errstr(rc));
}

enum status backup_begin(const char *path, struct backup **out,
                         uint64_t *drained, struct err *err)
{
    struct stat st;
    int64_t v = 0;
    *out = NULL;
    if (stat(path, &st) == -1)
        return err_set(err, E_NOT_FOUND, "ledger", "no ledger in %s", path);
    struct backup *b = xcalloc(1, sizeof *b);
    *out = b;
    // a WAL file is read through its shared memory: that takes writing
    enum status s = open_file(path, SQLITE_OPEN_READWRITE, &b->from, err);
    if (s == OK) {
        sqlite3_busy_timeout(b->from, 5000);
        s = sql_exec(b->from, "PRAGMA query_only=1;BEGIN", err);
    }
    if (s == OK)
        s = store_number(b->from,
                         "SELECT value FROM setting WHERE name='drained'", 0,
                         &v, err);
    *drained = (uint64_t)v;
    if (s != OK)
        backup_end(out);
    return s;
}

void backup_end(struct backup **bp)
{
    struct backup *b = *bp;
    *bp = NULL;
    if (b == NULL)
        return;
    if (b->from != NULL) {
        (void)sqlite3_exec(b->from, "ROLLBACK", NULL, NULL, NULL);
        sqlite3_close(b->from);
    }
    free(b);
}

static enum status copy_pages(sqlite3_backup *k, sqlite3 *to,
                              backup_progress_fn *fn, void *arg,
                              struct err *err)
{
    int rc;
    while ((rc = sqlite3_backup_step(k, PAGES)) == SQLITE_OK) {
        int64_t all = sqlite3_backup_pagecount(k);
        if (fn != NULL && !fn(arg, all - sqlite3_backup_remaining(k), all))
            return err_set(err, E_BUSY, "ledger", "stopped");
    }
    if (rc != SQLITE_DONE)
        return err_set(err, E_IO, "ledger", "copying the ledger: %s",
                       sqlite3_errstr(rc));
    if (fn != NULL)
        (void)fn(arg, 1, 1);
    (void)to;
    return OK;
}

enum status backup_write(struct backup *b, const char *to,
                         backup_progress_fn *fn, void *arg, struct err *err)
{
    sqlite3 *c = NULL;
    enum status st = open_file(
        to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE,
        &c, err);
    if (st != OK)
        return st;
    sqlite3_backup *k = sqlite3_backup_init(c, "main", b->from, "main");
    if (k == NULL)
        st = sql_status(c, sqlite3_errcode(c), err);
    else {
        st = copy_pages(k, c, fn, arg, err);
        (void)sqlite3_backup_finish(k);
    }
    if (st == OK) // a WAL file cannot be read where nothing can be written
        st = sql_exec(c, "PRAGMA journal_mode=DELETE", err);
    if (sqlite3_close(c) != SQLITE_OK && st == OK)
        st = err_set(err, E_IO, "ledger", "cannot close %s", to);
    return st;
}

/* "ok" of quick_check. */
static enum status quick_check(sqlite3 *c, struct err *err)
{
    struct sql q = sql_prepare(c, "PRAGMA quick_check(1)");
    struct slice said = sql_row(&q) ? sql_col_text(&q, 0) : SLICE("");
    bool good = slice_is(said, "ok");
    if (!good)
        (void)err_set(err, E_CORRUPT, "ledger", "the file is damaged: %.*s",
                      said.n < 80 ? (int)said.n : 80, said.p);
    enum status st = sql_done(&q, good ? err : NULL);
    return !good ? E_CORRUPT : st;
}

enum status backup_look(const char *path, struct backup_facts *out,
                        struct err *err)
{
    sqlite3 *c = NULL;
    *out = (struct backup_facts){0};
    enum status st = open_file(path, SQLITE_OPEN_READWRITE, &c, err);
    if (st == OK)
        st = quick_check(c, err);
    if (st == OK)
        st = store_number(c, "PRAGMA user_version", 0, &out->version, err);
    if (st == OK && out->version > MIGRATE_VERSION)
        st = err_set(err, E_INVALID, "ledger",
                     "%s was written by a newer BudgetGuard", path);
    if (st == OK && out->version < 1)
        st = err_set(err, E_CORRUPT, "ledger", "%s is no ledger", path);
    if (st == OK)
        st = store_number(c, "SELECT max(id) FROM ledger", 0, &out->rows, err);
    if (st == OK) {
        struct sql q =
            sql_prepare(c, "SELECT hash FROM ledger ORDER BY id DESC LIMIT 1");
        struct slice h = sql_row(&q) ? sql_col_text(&q, 0) : SLICE("");
        if (h.n == sizeof out->head)
            memcpy(out->head, h.p, h.n);
        st = sql_done(&q, err);
    }
    sqlite3_close(c);
    return st;
}
