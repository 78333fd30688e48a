/* exchange.h - one request on its way; shared by the files of this room only.
 *
 *   RECEIVING --on_end--> PREPARING --admitted--> FORWARDING --head--> RELAYING
 *       |                     |  (waits for a new         |               |
 *       |                     |   tenant, header mode)    |               |
 *       +------ refused ------+-------- failed -----------+----> DONE <---+
 *
 * (Please maintain it along with the code.)  Every way to DONE passes
 * exchange_settle or exchange_row exactly once for routes that leave a row.
 * An exchange outlives its stream while it drains an answer whose client left;
 * it is freed when both the stream is closed and the upstream call has ended.
 */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "call/call.h"
#include "call/event.h"
#include "call/verdict.h"
#include "catalog/fallbacks.h"
#include "catalog/reader.h"
#include "gateway/body.h"
#include "gateway/gateway.h"
#include "guard/admit.h"
#include "guard/gate.h"
#include "guard/identity.h"
#include "http/inflate.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/upstream.h"
#include "provider/describe.h"
#include "provider/meter.h"
#include "provider/route.h"
#include "provider/shape.h"
#include "provider/target.h"
#include "provider/translate.h"

#define EXCHANGE_ARENA (4u << 20)   /* fields, tags, texts of one exchange */
#define EXCHANGE_RESERVE (3u << 20) /* of it, for what follows step 3 */
#define EXCHANGE_HIGH (256u << 10)  /* bytes queued to a slow reader */
#define EXCHANGE_LOW (128u << 10)
#define EXCHANGE_WHOLE (1u << 20) /* answers sent in one piece with a price */
#define EXCHANGE_RELAY                                    \
    (80u << 20) /* what one feed, or a translated answer, \
                   becomes */
#define EXCHANGE_FIELDS 160

enum phase {
    PHASE_RECEIVING,
    PHASE_PREPARING,
    PHASE_FORWARDING,
    PHASE_RELAYING,
    PHASE_DONE,
};

struct gateway {
    struct gateway_conf conf;
    const struct guard *guard;
    struct catalog *catalog;
    const struct provider_set *providers;
    struct limit *auth_rows;
    struct gateway_above above;
    struct models_cache *models;
};

struct models_cache;

struct gateway_loop {
    struct gateway *gateway;
    struct loop *loop;
    struct upstream_pool *pool;
    struct catalog_reader *reader;
    struct describer *describer;
    struct gate *gate;     /* NULL: no policy */
    struct exchange *open; /* list of exchanges that are not freed */
    int open_count;
    struct exchange *spare; /* free list, SPARES at most */
    int spare_count;
    struct crypt_ids ids;
};

/* Another model that may answer. */
struct candidate {
    enum provider_id provider;
    struct slice model;
    int64_t limit; /* output limit it needs; 0: none */
};

struct exchange {
    struct gateway_loop *gl;
    struct stream *stream; /* NULL once the stream is closed */
    struct exchange *next, *prev;
    enum phase phase;
    struct arena arena;
    struct body body;
    struct inflate *inflate;      /* the request's content coding, or NULL */
    const struct http_head *head; /* until the stream closes */
    /* head seen, request whole, first sent, first token, answer whole; 0: not
     */
    int64_t start_us, ready_us, sent_us, first_us, end_us;
    int64_t ts_ms;

    struct slice source_ip;
    struct route route;
    struct route wire; /* the route as the provider has it */
    struct slice wire_query;
    struct translation *translation; /* NULL: the provider speaks as the
                                        client does */
    struct credentials credentials;
    struct identity who;
    uint64_t generation; /* of the snapshot `who` points into */
    struct call call;
    struct described desc;
    struct target target;
    struct event event;
    struct verdict_rate rate;

    struct candidate candidates[FALLBACKS_EACH];
    int candidate_count, candidate_at, attempts_left;
    bool again;       /* the next try asks the same model */
    int64_t again_ms; /* how long the provider wants to be left alone first */
    struct loop_timer pause; /* armed: nothing is under way until it fires */
    bool retry;              /* this answer is dropped for another try */
    bool admitted;           /* a hold is open */
    bool booked;             /* its row is written */
    bool answered;           /* an answer has begun or was given */
    bool sent;               /* the first byte has left, or may have */
    bool gone;               /* the client left */
    bool has_all;            /* ... with the whole answer */
    bool ended;              /* the request's body is whole */
    bool waiting;            /* for a tenant to be made */
    bool streaming;          /* answer goes out as it comes */
    bool opaque;             /* upstream's coding cannot be read */
    uint64_t hold_id;
    int64_t hold_nano;
    int64_t limit_sent; /* output limit we wrote; 0: none */
    uint32_t slot;

