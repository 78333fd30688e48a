/* inspect.c - budgetguard check; see cli.h.
 *
 * What a start would read is read here by the same functions, each part for
 * itself, so that one run names everything that is wrong.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/app.h"
#include "app/cli.h"
#include "counters/snap.h"
#include "ledger/backup.h"

#define PATH_BYTES 1200
#define FREE_WARN ((uint64_t)256 << 20)

struct report {
    int bad;
};

static void say(void *arg, const char *what, enum status st, const char *text)
{
    struct report *r = arg;
    printf("%-14s %s%s%s\n", what, st == OK ? "ok" : "WRONG",
           text[0] != '\0' ? "  " : "", text);
    r->bad += st != OK;
}

static void say_err(struct report *r, const char *what, enum status st,
                    const struct err *err)
{
    say(r, what, st, st == OK ? "" : err->text);
}

/* 0600 and 32 bytes, if it is there. */
static void check_secret(struct report *r, const char *dir)
{
    char path[PATH_BYTES];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/secret.key", dir);
    if (stat(path, &st) == -1)
        say(r, "secret.key", OK, "not there yet; made at the first start");
    else if (st.st_size != 32)
        say(r, "secret.key", E_CORRUPT, "is not 32 bytes long");
    else if ((st.st_mode & 077) != 0)
        say(r, "secret.key", E_INVALID, "others can read it; chmod 600");
    else
        say(r, "secret.key", OK, "");
}

static void check_ledger(struct report *r, const char *dir)
{
    char path[PATH_BYTES], text[200];
    struct backup_facts facts = {0};
    struct err err;
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/ledger.sqlite", dir);
    if (stat(path, &st) == -1) {
        say(r, "ledger", OK, "not there yet; made at the first start");
        return;
    }
    enum status s = backup_look(path, &facts, &err);
    (void)snprintf(text, sizeof text, "version %lld, %lld rows",
                   (long long)facts.version, (long long)facts.rows);
    say(r, "ledger", s, s == OK ? text : err.text);
}

static void check_counters(struct report *r, const char *dir)
{
    char path[PATH_BYTES];
    struct err err;
    struct stat st;
    uint64_t first = 0;
    (void)snprintf(path, sizeof path, "%s/counters.lmdb", dir);
    bool used = snap_in_use(path);
    if (stat(path, &st) == -1) {
        say(r, "counters", OK, "not there yet; made at the first start");
        return;
    }
    enum status s = snap_look(path, &first, &err);
    if (s == E_NOT_FOUND)
        say(r, "counters", OK, "deleted; made from the ledger at the start");
    else if (s != OK)
        say_err(r, "counters", s, &err);
    else
        say(r, "counters", OK, used ? "a server uses them" : "");
}

static void check_folder(struct report *r, const char *dir)
{
    struct stat st;
    struct statvfs fs;
    char text[200];
    if (stat(dir, &st) == -1 && errno == ENOENT) {
        say(r, "DATA_DIR", OK, "not there yet; made at the first start");
        return;
    }
    if (access(dir, R_OK | W_OK | X_OK) == -1 || statvfs(dir, &fs) == -1) {
        say(r, "DATA_DIR", E_IO, "cannot be read and written");
        return;
    }
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    (void)snprintf(text, sizeof text, "%s, %llu MB free", dir,
                   (unsigned long long)(free_bytes >> 20));
    say(r, "DATA_DIR", free_bytes < FREE_WARN ? E_IO : OK, text);
    check_secret(r, dir);
    check_ledger(r, dir);
    check_counters(r, dir);
}

static void warn(const struct config *c)
{
    for (int i = 0; i < c->ignored_count; i++)
        printf("%-14s %s has no effect here\n", "note", c->ignored[i]);
    if (c->admin_api_key[0] == '\0' && c->admin_token[0] == '\0' &&
        c->api_key[0] == '\0')
        printf("%-14s no admin secret is set: the admin API answers 401\n",
               "note");
}

int cli_check(struct cli *c)
{
    struct report r = {0};
    say(&r, "configuration", OK, "");
    warn(c->config);
    app_check(c->config, say, &r);
    check_folder(&r, c->config->data_dir);
    if (r.bad > 0)
        printf("%d of these would keep it from starting or serving\n", r.bad);
    return r.bad > 0;
}
