/* db.c - see db.h.
 *
 * WAL, synchronous=NORMAL: after a power loss the newest commits may be gone,
 * but never torn, and the outbox still has their rows unless it was trimmed
 * and synced; the check at start sees to counters then.
 */
#include "ledger/db.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "ledger/append.h"
#include "ledger/migrate.h"
#include "ledger/store.h"

#define BUSY_MS 5000

static enum status configure(sqlite3 *c, bool writer, struct err *err)
{
    sqlite3_busy_timeout(c, BUSY_MS);
    enum status st = sql_exec(c,
                              "PRAGMA temp_store=MEMORY;"
                              "PRAGMA cache_size=-8192;"
                              "PRAGMA mmap_size=268435456;"
                              "PRAGMA trusted_schema=OFF",
                              err);
    if (st == OK && writer)
        st = sql_exec(c,
                      "PRAGMA journal_mode=WAL;"
                      "PRAGMA synchronous=NORMAL;"
                      "PRAGMA wal_autocheckpoint=4000",
                      err);
    return st;
}

static enum status open_one(const char *path, int flags, sqlite3 **out,
                            struct err *err)
{
    int rc = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return err_set(err, E_IO, "ledger", "cannot open %s: %s", path,
                       *out != NULL ? sqlite3_errmsg(*out)
                                    : sqlite3_errstr(rc));
    sqlite3_extended_result_codes(*out, 1);
    return OK;
}

enum status db_open(const struct db_conf *conf, struct db **out,
                    struct err *err)
{
    struct db *db = xcalloc(1, sizeof *db);
    mode_t old = umask(077);
    db->conf = *conf;
    db->path = xmemdupz(conf->path, strlen(conf->path));
    db->conf.path = db->path;
    pthread_mutex_init(&db->lock, NULL);
    pthread_mutex_init(&db->pool, NULL);
    pthread_mutex_init(&db->correct, NULL);
    pthread_cond_init(&db->pool_free, NULL);
    enum status st = open_one(
        db->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db->w, err);
    if (st == OK)
        st = configure(db->w, true, err);
    if (st == OK)
        st = conf->counters != NULL ? migrate_up(db->w, err)
                                    : migrate_is_done(db->w, err);
    for (int i = 0; st == OK && i < STORE_READERS; i++) {
        st = open_one(db->path, SQLITE_OPEN_READWRITE, &db->idle[i], err);
        if (st == OK)
            st = configure(db->idle[i], false, err);
        if (st == OK)
            st = sql_exec(db->idle[i], "PRAGMA query_only=1", err);
        db->free_count++;
    }
    umask(old);
    *out = db;
    if (st != OK)
        db_close(out);
    return st;
}

void db_close(struct db **dbp)
{
    struct db *db = *dbp;
    *dbp = NULL;
    if (db == NULL)
        return;
    append_free(&db->append);
    for (int i = 0; i < db->free_count; i++)
        sqlite3_close(db->idle[i]);
    sqlite3_close(db->w);
    pthread_mutex_destroy(&db->lock);
    pthread_mutex_destroy(&db->pool);
    pthread_mutex_destroy(&db->correct);
    pthread_cond_destroy(&db->pool_free);
    free(db->path);
    free(db);
}

enum status store_begin(struct db *db, struct err *err)
{
    pthread_mutex_lock(&db->lock);
    enum status st = sql_exec(db->w, "BEGIN IMMEDIATE", err);
    if (st != OK)
        pthread_mutex_unlock(&db->lock);
    return st;
}

enum status store_commit(struct db *db, enum status st, struct err *err)
{
    if (st == OK)
        st = sql_exec(db->w, "COMMIT", err);
    if (st != OK)
        (void)sqlite3_exec(db->w, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

void store_end(struct db *db)
{
    pthread_mutex_unlock(&db->lock);
}

sqlite3 *store_reader(struct db *db)
{
    pthread_mutex_lock(&db->pool);
    while (db->free_count == 0)
        pthread_cond_wait(&db->pool_free, &db->pool);
    sqlite3 *c = db->idle[--db->free_count];
    pthread_mutex_unlock(&db->pool);
    return c;
}

void store_reader_give(struct db *db, sqlite3 *conn)
{
    pthread_mutex_lock(&db->pool);
    db->idle[db->free_count++] = conn;
    pthread_cond_signal(&db->pool_free);
    pthread_mutex_unlock(&db->pool);
}

enum status store_number(sqlite3 *conn, const char *text, int64_t none,
                         int64_t *out, struct err *err)
{
    struct sql q = sql_prepare(conn, text);
    *out = sql_row(&q) ? sql_col(&q, 0, none) : none;
    return sql_done(&q, err);
}

enum status db_drained(struct db *db, uint64_t *seq, struct err *err)
{
    int64_t v = 0;
    sqlite3 *c = store_reader(db);
    enum status st = store_number(
        c, "SELECT value FROM setting WHERE name='drained'", 0, &v, err);
    store_reader_give(db, c);
    *seq = (uint64_t)v;
    return st;
}

bool db_window(const struct db *db, const struct budget *b, int64_t at_ms,
               struct counter_window *out)
{
    struct window w;
    if (!db->conf.window_at(b, db->conf.zone, at_ms, &w))
        return false;
    *out = (struct counter_window){.budget = b->id,
                                   .start_ms = w.start_ms,
                                   .end_ms = w.end_ms,
                                   .amount = b->amount,
                                   .hard = !b->soft};
    if (b->period == PERIOD_ROLLING) {
        out->step_ms = db->conf.window_step_ms(b->rolling_ms);
        out->width_ms = b->rolling_ms;
        out->start_ms = w.end_ms - out->step_ms;
    }
    return true;
}
