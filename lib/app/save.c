/* save.c - budgetguard backup and restore; see cli.h.
 *
 * A backup is consistent if the counters equal the ledger plus the outbox.
 * The ledger's state is held first, then the counters are copied: they have
 * then seen every row the ledger has.  Rows that the ledger has not must be
 * in the copied outbox, so a copy whose outbox begins behind what the ledger
 * reached is thrown away and both are taken again: between the two lie
 * microseconds, between two batches of the writer milliseconds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/cli.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/json.h"
#include "base/mem.h"
#include "counters/snap.h"
#include "ledger/backup.h"

#define PATH_BYTES 1200
#define TRIES 200
#define MANIFEST_MAX (1u << 20)
#define BLOCK 65536

/* What a backup consists of, the ledger first; the last two need not be. */
static const char *const parts[] = {"ledger.sqlite", "counters.lmdb/data.mdb",
                                    "secret.key", "counters.lmdb/sent.map",
                                    "prices.txt"};
#define PARTS ((int)(sizeof parts / sizeof *parts))
#define PARTS_NEEDED 3

static enum status join(char out[static PATH_BYTES], const char *dir,
                        const char *name, struct err *err)
{
    int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);
    return n > 0 && n < PATH_BYTES
               ? OK
               : err_set(err, E_INVALID, "backup", "path is too long");
}

static bool exists(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    struct err err;
    struct stat st;
    return join(path, dir, name, &err) == OK && stat(path, &st) == 0;
}

/* Copies a file; one that is not there is passed over. */
static enum status copy_file(const char *from_dir, const char *to_dir,
                             const char *name, const char *what,
                             struct err *err)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    struct stat size;
    enum status st = join(from, from_dir, name, err);
    if (st == OK)
        st = join(to, to_dir, name, err);
    if (st != OK || !exists(from_dir, name))
        return st;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    char *block = xcalloc(1, BLOCK);
    int64_t done = 0;
    ssize_t n = -1;
    bool good = in != -1 && out != -1 && fstat(in, &size) == 0;
    while (good && (n = read(in, block, BLOCK)) > 0) {
        good = write(out, block, (size_t)n) == n;
        done += n;
        if (what != NULL && done % (64 * BLOCK) == 0)
            cli_progress(what, done, size.st_size + 1);
    }
    good = good && n == 0 && fsync(out) == 0;
    int why = errno;
    free(block);
    if (in != -1)
        (void)close(in);
    if (out != -1)
        (void)close(out);
    if (what != NULL && good)
        cli_progress(what, 1, 1);
    return good ? OK : err_sys(err, why, "backup", "cannot copy %s", name);
}

static enum status make_dir(const char *path, struct err *err)
{
    if (mkdir(path, 0700) == -1 && errno != EEXIST)
        return err_sys(err, errno, "backup", "cannot make %s", path);
    return OK;
}

static bool is_empty(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    if (d == NULL)
        return errno == ENOENT;
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n == 0;
}

/* ---- backup ------------------------------------------------------------- */

static void drop_counters(const char *dir)
{
    static const char *const names[] = {"counters.lmdb/data.mdb",
                                        "counters.lmdb/sent.map"};
    char path[PATH_BYTES];
    struct err err;
    for (int i = 0; i < 2; i++)
        if (join(path, dir, names[i], &err) == OK)
            (void)unlink(path);
}

/* Holds the ledger's state and copies the counters of the same moment. */
static enum status freeze(const char *data, const char *to,
                          struct backup **ledger, struct err *err)
{
    char file[PATH_BYTES], from[PATH_BYTES], into[PATH_BYTES];
    enum status st = join(file, data, "ledger.sqlite", err);
    if (st == OK)
        st = join(from, data, "counters.lmdb", err);
    if (st == OK)
        st = join(into, to, "counters.lmdb", err);
    for (int i = 0; i < TRIES && st == OK; i++) {
        uint64_t drained, first = 0, later;
        struct backup *again = NULL;
        if ((st = backup_begin(file, ledger, &drained, err)) != OK ||
            (st = snap_take(from, into, &first, err)) != OK)
            return st;
        if (first != 0 && first <= drained + 1)
            return OK;
        // an empty outbox says nothing: has the ledger gone on meanwhile?
        if (first == 0) {
            st = backup_begin(file, &again, &later, err);
            backup_end(&again);
            if (st == OK && later == drained)
                return OK;
        }
        backup_end(ledger);
        drop_counters(to);
    }
    return st != OK ? st
                    : err_set(err, E_BUSY, "backup",
                              "the stores changed too fast; try again");
}

static bool on_pages(void *arg, int64_t done, int64_t all)
{
    cli_progress(arg, done, all);
    return true;
}

