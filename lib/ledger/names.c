/* names.c - see names.h. */
#include "ledger/names.h"

#include "call/budget.h"
#include "call/event.h"
#include "catalog/tenant.h"

#define WORDS 16

static const char *const words[][WORDS] = {
    [NAMES_KIND] = {[EVENT_USAGE] = "usage",
                    [EVENT_CORRECTION] = "correction",
                    [EVENT_RESET] = "reset"},
    [NAMES_STATUS] = {[EVENT_SUCCESS] = "success",
                      [EVENT_BLOCKED] = "blocked",
                      [EVENT_FAILED] = "failed",
                      [EVENT_INTERRUPTED] = "interrupted"},
    [NAMES_METERED] = {[METERED_PROVIDER] = "provider",
                       [METERED_TOKENIZER] = "tokenizer",
                       [METERED_INGEST] = "ingest",
                       [METERED_HOLD] = "hold"},
    [NAMES_BASIS] = {[BASIS_TABLE] = "table",
                     [BASIS_ASSUMED] = "assumed",
                     [BASIS_FREE] = "free",
                     [BASIS_CLIENT] = "client"},
#define X(id, wire, people) [id] = wire,
    [NAMES_PROVIDER] = {PROVIDERS(X)},
#undef X
    [NAMES_ORIGIN] = {[ORIGIN_ADMIN] = "admin",
                      [ORIGIN_HEADER] = "header",
                      [ORIGIN_SELF_SERVICE] = "self_service",
                      [ORIGIN_ISSUED] = "issued",
                      [ORIGIN_INGEST] = "ingest",
                      [ORIGIN_DEFAULT] = "default"},
    [NAMES_SCOPE] = {[SCOPE_GLOBAL] = "global",
                     [SCOPE_TENANT] = "tenant",
                     [SCOPE_KEY] = "key",
                     [SCOPE_TAG] = "tag",
                     [SCOPE_SESSION] = "session",
                     [SCOPE_USER] = "user",
                     [SCOPE_MODEL] = "model"},
    [NAMES_PERIOD] = {[PERIOD_HOURLY] = "hourly",
                      [PERIOD_DAILY] = "daily",
                      [PERIOD_WEEKLY] = "weekly",
                      [PERIOD_MONTHLY] = "monthly",
                      [PERIOD_TOTAL] = "total",
                      [PERIOD_CUSTOM] = "custom",
                      [PERIOD_ROLLING] = "rolling"},
};
_Static_assert(PROVIDER_COUNT <= WORDS, "room for every provider");

struct slice names_of(enum names_table t, int v)
{
    if (v < 0 || v >= WORDS || words[t][v] == NULL)
        return (struct slice){NULL, 0};
    return slice_str(words[t][v]);
}

int names_parse(enum names_table t, struct slice word)
{
    for (int i = 0; i < WORDS; i++)
        if (words[t][i] != NULL && slice_is(word, words[t][i]))
            return i;
    return 0;
}