    struct upstream_call *up;
    struct meter *meter;
    bool metering;
    struct inflate *decode;    /* the answer's content coding, or NULL */
    struct buf edited;         /* outgoing body, if it differs */
    struct buf relay;          /* bytes for the client out of one feed */
    struct buf whole;          /* an answer kept until its price is known */
    int status;                /* upstream's */
    struct http_field *fields; /* of the answer, to the client */
    int field_count;
    struct loop_timer drain;
    struct loop_msg models_msg; /* while it waits for the model list */
    struct exchange *models_next;
    bool models_waiting;
};

/* ---- exchange.c --------------------------------------------------------- */
/* Frees it if neither side needs it any more. */
void exchange_maybe_free(struct exchange *x);
/* The answer has ended or was cut: cleans the upstream side up. */
void exchange_finish(struct exchange *x);
/* Ends and frees every exchange of a loop (shutdown); rows are written. */
void exchange_end_all(struct gateway_loop *gl);
/* Milliseconds since the head. */
int64_t exchange_latency_ms(const struct exchange *x);
/* Goes on after the tenant was made. */
void exchange_resume_tenant(void *arg, enum status result);

/* ---- refuse.c ----------------------------------------------------------- */
/* What a refusal says beyond its table row. */
struct refuse_more {
    struct slice names, explain;
    const char *param;
    const struct verdict *verdict; /* rate and budget details */
    struct slice reason;           /* ledger reason, if not the table's */
    const char *allow;             /* 405 */
    int http;                      /* 0: as the table says */
};
/* Answers with the refusal's error and leaves its row. */
void refuse(struct exchange *x, enum refusal id, const struct refuse_more *m);
/* Only the answer (a row was or will be written elsewhere). */
void refuse_answer(struct exchange *x, enum refusal id,
                   const struct refuse_more *m);
/* Keeps what the client is told of a refusal for the event's row. */
void refuse_detail(struct exchange *x, enum refusal id,
                   const struct verdict *v);
/* Adds the fields every answer of ours carries; returns how many. */
int refuse_own_fields(struct exchange *x, struct http_field *out, int at);

/* The request as describe() wants it, but for a resolver of models; while its
 * head lives. */
struct describe_in exchange_describe_in(const struct exchange *x);
/* Step 3 for the model of `x->call`: reads the request into the provider's
 * words where they differ. */
enum refusal exchange_translate(struct exchange *x, struct refuse_more *more);
/* Step 3: address and fields. */
enum refusal exchange_target(struct exchange *x, struct refuse_more *more);
/* Step 8: sends it. */
void exchange_forward(struct exchange *x);

/* ---- attempts.c --------------------------------------------------------- */
/* Lists whom to ask if the first fails; the worst case becomes the dearest's.
 * Behind pricing and target. */
void attempts_plan(struct exchange *x, const struct snapshot *s,
                   const struct cost_limits *limits);
/* True if an answer that begins with this status and these fields is to be
 * dropped for another try; lets the key rest. */
bool attempts_want(struct exchange *x, int status, const struct http_field *f,
                   int n);
/* Makes the next try, at once or when the provider's time has passed.  False:
 * there is none. */
bool attempts_next(struct exchange *x);
/* True while the exchange waits for its next try. */
bool attempts_pausing(const struct exchange *x);

/* ---- policy.c ----------------------------------------------------------- */
/* Step 7: asks the policy about an admitted call.  False: denied; the hold is
 * released, the row written, the client told. */
bool policy_passes(struct exchange *x, const struct admit *a,
                   struct verdict *v);

/* ---- answer.c ----------------------------------------------------------- */
extern const struct upstream_ops answer_ops;
/* Client left while the provider works, or before the next try. */
void answer_client_gone(struct exchange *x);
/* Nobody is left to try: the client is told, nothing is booked. */
void answer_gave_out(struct exchange *x);
/* Books what is known now and ends the exchange. */
void answer_give_up(struct exchange *x);
/* The process ends: books the reported usage or else the whole hold, tells the
 * client if it still can, ends the exchange. */
void answer_shut_down(struct exchange *x);
/* The client takes bytes again. */
void answer_writable(struct exchange *x);
/* Ends the hold with what is known now and writes the row.  False: storage
 * failed; the hold stays and will be recovered. */
bool answer_settle(struct exchange *x, enum event_status status,
                   struct slice reason, int http_status);

/* ---- models.c ----------------------------------------------------------- */
/* The gateway's cache of the providers' model lists, shared by all loops. */
struct models_cache *models_cache_new(void);
/* Frees and nulls; after every loop has ended. */
void models_cache_free(struct models_cache **c);
/* Answers GET /v1/models[/{id}] from the cache, fetching it if it is empty. */
void models_answer(struct exchange *x);
/* Forgets a waiting exchange whose client left. */
void models_forget(struct exchange *x);
/* Ends a fetch that runs on this loop. */
void models_loop_end(struct gateway_loop *gl);

#endif
