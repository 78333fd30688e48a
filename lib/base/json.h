/* json.h - JSON in and out for everything that is not the hot path.
 *
 * Reader: strict RFC 8259 and UTF-8, depth <= 128, a tree in an arena.
 * Numbers keep their text, because money is read from the text and never
 * passes through a double.  Writer: a sticky builder over a buf.
 * The hot path scans instead: see http/scan.h.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* A node; children and siblings in the order of the text. */
struct json {
    enum json_type type;
    struct slice key;  /* decoded member name, if its parent is an object */
    struct slice text; /* decoded string, or a number's text as written */
    struct json *child, *next;
    uint32_t count; /* children */
};

/* Parses `text` into `*out`, which lives in `a`.  A repeated key of the
 * top-level object is E_INVALID; deeper ones stay (json_get finds the last).
 * E_INVALID: `err->text` says what and at which byte; E_TOO_BIG: the arena's
 * limit. */
MUST_CHECK enum status json_parse(struct arena *a, struct slice text,
                                  struct json **out, struct err *err);

/* The member `key` of an object, or NULL (also if `v` is NULL or no object).
 * O(members). */
const struct json *json_get(const struct json *v, const char *key);

/* True and `*out` if `v` is a number that is an integer within int64 (also
 * "1e3" or "5.0"), exactly. */
bool json_i64(const struct json *v, int64_t *out);

/* The string, or `dflt` if `v` is NULL or no string. */
struct slice json_text(const struct json *v, struct slice dflt);

/* True if `s` is well-formed UTF-8. */
bool json_utf8_ok(struct slice s);

/* Writer.  Commas are placed by the builder; keys and values alternate. */
struct json_out {
    struct buf *b;
    bool comma; /* the next item needs one */
};

/* Starts writing at the end of `b`, which must outlive `o`. */
void json_out_init(struct json_out *o, struct buf *b);
/* Opens an object. */
void json_obj(struct json_out *o);
/* Closes an object. */
void json_obj_end(struct json_out *o);
/* Opens an array. */
void json_arr(struct json_out *o);
/* Closes an array. */
void json_arr_end(struct json_out *o);
/* Writes a member name; the value follows. */
void json_key(struct json_out *o, const char *key);
/* Writes a member name that comes from outside. */
void json_key_slice(struct json_out *o, struct slice key);
/* Writes a string; bytes that are no UTF-8 become U+FFFD. */
void json_str(struct json_out *o, struct slice s);
/* Writes an integer. */
void json_num(struct json_out *o, int64_t v);
/* Writes true or false. */
void json_bool(struct json_out *o, bool v);
/* Writes null. */
void json_null(struct json_out *o);
/* Writes `text`, already JSON, as it is. */
void json_raw(struct json_out *o, struct slice text);
/* Member with a string value. */
void json_kstr(struct json_out *o, const char *key, struct slice s);
/* Member with a string value, or null if `s.p` is NULL. */
void json_kstr_null(struct json_out *o, const char *key, struct slice s);
/* Member with an integer value. */
void json_knum(struct json_out *o, const char *key, int64_t v);
/* Member with a boolean value. */
void json_kbool(struct json_out *o, const char *key, bool v);
/* Member with null. */
void json_knull(struct json_out *o, const char *key);
/* Member with nano-dollars as an exact decimal string ("0.0000045"). */
void json_kusd(struct json_out *o, const char *key, int64_t nano);
/* Member with nano-dollars as a JSON number (at most 9 decimals). */
void json_kusd_num(struct json_out *o, const char *key, int64_t nano);
/* Member with a time as "2026-11-20T20:10:53.672Z". */
void json_ktime(struct json_out *o, const char *key, int64_t ms);
/* Appends `s` to `b` as a quoted JSON string. */
void json_quote(struct buf *b, struct slice s);

#endif
