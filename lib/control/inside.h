/* inside.h - a control route called from this process, without a socket.
 *
 * For subcommands that work on a data folder no server uses: the same
 * handlers, checks and texts as over HTTP, as an admin.  Blocks; any thread.
 */
#ifndef CONTROL_INSIDE_H
#define CONTROL_INSIDE_H

#include "base/buf.h"
#include "base/slice.h"
#include "control/control.h"

/* Calls `method path`; `query` may be empty, `body` is JSON or empty.  The
 * answer's body is added to `out`; returns its HTTP status. */
int inside_call(struct control *c, struct slice method, struct slice path,
                struct slice query, struct slice body, struct buf *out);

#endif
