/* body.c - see body.h.
 *
 * The spill file is preallocated before it is mapped: a store into a hole of
 * a full disk would be a SIGBUS instead of an error.
 */
#include "gateway/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#define FIRST 4096

void body_init(struct body *b, size_t limit)
{
    *b = (struct body){.limit = limit, .fd = -1};
}

static enum status grow_memory(struct body *b, size_t cap, struct err *err)
{
    char *p = try_realloc(b->p, cap);
    if (p == NULL)
        return err_set(err, E_NOMEM, "body", "no memory for %zu bytes", cap);
    b->p = p;
    b->cap = cap;
    return OK;
}

static enum status grow_file(struct body *b, size_t cap, const char *dir,
                             struct err *err)
{
    int fd = b->fd;
    if (fd == -1)
        fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd == -1)
        return err_sys(err, errno, "body", "cannot make a spill file");
    int rc = posix_fallocate(fd, 0, (off_t)cap);
    char *p = MAP_FAILED;
    if (rc == 0)
        p = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        if (b->fd == -1)
            (void)close(fd);
        return err_sys(err, rc != 0 ? rc : errno, "body",
                       "cannot grow the spill file");
    }
    if (b->fd == -1) {
        if (b->n > 0)
            memcpy(p, b->p, b->n);
        free(b->p);
    } else
        (void)munmap(b->p, b->cap);
    b->fd = fd;
    b->p = p;
    b->cap = cap;
    return OK;
}

static enum status grow(struct body *b, size_t need, const char *dir,
                        struct err *err)
{
    size_t cap = b->cap != 0 ? b->cap : FIRST;
    while (cap < need)
        cap *= 2;
    if (b->fd == -1 && need <= BODY_MEMORY)
        return grow_memory(b, cap < BODY_MEMORY ? cap : BODY_MEMORY, err);
    return grow_file(b, cap, dir, err);
}

enum status body_expect(struct body *b, size_t n, const char *dir,
                        struct err *err)
{
    if (n > b->limit)
        return E_TOO_BIG;
    if (n <= b->cap)
        return OK;
    return n <= BODY_MEMORY ? grow_memory(b, n, err) : grow(b, n, dir, err);
}

enum status body_add(struct body *b, const char *p, size_t n, const char *dir,
                     struct err *err)
{
    if (n > b->limit || b->n > b->limit - n)
        return err_set(err, E_TOO_BIG, "body", "larger than %zu bytes",
                       b->limit);
    if (b->n + n > b->cap) {
        enum status st = grow(b, b->n + n, dir, err);
        if (st != OK)
            return st;
    }
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return OK;
}

struct slice body_get(const struct body *b)
{
    return (struct slice){b->p != NULL ? b->p : "", b->n};
}

void body_release(struct body *b)
{
    if (b->fd == -1)
        free(b->p);
    else {
        (void)munmap(b->p, b->cap);
        (void)close(b->fd);
    }
    body_init(b, b->limit);
}
