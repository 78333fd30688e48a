/* call.h - one request, understood: what any provider's wire format becomes.
 *
 * Filled from left to right by identify (who), describe (what) and price
 * (what it can cost); read by admit.  All slices are borrowed from the
 * exchange's arena or body and live as long as the exchange.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/money.h"
#include "base/slice.h"
#include "call/provider_id.h"
#include "call/usage.h"

#define CALL_TAGS_MAX 32

/* Whose SDK is talking: decides wire format and error shape. */
enum family { FAMILY_OPENAI, FAMILY_ANTHROPIC, FAMILY_GEMINI };

/* contract 3.1: metered, forwarded free, list. */
enum route_class { ROUTE_METERED, ROUTE_FREE, ROUTE_LIST };

/* What the body is and where usage is found in the answer. */
enum op {
    OP_NONE,
    OP_CHAT,        /* chat/completions */
    OP_COMPLETIONS, /* completions */
    OP_RESPONSES,   /* responses, responses/compact */
    OP_EMBEDDINGS,
    OP_IMAGES,        /* generations, edits, variations */
    OP_TRANSCRIPTION, /* audio/transcriptions, translations */
    OP_SPEECH,
    OP_MODERATIONS,
    OP_MODELS,
    OP_STORED,      /* reading or cancelling a stored response */
    OP_COUNT,       /* token counting */
    OP_PASSTHROUGH, /* any other /v1 path */
    OP_MESSAGES,    /* Anthropic */
    OP_GENERATE,    /* Gemini */
};

/* The worst case, linear in the output: cost <= fixed + out_pico * tokens.
 * Pico-dollars. */
struct worst {
    int128 fixed_pico;  /* input bound and allowances */
    int64_t out_pico;   /* dearest rate of one output token, all choices */
    int64_t out_tokens; /* output bound per choice, before clamping */
    int64_t price_version;
    int basis; /* enum price_basis */
};

struct call {
    /* who */
    int64_t tenant_id, key_id;
    struct slice tenant;
    struct slice source_ip;

    /* what */
    enum family family;
    enum op op;
    enum route_class klass;
    struct slice method, route;
    enum provider_id provider;
    struct slice model; /* without provider prefix; empty: none */
    bool stream;
    int64_t max_output;       /* the client's output limit, -1: none */
    int64_t choices;          /* n, best_of, candidateCount; at least 1 */
    int64_t input_bound;      /* tokens that can be billed as input */
    bool input_is_context;    /* server-side history: the model's context */
    bool unbounded;           /* nothing bounds it: FALLBACK_HOLD_USD */
    bool output_is_limitable; /* an output limit can be written into it */
    int64_t web_searches;     /* held server tool calls */
    int64_t images;           /* generated images bound, 0: none */
    int64_t characters;       /* speech input characters */
    enum tier tier;           /* asked; auto counts as the dearest it can be */
    bool fast, region_us, region_eu;
    struct slice user;

    /* scopes */
    struct slice tags[CALL_TAGS_MAX];
    int tag_count;
    struct slice session, session_name, session_path;

    /* cost */
    struct worst worst;
};

#endif
