/* app.h - the program's parts put together: stores, gateway, control, loops.
 *
 * The only room that sees all others; holds wiring and no rules.  Used by
 * bg.c on the main thread.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"

struct app;

/* E_NOT_FOUND, with what to do, unless DATA_DIR has a ledger: for commands
 * that read what is there and must not make an empty one. */
MUST_CHECK enum status app_expects_ledger(const struct config *c,
                                          struct err *err);
/* Opens the data folder: secret, counters, ledger, catalog, price book.  What
 * a dead process left is recovered unless `read_only` (verify), which a folder
 * without a ledger is E_NOT_FOUND for; else it is made. */
MUST_CHECK enum status app_open(const struct config *c, bool read_only,
                                struct app **out, struct err *err);
/* Serves until SIGTERM or SIGINT, then finishes what is open within the
 * grace.  `demo`: with the demo provider, tenant and admin key. */
MUST_CHECK enum status app_serve(struct app *a, bool demo, struct err *err);
struct control;
typedef enum status app_offline_fn(void *arg, struct control *c,
                                   struct err *err);
/* Starts the control plane of an open app without serving it, calls `fn` and
 * stops it again.  Nobody else may use the data folder meanwhile (app_open
 * says so). */
MUST_CHECK enum status app_offline(struct app *a, app_offline_fn *fn, void *arg,
                                   struct err *err);

typedef void app_check_fn(void *arg, const char *what, enum status st,
                          const char *text);
/* Reads what a start would read besides the stores - zone, certificate,
 * proxies, policy, prices, fallbacks, providers - and says how each went. */
void app_check(const struct config *c, app_check_fn *say, void *arg);
/* Prints the report of counters against ledger; `*good` says how it went. */
MUST_CHECK enum status app_verify(struct app *a, bool *good, struct err *err);
/* Closes, frees, nulls. */
void app_close(struct app **a);

#endif
