/* demo.h - the demo provider on a loopback socket of its own.
 *
 * Serves provider/demo's answers through the same net room that serves real
 * clients, so that `--demo` exercises the whole path.  Lives on one loop.
 */
#ifndef GATEWAY_DEMO_H
#define GATEWAY_DEMO_H

#include "net/listen.h"

struct loop;

/* Stream operations of the demo provider; `server` is the struct loop. */
extern const struct stream_ops demo_server_ops;

#endif
