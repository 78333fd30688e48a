/* session.c - see session.h.
 *
 * The list of those signed out is short: an entry goes when its cookie would
 * have expired anyway.
 */
#include "control/session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/mem.h"
#include "ledger/rows.h"

#define NONCE 16
#define ENDED_MAX 1000

struct ended {
    uint8_t id[CRYPT_HASH]; /* hash of the cookie's value */
    int64_t expires_ms;
};

struct sessions {
    struct db *db;
    const uint8_t *secret;
    pthread_mutex_t lock; /* guards what follows */
    struct ended ended[ENDED_MAX];
    int n;
};

static void hash(const struct sessions *s, const char *what, struct slice value,
                 uint8_t out[static CRYPT_HASH])
{
    char text[SESSION_TEXT + 32];
    int n = snprintf(text, sizeof text, "%s:%.*s", what,
                     (int)(value.n < SESSION_TEXT ? value.n : SESSION_TEXT),
                     value.p);
    crypt_keyed(s->secret, slice(text, (size_t)n), out);
}

/* Under the lock. */
static void keep(struct sessions *s, const uint8_t id[static CRYPT_HASH],
                 int64_t expires_ms)
{
    if (s->n == ENDED_MAX)
        return;
    struct ended *e = &s->ended[s->n++];
    memcpy(e->id, id, sizeof e->id);
    e->expires_ms = expires_ms;
}

enum status sessions_new(struct db *db, const uint8_t *secret, int64_t now_ms,
                         struct sessions **out, struct err *err)
{
    struct sessions *s = xcalloc(1, sizeof *s);
    struct admin_session_row *rows;
    struct arena a;
    int n = 0;
    s->db = db;
    s->secret = secret;
    (void)pthread_mutex_init(&s->lock, NULL);
    arena_init(&a, 16u << 20);
    enum status st = rows_admin_sessions(db, &a, now_ms, &rows, &n, err);
    for (int i = 0; st == OK && i < n; i++)
        keep(s, rows[i].id, rows[i].expires_ms);
    arena_release(&a);
    if (st != OK)
        sessions_free(&s);
    *out = s;
    return st;
}

void sessions_free(struct sessions **s)
{
    if (*s == NULL)
        return;
    (void)pthread_mutex_destroy(&(*s)->lock);
    free(*s);
    *s = NULL;
}

void session_make(const struct sessions *s, int64_t expires_ms,
                  char out[static SESSION_TEXT])
{
    uint8_t nonce[NONCE], mac[CRYPT_HASH];
    char hex[2 * NONCE + 1], mac_hex[2 * CRYPT_HASH + 1];
    crypt_random(nonce, sizeof nonce);
    crypt_hex(nonce, sizeof nonce, hex);
    int n = snprintf(out, SESSION_TEXT, "%llx-%s",
                     (unsigned long long)expires_ms, hex);
    hash(s, "admin", slice(out, (size_t)n), mac);
    crypt_hex(mac, sizeof mac, mac_hex);
    (void)snprintf(out + n, SESSION_TEXT - (size_t)n, "-%s", mac_hex);
}

struct slice session_cookie(const struct http_field *f, int n)
{
    for (int i = 0; i < n; i++) {
        struct slice rest = f[i].value;
        if (!slice_eq_nocase(f[i].name, SLICE("cookie")))
            continue;
        while (rest.p != NULL) {
            struct slice one = slice_trim(slice_cut(&rest, ';'));
            if (slice_starts(one, "bg_admin="))
                return slice_skip(one, 9);
        }
    }
    return slice(NULL, 0);
}

static bool read_hex(struct slice s, int64_t *out)
{
    *out = 0;
    if (s.n == 0 || s.n >= 15) // more would not fit
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                       : -1;
        if (d < 0)
            return false;
        *out = *out * 16 + d;
    }
    return true;
}

static bool is_ended(struct sessions *s, struct slice value)
{
    uint8_t id[CRYPT_HASH];
    bool hit = false;
    hash(s, "ended", value, id);
    (void)pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->n && !hit; i++)
        hit = memcmp(s->ended[i].id, id, sizeof id) == 0;
    (void)pthread_mutex_unlock(&s->lock);
    return hit;
}

bool session_look(struct sessions *s, struct slice value, int64_t now_ms,
                  int64_t *expires_ms, char csrf[static SESSION_CSRF])
{
    uint8_t mac[CRYPT_HASH];
    char hex[2 * CRYPT_HASH + 1];
    struct slice rest = value;
    if (value.p == NULL || value.n >= SESSION_TEXT)
        return false;
    struct slice expiry = slice_cut(&rest, '-'), nonce = slice_cut(&rest, '-');
    if (rest.p == NULL || !read_hex(expiry, expires_ms))
        return false;
    size_t signed_n = (size_t)(nonce.p + nonce.n - value.p);
    hash(s, "admin", slice(value.p, signed_n), mac);
    crypt_hex(mac, sizeof mac, hex);
    if (!crypt_equal(rest, slice(hex, 2 * CRYPT_HASH)) ||
        *expires_ms <= now_ms || is_ended(s, value))
        return false;
    hash(s, "csrf", value, mac);
    crypt_hex(mac, (SESSION_CSRF - 1) / 2, csrf);
    return true;
}

enum status session_end(struct sessions *s, struct slice value,
                        int64_t expires_ms, struct err *err)
{
    uint8_t id[CRYPT_HASH];
    int64_t now_ms = clock_now_ms();
    hash(s, "ended", value, id);
    (void)pthread_mutex_lock(&s->lock);
    int left = 0;
    for (int i = 0; i < s->n; i++)
        if (s->ended[i].expires_ms > now_ms)
            s->ended[left++] = s->ended[i];
    s->n = left;
    bool room = s->n < ENDED_MAX;
    if (room)
        keep(s, id, expires_ms);
    (void)pthread_mutex_unlock(&s->lock);
    if (!room)
        return err_set(err, E_BUSY, "session", "too many sign-outs");
    return rows_admin_session_end(s->db, id, now_ms, expires_ms, err);
}
