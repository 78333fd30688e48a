/* issue_key.h - what the two ways to issue a key have in common.
 *
 * For handlers, on pool threads.
 */
#ifndef CONTROL_ISSUE_KEY_H
#define CONTROL_ISSUE_KEY_H

#include "base/crypt.h"
#include "control/request.h"
#include "ledger/rows.h"

/* The body as a JSON object; an absent one is empty (`*out` NULL).
 * `typed`: it must say application/json, else 415.  False: answered. */
bool issue_body(struct request *r, bool typed, const struct json **out);
/* A short text of the body; null, "" as a note and absent are .p NULL.
 * False: answered with 400. */
bool issue_text(struct request *r, const struct json *v, const char *name,
                struct slice *out);
/* Draws a key: the text to show once and the row to store. */
void issue_make(struct request *r, struct slice note, struct key_row *k,
                char token[static CRYPT_TOKEN_TEXT]);
/* Writes {key: "bg_x…9aZq"}. */
void issue_masked(struct request *r, struct json_out *o, const char *key,
                  const struct key_row *k);

#endif
