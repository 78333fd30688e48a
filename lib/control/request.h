/* request.h - one control request and its answer, as a handler sees it.
 *
 * A handler runs on a thread of the pool (it may block on SQLite), reads the
 * request and fills the answer; it never touches a socket.  Everything of a
 * request lives in its arena.
 */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/slice.h"
#include "http/field.h"

struct control;

#define REQUEST_PARAMS 4

struct request {
    struct control *control;
    struct arena arena;
    struct slice method, path;          /* copies */
    struct slice query;                 /* as sent; .p NULL: none */
    struct slice param[REQUEST_PARAMS]; /* what stood for :name, in order */
    int64_t id[REQUEST_PARAMS];         /* the same as a number, if it is one */
    struct slice body;                  /* decoded bytes */
    const struct json *json;            /* parsed body, NULL: none */
    struct slice source_ip;
    int64_t now_ms;
    /* C's paths: errors are {"detail"}, bodies come unparsed */
    bool detail;
    /* B's paths: errors are {"message","requestId","status":"error"} */
    bool brief;
    bool is_json;       /* the body's type says so */
    struct slice media; /* Content-Type as sent */
    struct slice user;  /* AUTH_VISITOR: who is signed in; .p NULL: nobody */
    bool is_admin;      /* AUTH_VISITOR: an admin secret was sent */
    struct slice provider_key[3]; /* sent along: OpenAI, Anthropic, Google */
    bool secure;                  /* the client came over HTTPS */
    struct slice cookie;          /* bg_admin's value; .p NULL: none */
    struct slice accept, accept_encoding,
        if_none_match; /* as sent; .p NULL: none */

    /* the answer */
    int status;                /* 200 unless set */
    struct buf out;            /* its body */
    const char *content_type;  /* NULL: JSON */
    const char *cache_control; /* NULL: no-store */
    struct http_field extra[6];
    int extra_count;
    /* Streaming answers: writes bytes to the client, waiting while it reads
     * slowly; false: the client left, stop.  The first call sends the head
     * (status, content_type, extra). */
    bool (*send)(struct request *r, const char *p, size_t n);
    void *send_arg;
    bool streamed;
};

typedef void handler_fn(struct request *r);

/* Answers {"error":text,"code":code} (contract 1.3, A's admin), or as B's and
 * C's paths do. */
void request_fail(struct request *r, int status, const char *text,
                  const char *code);
/* Answers {"detail":text} (contract 1.3, C). */
void request_detail(struct request *r, int status, const char *text);
/* Answers 400 FST_ERR_VALIDATION with `where` ("body/name") and what. */
void request_invalid(struct request *r, const char *where, const char *what);
/* Answers for a fault: 404/400 are the caller's; this is 503
 * storage_unavailable, or 500 for a bug; logs `err`. */
void request_fault(struct request *r, enum status st, const struct err *err);
/* A writer over r->out. */
void request_json(struct request *r, struct json_out *o);
/* A query parameter, decoded; .p NULL: not given. */
struct slice request_query(struct request *r, const char *name);
/* An integer parameter in [min, max]; `dflt` if not given.  False: answered
 * with a validation error (querystring/name). */
bool request_query_int(struct request *r, const char *name, int64_t min,
                       int64_t max, int64_t dflt, int64_t *out);
/* True if the client takes gzip (RFC 9110 12.5.3); q=0 means it does not. */
bool request_takes_gzip(const struct request *r);
/* A body member that is a number or a decimal string: its text; .p NULL: not
 * there, null or something else (`*wrong`). */
struct slice request_number(const struct json *v, bool *wrong);

#endif
