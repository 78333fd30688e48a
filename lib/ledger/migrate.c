/* migrate.c - see migrate.h.
 *
 * Steps only add: tables, indexes, and what follows from the rows, which stay
 * as they are (the hash chain covers them).  A step that is out in the world
 * is never edited; the next version gets a step of its own, and the test of
 * upgrades compares what both ways lead to.
 */
#include "ledger/migrate.h"

#include "base/log.h"
#include "ledger/schema.h"
#include "ledger/store.h"

#define DATA_OF_ROWS(cond)                                                    \
    "SELECT CASE WHEN ingest_token_id IS NOT NULL THEN ingest_token_id WHEN " \
    "coalesce(reason,'')='legacy' THEN 0 ELSE -1 END,"                        \
    "ts-((ts%86400000)+86400000)%86400000,coalesce(model,''),sum(usd),"       \
    "count(*),sum(prompt_tok),sum(comp_tok) FROM ledger WHERE kind='usage' "  \
    "AND status IN ('success','interrupted')" cond " GROUP BY 1,2,3;"

#define DATA_COLUMNS                                       \
    "token_id INTEGER NOT NULL, bucket INTEGER NOT NULL, " \
    "model TEXT NOT NULL, usd INTEGER NOT NULL, "          \
    "requests INTEGER NOT NULL, input INTEGER NOT NULL, "  \
    "output INTEGER NOT NULL, "                            \
    "PRIMARY KEY(token_id, bucket, model)) STRICT, WITHOUT ROWID;"

/* What bears a tag counts once under minus its tenant's id. */
#define TAGGED(table, unit)                                              \
    "INSERT INTO " table " SELECT -tenant_id,ts-((ts%" unit ")+" unit    \
    ")%" unit                                                            \
    ",1,coalesce(status,''),sum(usd),sum(kind='usage'),sum(prompt_tok)," \
    "sum(comp_tok) FROM ledger WHERE kind<>'reset' AND id IN (SELECT "   \
    "ledger_id FROM ledger_tag WHERE direct) GROUP BY 1,2,3,4;"

