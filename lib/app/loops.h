/* loops.h - the threads that serve: one loop, gateway part and listener each.
 *
 * For: starting them, giving their listeners a new certificate, and the way
 * down.  Not for: what is served (gateway, control).  Called on the main
 * thread only.
 */
#ifndef APP_LOOPS_H
#define APP_LOOPS_H

#include "app/store.h"

/* Starts a thread per loop on `a->fd` (and the demo provider on the first).
 * Returns when all of them serve; E_IO if one cannot. */
MUST_CHECK enum status loops_start(struct app *a, struct err *err);
/* Reads the certificate files; E_INVALID with the variable's name if one of
 * them cannot be read.  Does nothing if TLS is off. */
MUST_CHECK enum status loops_read_tls(struct app *a, struct err *err);
/* Looks whether the certificate files changed; if they did, connections from
 * now on get the new one, those that exist keep theirs.  A pair that does not
 * work is logged and the old one stays. */
void loops_check_tls(struct app *a);
/* Stops accepting, lets requests end within the grace, cuts and books what is
 * left, joins.  Loops stay allocated for those who still post to them. */
void loops_stop(struct app *a);
/* Frees them; after everything that posts to them has ended. */
void loops_free(struct app *a);

#endif
