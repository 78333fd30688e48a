/* fallbacks.c - whom to ask when a model cannot answer, as an admin sets it.
 *
 * What is in force is one whole: the stored chains if there are any, else
 * FALLBACKS.  A change is stored, noted and swapped into the catalog's
 * snapshot under one lock; every loop sees it with its next request.
 */
#include "catalog/fallbacks.h"

#include "control/control.h"
#include "control/handlers.h"
#include "ledger/rows.h"

static void write_all(struct request *r)
{
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    bool by_admin;
    const struct fallbacks *f = snapshot_fallbacks(s, &by_admin);
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "source", by_admin ? SLICE("admin") : SLICE("config"));
    json_key(&o, "fallbacks");
    fallbacks_write(f, &o);
    json_obj_end(&o);
    snapshot_unref(&s);
}

void fallbacks_get(struct request *r)
{
    write_all(r);
}

void fallbacks_put(struct request *r)
{
    const struct json *given = json_get(r->json, "fallbacks");
    struct fallbacks *f = NULL;
    struct json_out o;
    struct buf text;
    struct err err;
    if (given == NULL) {
        request_invalid(r, "body", "must have required property 'fallbacks'");
        return;
    }
    enum status st = fallbacks_from(given, &f, &err);
    if (st != OK) {
        request_invalid(r, "body/fallbacks", err.text);
        return;
    }
    buf_init(&text, FALLBACKS_TEXT);
    json_out_init(&o, &text);
    fallbacks_write(f, &o);
    st = text.failed
             ? err_set(&err, E_TOO_BIG, "fallbacks", "too long")
             : rows_fallbacks_put(control_conf(r->control)->db, control_admin,
                                  buf_get(&text), fallbacks_count(f), &err);
    if (st == OK)
        write_all(r);
    else
        request_fault(r, st, &err);
    fallbacks_unref(&f);
    buf_release(&text);
}

void fallbacks_delete(struct request *r)
{
    struct err err;
    enum status st = rows_fallbacks_put(control_conf(r->control)->db,
                                        control_admin, slice(NULL, 0), 0, &err);
    if (st == OK)
        write_all(r);
    else
        request_fault(r, st, &err);
}
