/* crypt.c - see crypt.h. */
#include "base/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static uint8_t table_key[crypto_shorthash_KEYBYTES]; // set once in crypt_init

bool crypt_init(void)
{
    if (sodium_init() < 0)
        return false;
    randombytes_buf(table_key, sizeof table_key);
    return true;
}

void crypt_random(void *out, size_t n)
{
    randombytes_buf(out, n);
}

void crypt_keyed(const uint8_t secret[static CRYPT_SECRET], struct slice s,
                 uint8_t out[static CRYPT_HASH])
{
    (void)crypto_generichash(out, CRYPT_HASH, (const uint8_t *)s.p, s.n, secret,
                             CRYPT_SECRET);
}

void crypt_hmac(struct slice key, struct slice a, struct slice b,
                uint8_t out[static CRYPT_HASH])
{
    crypto_auth_hmacsha256_state st;
    (void)crypto_auth_hmacsha256_init(&st, (const uint8_t *)key.p, key.n);
    (void)crypto_auth_hmacsha256_update(&st, (const uint8_t *)a.p, a.n);
    (void)crypto_auth_hmacsha256_update(&st, (const uint8_t *)b.p, b.n);
    (void)crypto_auth_hmacsha256_final(&st, out);
}

void crypt_chain(const uint8_t prev[static CRYPT_HASH], struct slice row,
                 uint8_t out[static CRYPT_HASH])
{
    crypto_generichash_state st;
    (void)crypto_generichash_init(&st, NULL, 0, CRYPT_HASH);
    (void)crypto_generichash_update(&st, prev, CRYPT_HASH);
    (void)crypto_generichash_update(&st, (const uint8_t *)row.p, row.n);
    (void)crypto_generichash_final(&st, out, CRYPT_HASH);
}

enum status crypt_file(const char *path, uint8_t out[static CRYPT_HASH],
                       int64_t *bytes, struct err *err)
{
    static const size_t block = 1u << 16;
    crypto_generichash_state st;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT)
        return err_set(err, E_NOT_FOUND, "crypt", "there is no %s", path);
    if (fd == -1)
        return err_sys(err, errno, "crypt", "cannot read %s", path);
    uint8_t *p = xcalloc(1, block);
    *bytes = 0;
    (void)crypto_generichash_init(&st, NULL, 0, CRYPT_HASH);
    while ((n = read(fd, p, block)) > 0) {
        (void)crypto_generichash_update(&st, p, (size_t)n);
        *bytes += n;
    }
    int why = errno;
    (void)crypto_generichash_final(&st, out, CRYPT_HASH);
    (void)close(fd);
    free(p);
    return n == 0 ? OK : err_sys(err, why, "crypt", "cannot read %s", path);
}

bool crypt_equal(struct slice a, struct slice b)
{
    return a.n == b.n && sodium_memcmp(a.p, b.p, a.n) == 0;
}

void crypt_token(char out[static CRYPT_TOKEN_TEXT])
{
    uint8_t raw[32];
    randombytes_buf(raw, sizeof raw);
    out[0] = 'b';
    out[1] = 'g';
    out[2] = '_';
    (void)sodium_bin2base64(out + 3, CRYPT_TOKEN_TEXT - 3, raw, sizeof raw,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(raw, sizeof raw);
}

void crypt_hex(const uint8_t *p, size_t n, char *out)
{
    (void)sodium_bin2hex(out, 2 * n + 1, p, n);
}

#define ID_RANDOM 10

void crypt_next_id(struct crypt_ids *ids, int64_t now_ms, char out[static 33])
{
    uint8_t raw[6 + ID_RANDOM];
    if (ids->left < ID_RANDOM) {
        randombytes_buf(ids->bytes, sizeof ids->bytes);
        ids->left = sizeof ids->bytes;
    }
    ids->left -= ID_RANDOM;
    for (int i = 0; i < 6; i++)
        raw[i] = (uint8_t)((uint64_t)now_ms >> (40 - 8 * i));
    memcpy(raw + 6, ids->bytes + ids->left, ID_RANDOM);
    crypt_hex(raw, sizeof raw, out);
}

void crypt_request_id(int64_t now_ms, char out[static 33])
{
    struct crypt_ids one = {.left = 0};
    crypt_next_id(&one, now_ms, out);
}

static enum status
secret_make(const char *path, uint8_t out[static CRYPT_SECRET], struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1)
        return err_sys(err, errno, "secret", "cannot make %s", path);
    randombytes_buf(out, CRYPT_SECRET);
    ssize_t n = write(fd, out, CRYPT_SECRET);
    int failed = n != CRYPT_SECRET || fsync(fd) == -1 ? errno : 0;
    (void)close(fd);
    if (n != CRYPT_SECRET || failed != 0) {
        (void)unlink(path);
        return err_sys(err, failed, "secret", "cannot write %s", path);
    }
    return OK;
}

enum status crypt_secret(const char *path, uint8_t out[static CRYPT_SECRET],
                         struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT)
        return secret_make(path, out, err);
    if (fd == -1)
        return err_sys(err, errno, "secret", "cannot open %s", path);
    struct stat st;
    char extra;
    ssize_t n = read(fd, out, CRYPT_SECRET);
    ssize_t more = read(fd, &extra, 1);
    int bad = fstat(fd, &st);
    (void)close(fd);
    if (n != CRYPT_SECRET || more != 0)
        return err_set(err, E_CORRUPT, "secret", "%s is not 32 bytes", path);
    if (bad == -1 || (st.st_mode & 077) != 0)
        return err_set(err, E_CORRUPT, "secret",
                       "%s must not be accessible to others (chmod 600)", path);
    return OK;
}

uint64_t crypt_table_hash(struct slice s)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t v;
    (void)crypto_shorthash(out, (const uint8_t *)s.p, s.n, table_key);
    memcpy(&v, out, sizeof v);
    return v;
}
