/* sentmap.h - which holds' requests may have left, in shared memory.
 *
 * 2^20 slots of 8 bytes in a mapped file; a slot holds the id of the hold
 * whose first byte was about to leave.  A store into the map survives the
 * process and costs no system call.  Blocks are allocated on disk before
 * their slots are given out, since a store into a hole of a full disk would
 * be a SIGBUS.
 */
#ifndef COUNTERS_SENTMAP_H
#define COUNTERS_SENTMAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SENTMAP_SLOTS (1u << 20)
#define SENTMAP_STEP 4096u

struct sentmap {
    int fd;
    void *map;               /* the mapped file */
    _Atomic uint64_t *slots; /* the same */
    pthread_mutex_t lock;    /* guards what follows */
    uint32_t ready;          /* slots that have blocks on disk */
    uint32_t *free, free_n;  /* a stack; as long as `ready` */
};

/* Opens or makes `name` in the folder.  E_IO. */
MUST_CHECK enum status sentmap_open(struct sentmap *m, int dir_fd,
                                    const char *name, struct err *err);
/* Unmaps and closes. */
void sentmap_close(struct sentmap *m);
/* Takes a slot.  E_BUSY: all are in use; E_IO: no room on disk. */
MUST_CHECK enum status sentmap_take(struct sentmap *m, uint32_t *slot);
/* Gives it back. */
void sentmap_give(struct sentmap *m, uint32_t slot);
/* Stores the id. */
void sentmap_mark(struct sentmap *m, uint32_t slot, uint64_t hold_id);
/* True if the slot holds this id. */
bool sentmap_has(const struct sentmap *m, uint32_t slot, uint64_t hold_id);
/* Flushes to disk. */
MUST_CHECK enum status sentmap_sync(struct sentmap *m);

#endif
