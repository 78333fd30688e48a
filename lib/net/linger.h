/* linger.h - closing a connection whose client still sends.
 *
 * Closing with unread bytes makes the kernel send a reset, which can overtake
 * the answer.  A descriptor given here is read empty, within limits, and then
 * closed.  Owning loop only; inside the room.
 */
#ifndef NET_LINGER_H
#define NET_LINGER_H

#include "net/loop.h"

struct lingering;

/* Those of one listener; set `loop`, zero the rest. */
struct lingers {
    struct loop *loop;
    struct lingering *first;
};

/* Takes `fd` over: reads until the client closes, 3 s or 64 MiB. */
void linger_start(struct lingers *all, int fd);
/* Closes all of them now. */
void linger_end_all(struct lingers *all);

#endif
