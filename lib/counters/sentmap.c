/* sentmap.c - see sentmap.h.
 *
 * A slot is never cleared: ids are never used twice, so what an earlier user
 * left in it equals no later hold.
 */
#include "counters/sentmap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#define BYTES ((size_t)SENTMAP_SLOTS * sizeof(uint64_t))

enum status sentmap_open(struct sentmap *m, int dir_fd, const char *name,
                         struct err *err)
{
    *m = (struct sentmap){.fd = -1};
    m->fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (m->fd == -1)
        return err_sys(err, errno, "counters", "cannot open %s", name);
    if (ftruncate(m->fd, (off_t)BYTES) == -1) {
        enum status s = err_sys(err, errno, "counters", "cannot size %s", name);
        close(m->fd);
        m->fd = -1;
        return s;
    }
    void *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    if (p == MAP_FAILED) {
        enum status s = err_sys(err, errno, "counters", "cannot map %s", name);
        close(m->fd);
        m->fd = -1;
        return s;
    }
    m->map = m->slots = p;
    pthread_mutex_init(&m->lock, NULL);
    return OK;
}

void sentmap_close(struct sentmap *m)
{
    if (m->slots == NULL)
        return;
    munmap(m->map, BYTES);
    close(m->fd);
    free(m->free);
    pthread_mutex_destroy(&m->lock);
    *m = (struct sentmap){.fd = -1};
}

/* Makes another step of slots usable; with the lock. */
static enum status more(struct sentmap *m)
{
    if (m->ready == SENTMAP_SLOTS)
        return E_BUSY;
    uint32_t *grown =
        try_realloc(m->free, (size_t)(m->ready + SENTMAP_STEP) * sizeof *grown);
    if (grown == NULL)
        return E_NOMEM;
    m->free = grown;
    int rc;
    do {
        rc = posix_fallocate(m->fd, (off_t)m->ready * 8, SENTMAP_STEP * 8);
    } while (rc == EINTR);
    if (rc != 0)
        return E_IO;
    for (uint32_t i = SENTMAP_STEP; i-- > 0;)
        m->free[m->free_n++] = m->ready + i;
    m->ready += SENTMAP_STEP;
    return OK;
}

enum status sentmap_take(struct sentmap *m, uint32_t *slot)
{
    pthread_mutex_lock(&m->lock);
    enum status s = m->free_n != 0 ? OK : more(m);
    if (s == OK)
        *slot = m->free[--m->free_n];
    pthread_mutex_unlock(&m->lock);
    return s;
}

void sentmap_give(struct sentmap *m, uint32_t slot)
{
    pthread_mutex_lock(&m->lock);
    assert(slot < m->ready && m->free_n < m->ready);
    m->free[m->free_n++] = slot;
    pthread_mutex_unlock(&m->lock);
}

void sentmap_mark(struct sentmap *m, uint32_t slot, uint64_t hold_id)
{
    assert(slot < SENTMAP_SLOTS);
    atomic_store_explicit(&m->slots[slot], hold_id, memory_order_release);
}

bool sentmap_has(const struct sentmap *m, uint32_t slot, uint64_t hold_id)
{
    return slot < SENTMAP_SLOTS &&
           atomic_load_explicit(&m->slots[slot], memory_order_acquire) ==
               hold_id;
}

enum status sentmap_sync(struct sentmap *m)
{
    pthread_mutex_lock(&m->lock);
    size_t n = (size_t)m->ready * 8;
    pthread_mutex_unlock(&m->lock);
    return n == 0 || msync(m->map, n, MS_SYNC) == 0 ? OK : E_IO;
}
