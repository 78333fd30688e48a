/* prices.c - see prices.h.  Written beside and renamed, so that a reader sees
 * the old file or the new one. */
#include "app/prices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "price/import.h"

#define FILE_MAX (64u << 20)

static enum status slurp(const char *file, struct buf *out, struct err *err)
{
    char piece[65536];
    ssize_t n;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return err_set(err, E_NOT_FOUND, "prices", "cannot read %s", file);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_add(out, piece, (size_t)n);
    (void)close(fd);
    return n < 0 || out->failed
               ? err_set(err, E_IO, "prices", "cannot read %s", file)
               : OK;
}

static enum status spit(const char *dir, struct slice text, struct err *err)
{
    char path[1100], fresh[1110];
    (void)mkdir(dir, 0700);
    int n = snprintf(path, sizeof path, "%s/prices.txt", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(err, E_INVALID, "prices", "DATA_DIR is too long");
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd == -1)
        return err_sys(err, errno, "prices", "cannot write %s", fresh);
    ssize_t done = write(fd, text.p, text.n);
    int failed = done != (ssize_t)text.n || fsync(fd) == -1 ? errno : 0;
    (void)close(fd);
    if (done != (ssize_t)text.n || failed != 0 || rename(fresh, path) == -1)
        return err_sys(err, errno, "prices", "cannot write %s", path);
    printf("written to %s; restart to use it\n", path);
    return OK;
}

enum status prices_import(const struct config *c, const char *file,
                          struct err *err)
{
    struct buf in, out;
    int rows = 0;
    buf_init(&in, FILE_MAX);
    buf_init(&out, FILE_MAX);
    enum status st = slurp(file, &in, err);
    if (st == OK)
        st = price_import(buf_get(&in), &out, &rows, err);
    if (st == OK) {
        printf("%d prices read from %s\n", rows, file);
        st = spit(c->data_dir, buf_get(&out), err);
    }
    buf_release(&in);
    buf_release(&out);
    return st;
}