static enum status write_text(const char *dir, const char *name,
                              const struct buf *b, struct err *err)
{
    char path[PATH_BYTES];
    enum status st = join(path, dir, name, err);
    if (st != OK || b->failed)
        return st != OK ? st : E_NOMEM;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good =
        fd != -1 && write(fd, b->p, b->n) == (ssize_t)b->n && fsync(fd) == 0;
    int why = errno;
    if (fd != -1)
        (void)close(fd);
    return good ? OK : err_sys(err, why, "backup", "cannot write %s", path);
}

static enum status write_manifest(const char *dir, struct backup_facts *facts,
                                  struct err *err)
{
    struct buf b;
    struct json_out o;
    char path[PATH_BYTES], hex[2 * CRYPT_HASH + 1];
    enum status st = join(path, dir, parts[0], err);
    if (st == OK)
        st = backup_look(path, facts, err);
    buf_init(&b, MANIFEST_MAX);
    json_out_init(&o, &b);
    json_obj(&o);
    json_kstr(&o, "program", slice_str("BudgetGuard " BG_VERSION));
    json_ktime(&o, "created", clock_now_ms());
    json_knum(&o, "schema", facts->version);
    json_knum(&o, "rows", facts->rows);
    crypt_hex(facts->head, sizeof facts->head, hex);
    json_kstr(&o, "head", slice_str(hex));
    json_key(&o, "files");
    json_arr(&o);
    for (int i = 0; i < PARTS && st == OK; i++) {
        uint8_t hash[CRYPT_HASH];
        int64_t bytes = 0;
        if (!exists(dir, parts[i]))
            continue;
        st = join(path, dir, parts[i], err);
        if (st == OK)
            st = crypt_file(path, hash, &bytes, err);
        crypt_hex(hash, sizeof hash, hex);
        json_obj(&o);
        json_kstr(&o, "name", slice_str(parts[i]));
        json_knum(&o, "bytes", bytes);
        json_kstr(&o, "blake2b", slice_str(hex));
        json_obj_end(&o);
    }
    json_arr_end(&o);
    json_obj_end(&o);
    buf_char(&b, '\n');
    if (st == OK)
        st = write_text(dir, "manifest.json", &b, err);
    buf_release(&b);
    return st;
}

int cli_backup(struct cli *c)
{
    const char *data = c->config->data_dir, *to = c->word[0];
    struct backup *ledger = NULL;
    struct backup_facts facts = {0};
    struct err err;
    char file[PATH_BYTES], what[] = "ledger";
    (void)umask(077); // also for what SQLite makes
    if (!is_empty(to)) {
        fprintf(stderr, "budgetguard: %s is not empty\n", to);
        return 1;
    }
    enum status st = app_expects_ledger(c->config, &err);
    if (st != OK)
        return cli_fail(&err);
    st = make_dir(to, &err);
    if (st == OK)
        st = freeze(data, to, &ledger, &err);
    if (st == OK)
        st = join(file, to, "ledger.sqlite", &err);
    if (st == OK)
        st = backup_write(ledger, file, on_pages, what, &err);
    backup_end(&ledger);
    if (st == OK)
        st = copy_file(data, to, "secret.key", NULL, &err);
    if (st == OK)
        st = copy_file(data, to, "prices.txt", NULL, &err);
    if (st == OK)
        st = write_manifest(to, &facts, &err);
    if (st != OK) {
        (void)cli_fail(&err);
        fprintf(stderr, "budgetguard: %s is no backup\n", to);
        return 1;
    }
    printf("%lld rows and the counters of the same moment are in %s\n",
           (long long)facts.rows, to);
    return 0;
}

/* ---- restore ------------------------------------------------------------ */

