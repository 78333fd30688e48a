/* chain.h - the canonical bytes of a row, and their hash.
 *
 * hash = BLAKE2b-256(hash of the row before, bytes of this row): every column
 * but the hash in the order of CHAIN_COLUMNS, each as a type byte and its
 * value, then the row's tags by id.  Pure; not included from outside the room.
 */
#ifndef LEDGER_CHAIN_H
#define LEDGER_CHAIN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define CHAIN_COLUMNS                                                         \
    "id,kind,request_id,ts,recorded_at,tenant,tenant_id,key_id,route,method," \
    "provider,model,model_answered,usd,prompt_tok,cached_tok,"                \
    "cache_write_tok,comp_tok,reasoning_tok,status,reason,http_status,"       \
    "metered_by,price_version,price_basis,held,session,\"user\","             \
    "ingest_token_id,event_id,corrects,detail,latency_ms,ttft_ms,stream"
#define CHAIN_COLUMN_COUNT 35

/* A value of a row: an integer, a text or NULL. */
struct cell {
    enum { CELL_NULL, CELL_INT, CELL_TEXT } type;
    int64_t i;
    struct slice s;
};

/* Appends a value. */
void chain_cell(struct buf *b, const struct cell *c);
/* Appends a tag. */
void chain_tag(struct buf *b, int64_t id, struct slice name, struct slice path,
               bool direct);
/* Puts the hash of the row with these bytes into `head`, which holds that of
 * the row before. */
void chain_step(uint8_t head[static 32], const struct buf *row);

#endif
