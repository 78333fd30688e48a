/* snap.c - see snap.h.
 *
 * LMDB copies from a read transaction, so the copy is one committed state
 * whatever is written meanwhile; MDB_CP_COMPACT takes no writer lock.  The
 * map of sent holds is read as it is: a slot is eight bytes written at once,
 * and one that is newer than the copy names a hold the copy does not have.
 */
#include "counters/snap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counters/store.h"

#define PATH_BYTES 1200
#define BLOCK 65536

static enum status copy_map(const char *from, const char *to, struct err *err)
{
    char block[BLOCK];
    ssize_t n = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in == -1)
        return errno == ENOENT ? OK
                               : err_sys(err, errno, "counters", "%s", from);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = out != -1;
    while (good && (n = read(in, block, sizeof block)) > 0)
        good = write(out, block, (size_t)n) == n;
    good = good && n == 0 && fsync(out) == 0;
    int why = errno;
    (void)close(in);
    if (out != -1)
        (void)close(out);
    return good ? OK : err_sys(err, why, "counters", "cannot write %s", to);
}

/* The first key of the outbox in an environment opened for reading. */
static int first_row(MDB_env *env, uint64_t *first)
{
    MDB_txn *t;
    MDB_dbi dbi;
    MDB_cursor *at = NULL;
    uint8_t table = TABLE_OUTBOX;
    MDB_val k = {1, &table}, v;
    *first = 0;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &t);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(t, NULL, 0, &dbi);
    if (rc == 0)
        rc = mdb_cursor_open(t, dbi, &at);
    if (rc == 0)
        rc = mdb_cursor_get(at, &k, &v, MDB_SET_RANGE);
    if (rc == 0 && k.mv_size == 9 && *(uint8_t *)k.mv_data == table)
        *first = key_get_u64(k.mv_data, 1);
    if (at != NULL)
        mdb_cursor_close(at);
    mdb_txn_abort(t);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int open_reader(const char *dir, unsigned flags, MDB_env **env)
{
    int rc = mdb_env_create(env);
    if (rc == 0)
        rc = mdb_env_open(*env, dir, MDB_RDONLY | MDB_NOTLS | flags, 0600);
    return rc;
}

enum status snap_look(const char *dir, uint64_t *first, struct err *err)
{
    char file[PATH_BYTES];
    MDB_env *env = NULL;
    struct stat st;
    (void)snprintf(file, sizeof file, "%s/data.mdb", dir);
    if (stat(file, &st) == -1)
        return err_set(err, E_NOT_FOUND, "counters", "no counters in %s", dir);
    int rc = open_reader(dir, 0, &env);
    if (rc == 0)
        rc = first_row(env, first);
    mdb_env_close(env);
    return store_status(rc, "reading", err);
}

enum status snap_take(const char *dir, const char *to, uint64_t *first,
                      struct err *err)
{
    char from[PATH_BYTES], into[PATH_BYTES];
    MDB_env *env = NULL;
    struct stat st;
    (void)snprintf(from, sizeof from, "%s/data.mdb", dir);
    if (stat(from, &st) == -1)
        return err_set(err, E_NOT_FOUND, "counters", "no counters in %s", dir);
    if (mkdir(to, 0700) == -1 && errno != EEXIST)
        return err_sys(err, errno, "counters", "cannot make %s", to);
    int rc = open_reader(dir, 0, &env);
    if (rc == 0)
        rc = mdb_env_copy2(env, to, MDB_CP_COMPACT);
    mdb_env_close(env);
    if (rc == 0) { // the copy has no other user: no lock file beside it
        rc = open_reader(to, MDB_NOLOCK, &env);
        if (rc == 0)
            rc = first_row(env, first);
        mdb_env_close(env);
    }
    if (rc != 0)
        return store_status(rc, "copying", err);
    (void)snprintf(from, sizeof from, "%s/sent.map", dir);
    (void)snprintf(into, sizeof into, "%s/sent.map", to);
    return copy_map(from, into, err);
}

bool snap_in_use(const char *dir)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/owner", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return false;
    bool used = flock(fd, LOCK_EX | LOCK_NB) == -1;
    (void)close(fd); // and with it a lock that was got
    return used;
}