static enum status read_manifest(const char *dir, struct arena *a,
                                 struct json **out, struct err *err)
{
    char path[PATH_BYTES];
    enum status st = join(path, dir, "manifest.json", err);
    if (st != OK)
        return st;
    char *p = arena_try(a, MANIFEST_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 || p == NULL ? -1 : read(fd, p, MANIFEST_MAX);
    if (fd != -1)
        (void)close(fd);
    if (n < 0)
        return err_set(err, E_NOT_FOUND, "restore", "no manifest in %s", dir);
    if (json_parse(a, slice(p, (size_t)n), out, err) != OK ||
        (*out)->type != JSON_OBJECT)
        return err_set(err, E_CORRUPT, "restore",
                       "manifest.json is not readable");
    return OK;
}

/* The entry of the file of this name; NULL: none. */
static const struct json *entry_of(const struct json *manifest,
                                   const char *name)
{
    const struct json *files = json_get(manifest, "files");
    if (files == NULL || files->type != JSON_ARRAY)
        return NULL;
    for (const struct json *f = files->child; f != NULL; f = f->next)
        if (slice_is(json_text(json_get(f, "name"), SLICE("")), name))
            return f;
    return NULL;
}

static enum status check_part(const char *dir, const struct json *manifest,
                              int i, struct err *err)
{
    char path[PATH_BYTES], hex[2 * CRYPT_HASH + 1];
    uint8_t hash[CRYPT_HASH];
    int64_t bytes, want = -1;
    const struct json *f = entry_of(manifest, parts[i]);
    if (f == NULL && (i < PARTS_NEEDED || exists(dir, parts[i])))
        return err_set(err, E_CORRUPT, "restore",
                       "the manifest does not name %s", parts[i]);
    if (f == NULL)
        return OK;
    enum status st = join(path, dir, parts[i], err);
    if (st == OK)
        st = crypt_file(path, hash, &bytes, err);
    if (st != OK)
        return st;
    crypt_hex(hash, sizeof hash, hex);
    if (!json_i64(json_get(f, "bytes"), &want) || want != bytes ||
        !slice_is(json_text(json_get(f, "blake2b"), SLICE("")), hex))
        return err_set(err, E_CORRUPT, "restore",
                       "%s is not what the manifest says", parts[i]);
    return OK;
}

/* Everything a restore relies on; changes nothing. */
static enum status check_backup(const char *dir, struct err *err)
{
    char path[PATH_BYTES];
    struct json *manifest = NULL;
    struct backup_facts facts;
    struct arena a;
    arena_init(&a, 8u << 20);
    enum status st = read_manifest(dir, &a, &manifest, err);
    for (int i = 0; i < PARTS && st == OK; i++) {
        st = check_part(dir, manifest, i, err);
        cli_progress("verified", i + 1, PARTS);
    }
    if (st == OK)
        st = join(path, dir, parts[0], err);
    if (st == OK)
        st = backup_look(path, &facts, err);
    arena_release(&a);
    return st;
}

/* Puts what DATA_DIR has aside. */
static enum status put_aside(const char *data, struct err *err)
{
    static const char *const names[] = {
        "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm",
        "counters.lmdb", "secret.key",        "prices.txt"};
    char old[PATH_BYTES], from[PATH_BYTES], to[PATH_BYTES];
    int n = snprintf(old, sizeof old, "%s/replaced-%lld", data,
                     (long long)clock_now_ms());
    if (n < 0 || n >= PATH_BYTES)
        return err_set(err, E_INVALID, "restore", "path is too long");
    enum status st = make_dir(old, err);
    for (size_t i = 0; i < sizeof names / sizeof *names && st == OK; i++) {
        if ((st = join(from, data, names[i], err)) == OK &&
            (st = join(to, old, names[i], err)) == OK &&
            rename(from, to) == -1 && errno != ENOENT)
            st = err_sys(err, errno, "restore", "cannot move %s", names[i]);
    }
    if (st == OK)
        printf("what was there is in %s\n", old);
    return st;
}

/* A log without its ledger counts: it would be played onto the restored one. */
static bool is_taken(const char *data)
{
    return exists(data, "ledger.sqlite") || exists(data, "secret.key") ||
           exists(data, "ledger.sqlite-wal") ||
           exists(data, "counters.lmdb/data.mdb");
}

static enum status restore(const char *from, const char *data, struct err *err)
{
    char path[PATH_BYTES];
    enum status st = make_dir(data, err);
    if (st == OK && is_taken(data))
        st = put_aside(data, err);
    if (st == OK)
        st = join(path, data, "counters.lmdb", err);
    if (st == OK)
        st = make_dir(path, err);
    // the ledger last: a folder without one is no data folder yet
    for (int i = PARTS - 1; i >= 0 && st == OK; i--)
        st = copy_file(from, data, parts[i], i == 0 ? "ledger" : NULL, err);
    return st;
}

int cli_restore(struct cli *c)
{
    const char *data = c->config->data_dir, *from = c->word[0];
    char path[PATH_BYTES];
    struct err err;
    (void)umask(077);
    enum status st = join(path, data, "counters.lmdb", &err);
    if (st == OK && snap_in_use(path))
        st = err_set(&err, E_BUSY, "restore", "a server uses %s; stop it first",
                     data);
    if (st == OK && is_taken(data) && !cli_flag(c, "--force"))
        st = err_set(&err, E_EXISTS, "restore",
                     "%s has a ledger already; --force replaces it", data);
    if (st == OK)
        st = check_backup(from, &err);
    if (st == OK)
        st = restore(from, data, &err);
    if (st != OK) {
        (void)cli_fail(&err);
        return 1;
    }
    printf("restored into %s; run budgetguard verify, then start\n", data);
    return 0;
}