/* Step i brings version i + 1 to i + 2. */
// clang-format off
static const char *const steps[MIGRATE_VERSION - 1] = {
    "DROP INDEX ledger_session;"
    "DROP INDEX ledger_user;"
    "CREATE INDEX ledger_session ON "
    "ledger(session, tenant_id, ts, usd, kind) "
    "WHERE session IS NOT NULL;"
    "CREATE INDEX ledger_user ON ledger(\"user\", tenant_id, ts) "
    "WHERE \"user\" IS NOT NULL;"
    "CREATE INDEX ledger_model ON ledger(model, ts);"
    "CREATE INDEX ledger_status ON ledger(status, ts, tenant_id, key_id) "
    "WHERE status <> 'success';"
    "CREATE INDEX ledger_reason ON ledger(reason, ts) "
    "WHERE reason IS NOT NULL;"
    "CREATE INDEX ledger_ingest ON ledger(ingest_token_id, ts) "
    "WHERE ingest_token_id IS NOT NULL;"
    "CREATE INDEX ledger_pushed ON ledger(ts) "
    "WHERE ingest_token_id IS NOT NULL OR reason = 'legacy';"
    "CREATE INDEX ledger_other ON ledger("
    "ts, kind, tenant_id, key_id, tenant, model, provider, status) "
    "WHERE kind <> 'usage';"
    "CREATE INDEX session_name ON session(session_id);"
    "CREATE TABLE rollup_use("
    "tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL, "
    "key_id INTEGER NOT NULL, usd INTEGER NOT NULL, "
    "requests INTEGER NOT NULL, metered INTEGER NOT NULL, "
    "input INTEGER NOT NULL, output INTEGER NOT NULL, "
    "PRIMARY KEY(tenant_id, bucket, key_id)) STRICT, WITHOUT ROWID;"
    "INSERT INTO rollup_use SELECT tenant_id,bucket,key_id,sum(usd),"
    "sum(requests),sum(CASE WHEN status IN ('success','interrupted') THEN "
    "requests ELSE 0 END),sum(input),sum(output) FROM rollup_day "
    "GROUP BY 1,2,3;"
    "CREATE TABLE rollup_month("
    "tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL, "
    "key_id INTEGER NOT NULL, usd INTEGER NOT NULL, "
    "requests INTEGER NOT NULL, metered INTEGER NOT NULL, "
    "input INTEGER NOT NULL, output INTEGER NOT NULL, "
    "PRIMARY KEY(tenant_id, bucket, key_id)) STRICT, WITHOUT ROWID;"
    "INSERT INTO rollup_month SELECT tenant_id,1000*unixepoch("
    "strftime('%Y-%m-01',bucket/1000,'unixepoch')),key_id,sum(usd),"
    "sum(requests),sum(metered),sum(input),sum(output) FROM rollup_use "
    "GROUP BY 1,2,3;"
    "CREATE TABLE rollup_data(" DATA_COLUMNS
    "INSERT INTO rollup_data " DATA_OF_ROWS("")
    "CREATE TABLE epoch_data(" DATA_COLUMNS
    "INSERT INTO epoch_data " DATA_OF_ROWS(
        " AND id<=coalesce((SELECT value FROM setting WHERE name='epoch'),0)")
    "CREATE TABLE seen_tenant("
    "tenant_id INTEGER NOT NULL, name TEXT NOT NULL, "
    "PRIMARY KEY(tenant_id, name)) STRICT, WITHOUT ROWID;"
    "INSERT INTO seen_tenant SELECT DISTINCT tenant_id,tenant FROM ledger "
    "WHERE tenant IS NOT NULL;"
    "CREATE TABLE seen_tag("
    "tag_id INTEGER NOT NULL, tenant_id INTEGER NOT NULL, "
    "name TEXT NOT NULL, PRIMARY KEY(name, tag_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX seen_tag_id ON seen_tag(tag_id);"
    "INSERT INTO seen_tag SELECT tag_id,(SELECT tenant_id FROM ledger WHERE "
    "id=newest),name FROM (SELECT tag_id,name,max(ledger_id) AS newest FROM "
    "ledger_tag GROUP BY tag_id,name);"
    TAGGED("rollup_tag_hour", "3600000")
    TAGGED("rollup_tag_day", "86400000")
    "CREATE INDEX alert_tenant ON alert(tenant_id, id);"
    "CREATE TABLE alert_delivery("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "alert_id INTEGER NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL, "
    "attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, "
    "last_error TEXT, delivered_at INTEGER, "
    "UNIQUE(alert_id, channel)) STRICT;"
    "CREATE INDEX alert_delivery_pending ON alert_delivery(channel, next_at) "
    "WHERE state = 'pending';"
    "PRAGMA user_version = 2;",

    "CREATE TABLE setting_text("
    "name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 3;",

    "CREATE TABLE rollup_tag_month("
    "tag_id INTEGER NOT NULL, bucket INTEGER NOT NULL, "
    "direct INTEGER NOT NULL, status TEXT NOT NULL, "
    "usd INTEGER NOT NULL, requests INTEGER NOT NULL, "
    "input INTEGER NOT NULL, output INTEGER NOT NULL, "
    "PRIMARY KEY(tag_id, bucket, direct, status)) STRICT, WITHOUT ROWID;"
    "INSERT INTO rollup_tag_month SELECT tag_id,1000*unixepoch("
    "strftime('%Y-%m-01',bucket/1000,'unixepoch')),direct,status,sum(usd),"
    "sum(requests),sum(input),sum(output) FROM rollup_tag_day "
    "GROUP BY 1,2,3,4;"
    "PRAGMA user_version = 4;",
};
// clang-format on

static enum status one_step(sqlite3 *c, const char *text, struct err *err)
{
    enum status st = sql_exec(c, "BEGIN IMMEDIATE", err);
    if (st == OK)
        st = sql_exec(c, text, err);
    if (st == OK)
        return sql_exec(c, "COMMIT", err);
    (void)sqlite3_exec(c, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

/* E_INVALID: from a newer program. */
static enum status version_of(sqlite3 *c, int64_t *version, struct err *err)
{
    enum status st = store_number(c, "PRAGMA user_version", 0, version, err);
    if (st == OK && (*version > MIGRATE_VERSION || *version < 0))
        st = err_set(err, E_INVALID, "ledger",
                     "ledger.sqlite has version %lld, this program knows %d: "
                     "it was written by a newer BudgetGuard",
                     (long long)*version, MIGRATE_VERSION);
    return st;
}

enum status migrate_is_done(sqlite3 *c, struct err *err)
{
    int64_t version = 0;
    enum status st = version_of(c, &version, err);
    if (st == OK && version < MIGRATE_VERSION)
        st = err_set(err, E_INVALID, "ledger",
                     "ledger.sqlite has version %lld, this program reads %d: "
                     "a server of this version brings it there at its start",
                     (long long)version, MIGRATE_VERSION);
    return st;
}

enum status migrate_up(sqlite3 *c, struct err *err)
{
    int64_t version = 0;
    enum status st = version_of(c, &version, err);
    if (st == OK && version == 0)
        return one_step(c, schema_text(), err);
    for (int64_t v = version; st == OK && v < MIGRATE_VERSION; v++) {
        log_line(LOG_INFO, "ledger is brought to a newer version",
                 LF_N("from", v), LF_N("to", v + 1));
        st = one_step(c, steps[v - 1], err);
    }
    return st;
}
