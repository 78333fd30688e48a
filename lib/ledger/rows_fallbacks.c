/* rows_fallbacks.c - the admin's fallback chains as one stored text. */
#include "ledger/change.h"
#include "ledger/rows.h"

enum status rows_fallbacks_put(struct db *db, struct actor who,
                               struct slice text, int count, struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    bool set = text.p != NULL;
    struct sql q = sql_prepare(
        db->w, set ? "INSERT INTO setting_text VALUES('fallbacks',?) ON "
                     "CONFLICT(name) DO UPDATE SET value=excluded.value"
                   : "DELETE FROM setting_text WHERE name='fallbacks'");
    if (set)
        sql_text(&q, text);
    sql_run(&q);
    c.st = sql_done(&q, err);
    change_audit(&c, 0, set ? "fallbacks.set" : "fallbacks.delete", "models",
                 count, slice(NULL, 0), err);
    return change_end(&c, 0, err);
}
