/* policy_file.c - the policy's own files: their text, and a new one.
 *
 * Only a policy of one file can be replaced here: a folder has an owner who
 * deploys it, and the embedded text is part of the program.  A new text is
 * compiled whole before anything is written, written beside the old file and
 * renamed over it, so that a reader - this gateway, or another on the same
 * file - sees the old policy or the new one.  The audit row comes first: a
 * change that nobody can see afterwards must not happen.  Two who save at once
 * take turns by a lock on the old file; the second finds another hash.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/policy_fault.h"
#include "ledger/rows.h"

#define PATH_BYTES 4096             /* as PATH_MAX; realpath() fills so much */
#define SHOWN_MAX ((size_t)2 << 20) /* of all texts together */

/* What can be replaced. */
struct target {
    char real[PATH_BYTES]; /* behind links */
    mode_t mode;
};

/* NULL: `path` can be replaced; else why not. */
static const char *find_target(const char *path, struct target *t)
{
    char dir[PATH_BYTES];
    struct stat st;
    struct slice name = slice_str(path);
    if (path[0] == '\0')
        return "OPA_POLICY_PATH is not set: the built-in policy is part of "
               "the program";
    if (realpath(path, t->real) == NULL || stat(t->real, &st) == -1)
        return "OPA_POLICY_PATH cannot be read";
    if (!S_ISREG(st.st_mode))
        return "OPA_POLICY_PATH is a folder: change its files where they "
               "come from";
    if (slice_ends(name, ".json") || slice_ends(name, ".wasm"))
        return "OPA_POLICY_PATH is no Rego file";
    (void)snprintf(dir, sizeof dir, "%s", t->real);
    char *slash = strrchr(dir, '/');
    if (slash != NULL)
        slash[slash == dir ? 1 : 0] = '\0';
    if (access(t->real, W_OK) == -1 || access(dir, W_OK) == -1)
        return "The gateway may not write this file";
    t->mode = st.st_mode & 0777;
    return NULL;
}

/* ---- reading ------------------------------------------------------------ */

static void write_modules(struct json_out *o, const struct source *s)
{
    size_t left = SHOWN_MAX;
    json_key(o, "files");
    json_arr(o);
    for (int i = 0; i < s->module_count; i++) {
        const struct rego_module *m = &s->modules[i];
        bool fits = m->text.n <= left;
        json_obj(o);
        json_kstr(o, "name", m->name);
        json_kstr_null(o, "text", fits ? m->text : (struct slice){NULL, 0});
        json_obj_end(o);
        left -= fits ? m->text.n : 0;
    }
    json_arr_end(o);
}

void policy_text(struct request *r)
{
    const char *path = policies_path(control_conf(r->control)->policies);
    struct policy_fault fault = {0};
    char hash[POLICY_HASH_TEXT];
    struct target t;
    struct json_out o;
    struct source *s = xcalloc(1, sizeof *s);
    const char *why = find_target(path, &t);
    bool ok = true;
    source_init(s, &fault);
    if (path[0] == '\0')
        source_text(s, SLICE("default.rego"), policy_embedded_text());
    else
        ok = source_read(s, path);
    crypt_hex(s->hash, sizeof s->hash, hash);
    request_json(r, &o);
    json_obj(&o);
    json_kbool(&o, "writable", why == NULL);
    json_kstr_null(&o, "readOnlyBecause",
                   why != NULL ? slice_str(why) : (struct slice){NULL, 0});
    json_kstr(&o, "hash", slice_str(hash));
    write_modules(&o, s);
    json_key(&o, "error");
    if (ok)
        json_null(&o);
    else
        policy_fault_write(&o, &fault);
    json_obj_end(&o);
    source_release(s);
    free(s);
}

/* ---- writing ------------------------------------------------------------ */

