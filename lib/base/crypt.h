/* crypt.h - randomness, keyed hashes and constant-time comparison (libsodium).
 *
 * Any thread after crypt_init.
 */
#ifndef BASE_CRYPT_H
#define BASE_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define CRYPT_HASH 32
#define CRYPT_SECRET 32
#define CRYPT_TOKEN_TEXT 47 /* "bg_" + 43 characters + terminator */

/* Readies the library; call once before threads.  False: no entropy. */
MUST_CHECK bool crypt_init(void);
/* Fills `out` with random bytes. */
void crypt_random(void *out, size_t n);
/* BLAKE2b-256 of `s` keyed with `secret`. */
void crypt_keyed(const uint8_t secret[static CRYPT_SECRET], struct slice s,
                 uint8_t out[static CRYPT_HASH]);
/* HMAC-SHA-256 (RFC 2104) of two parts under a key of any length: signatures
 * of outgoing messages. */
void crypt_hmac(struct slice key, struct slice a, struct slice b,
                uint8_t out[static CRYPT_HASH]);
/* BLAKE2b-256 of two parts without a key: the ledger's chain. */
void crypt_chain(const uint8_t prev[static CRYPT_HASH], struct slice row,
                 uint8_t out[static CRYPT_HASH]);
/* BLAKE2b-256 of a whole file, and its size.  E_NOT_FOUND, E_IO. */
MUST_CHECK enum status crypt_file(const char *path,
                                  uint8_t out[static CRYPT_HASH],
                                  int64_t *bytes, struct err *err);
/* Same bytes?  Time depends on the lengths only. */
bool crypt_equal(struct slice a, struct slice b);
/* A fresh tenant key: "bg_" + 43 characters of base64url (256 random bits). */
void crypt_token(char out[static CRYPT_TOKEN_TEXT]);
/* Lower-case hex of `n` bytes, terminated: 2n + 1 bytes. */
void crypt_hex(const uint8_t *p, size_t n, char *out);
/* A request id: 32 hex characters, time-ordered (48-bit ms, then 80 random
 * bits), terminated. */
void crypt_request_id(int64_t now_ms, char out[static 33]);

/* Random bytes drawn ahead, one system call for 64 ids.  One thread; zero it
 * before first use. */
struct crypt_ids {
    uint8_t bytes[640];
    size_t left;
};
/* As crypt_request_id, from bytes drawn ahead. */
void crypt_next_id(struct crypt_ids *ids, int64_t now_ms, char out[static 33]);
/* Reads DATA_DIR/secret.key, or makes it (0600, fsynced).  E_CORRUPT: not 32
 * bytes or readable by others; E_IO. */
MUST_CHECK enum status crypt_secret(const char *path,
                                    uint8_t out[static CRYPT_SECRET],
                                    struct err *err);
/* A 64-bit hash for tables in memory (SipHash-2-4 under a key drawn at
 * crypt_init, so collisions cannot be chosen from outside). */
uint64_t crypt_table_hash(struct slice s);

#endif
