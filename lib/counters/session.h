/* session.h - what is remembered of a tenant's session: its budgets. */
#ifndef COUNTERS_SESSION_H
#define COUNTERS_SESSION_H

#include "counters/store.h"

struct session_record {
    int64_t custom; /* the admin's, -1: none */
    int64_t tag;    /* lowest of the tags it was used with, -1: none */
};

/* Loads; both -1 if it was never seen.  STORE_BIG: the id is too long. */
int session_load(struct tx *t, int64_t tenant, struct slice id,
                 struct session_record *s);
/* Writes. */
int session_save(struct tx *t, int64_t tenant, struct slice id,
                 const struct session_record *s);
/* The lower of two budgets of which -1 is none. */
int64_t session_lower(int64_t a, int64_t b);

#endif