/* The text beside the file, on disk; `fresh` is its name. */
static enum status write_beside(const struct target *t, struct slice text,
                                char fresh[static PATH_BYTES], struct err *err)
{
    int n = snprintf(fresh, PATH_BYTES, "%s.XXXXXX", t->real);
    if (n < 0 || n >= PATH_BYTES)
        return err_set(err, E_IO, "policy", "the path is too long");
    int fd = mkostemp(fresh, O_CLOEXEC), failed = 0;
    if (fd == -1)
        return err_sys(err, errno, "policy", "cannot write beside %s", t->real);
    while (text.n > 0 && failed == 0) {
        ssize_t done = write(fd, text.p, text.n);
        if (done > 0)
            text = slice(text.p + done, text.n - (size_t)done);
        else if (done == 0 || errno != EINTR)
            failed = done == 0 ? EIO : errno;
    }
    if (failed == 0 && (fchmod(fd, t->mode) == -1 || fsync(fd) == -1))
        failed = errno;
    (void)close(fd);
    if (failed == 0)
        return OK;
    (void)unlink(fresh);
    return err_sys(err, failed, "policy", "cannot write beside %s", t->real);
}

static enum status replace(struct request *r, const struct target *t,
                           struct slice text, struct err *err)
{
    const struct control_conf *c = control_conf(r->control);
    char fresh[PATH_BYTES];
    enum status st = write_beside(t, text, fresh, err);
    if (st != OK)
        return st;
    st = rows_note(c->db, control_admin, 0, "policy.save", "bytes",
                   (int64_t)text.n, slice_str(t->real), err);
    if (st == OK && rename(fresh, t->real) == -1)
        st = err_sys(err, errno, "policy", "cannot replace %s", t->real);
    if (st != OK)
        (void)unlink(fresh);
    return st;
}

/* The text of the body compiles; else answered. */
static bool compiles(struct request *r, struct slice text)
{
    const struct control_conf *c = control_conf(r->control);
    struct policy_fault f = {0};
    enum policy_dialect d = POLICY_AUTO;
    (void)policy_dialect_parse(slice_str(c->config->policy_dialect), &d);
    const struct policy *p = policy_from_text(text, d, &f);
    if (p == NULL) {
        policy_fault_answer(r, &f);
        return false;
    }
    policy_unref(&p);
    return true;
}

/* The file is still the one the editor began with; else answered. */
static bool unchanged(struct request *r, const struct target *t)
{
    const struct json *want = json_get(r->json, "hash");
    struct policy_fault f = {0};
    char hash[POLICY_HASH_TEXT];
    if (want == NULL || want->type == JSON_NULL)
        return true;
    struct source *s = xcalloc(1, sizeof *s);
    source_init(s, &f);
    bool same = source_read(s, t->real);
    crypt_hex(s->hash, sizeof s->hash, hash);
    source_release(s);
    free(s);
    same = same && slice_eq(json_text(want, slice(NULL, 0)), slice_str(hash));
    if (!same)
        request_fail(r, 409, "The policy was changed meanwhile",
                     "policy_changed");
    return same;
}

void policy_save(struct request *r)
{
    struct policies *all = control_conf(r->control)->policies;
    const struct json *text = json_get(r->json, "policy");
    struct target t;
    struct err err;
    if (text == NULL || text->type != JSON_STRING) {
        request_invalid(r, "body/policy", "must be string");
        return;
    }
    const char *why = find_target(policies_path(all), &t);
    if (why != NULL) {
        request_fail(r, 409, why, "policy_read_only");
        return;
    }
    int lock = open(t.real, O_RDONLY | O_CLOEXEC);
    if (lock == -1 || flock(lock, LOCK_EX) == -1) {
        request_fail(r, 503, "The policy's file cannot be locked",
                     "policy_not_written");
    } else if (unchanged(r, &t) && compiles(r, text->text)) {
        enum status st = replace(r, &t, text->text, &err);
        if (st == OK) {
            (void)policies_reload(all); // what the answer says of a failure
            policy_get(r);
        } else if (slice_is(slice_str(err.where), "policy"))
            request_fail(r, 503, err.text, "policy_not_written");
        else
            request_fault(r, st, &err);
    }
    if (lock != -1)
        (void)close(lock);
}
