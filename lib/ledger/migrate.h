/* migrate.h - brings a ledger file up to this program's schema.
 *
 * Numbered steps, each one transaction that ends with its version, so that a
 * kill in between leaves a file of an older version and never a torn one.
 * Writer connection only.  Not included from outside the room.
 */
#ifndef LEDGER_MIGRATE_H
#define LEDGER_MIGRATE_H

#include "ledger/sql.h"

/* The version that schema.sql makes. */
#define MIGRATE_VERSION 4

/* Makes the tables of an empty file, or takes every step it lacks.
 * E_INVALID: written by a newer program (text says so); E_IO, E_CORRUPT. */
MUST_CHECK enum status migrate_up(sqlite3 *c, struct err *err);
/* For those who read beside the owner, which may be an older program that
 * knows nothing of newer tables: changes nothing.  E_INVALID: the file is of
 * another version (text says what to do); E_IO, E_CORRUPT. */
MUST_CHECK enum status migrate_is_done(sqlite3 *c, struct err *err);

#endif
