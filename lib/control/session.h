/* session.h - the dashboard's sign-in: a signed cookie instead of a secret.
 *
 * bg_admin is "<expiry, hex ms>-<nonce, hex>-<mac, hex>"; the mac is
 * BLAKE2b-256 keyed with secret.key, so looking at it takes no store.  Those
 * signed out before they expire are kept, on disk and in memory.  Any thread;
 * the loops only call session_look.
 */
#ifndef CONTROL_SESSION_H
#define CONTROL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "http/field.h"
#include "ledger/db.h"

#define SESSION_TEXT 160 /* of a cookie's value, with a terminator */
#define SESSION_CSRF 33  /* of its CSRF token, with a terminator */

struct sessions;

/* Loads what has been signed out.  `secret` is borrowed. */
MUST_CHECK enum status sessions_new(struct db *db, const uint8_t *secret,
                                    int64_t now_ms, struct sessions **out,
                                    struct err *err);
/* Frees and nulls. */
void sessions_free(struct sessions **s);

/* Makes a cookie's value that holds until `expires_ms`. */
void session_make(const struct sessions *s, int64_t expires_ms,
                  char out[static SESSION_TEXT]);
/* The bg_admin cookie among the fields; .p NULL: none. */
struct slice session_cookie(const struct http_field *f, int n);
/* True if the value is ours and holds; `*expires_ms` and the CSRF token that
 * goes with it. */
bool session_look(struct sessions *s, struct slice value, int64_t now_ms,
                  int64_t *expires_ms, char csrf[static SESSION_CSRF]);
/* Ends it.  Blocks. */
MUST_CHECK enum status session_end(struct sessions *s, struct slice value,
                                   int64_t expires_ms, struct err *err);

#endif
