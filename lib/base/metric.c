/* metric.c - families in a fixed table, samples in open-addressing tables.
 *
 * A sample is found by the hash of its label values without a lock: slots are
 * published with a release store and never move (the table is sized for the
 * cap at once).  New samples take the family's mutex.  Values are atomics, so
 * counting from several loops is one relaxed add.
 */
#include "base/metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypt.h"
#include "base/mem.h"
#include "base/utf8.h"

#define LABELS 4
#define VALUES_MAX 1000  /* values of one label before "other" */
#define VALUE_SLOTS 2048 /* a power of two above VALUES_MAX */
#define SLOTS 16384      /* samples of one family */
#define BUCKETS 16       /* of the finest scale */
#define VALUE_MAX 160    /* bytes of one label value */

/* id, name, help, kind (c counter, h histogram without labels, l with),
 * decimals (of a histogram: its scale), labels.  Names get "budgetguard_" in
 * front but for OpenTelemetry's. */
#define GENAI_LABELS \
    "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"

enum scale_id {
    SCALE_TIME,
    SCALE_TOKENS,
    SCALE_OPERATION,
    SCALE_FIRST,
    SCALE_PER_TOKEN,
};

#define FAMILIES(X)                                                            \
    X(M_REQUESTS, "requests_total", "Proxy calls by outcome", 'c', 0, "route", \
      "provider", "status", "reason")                                          \
    X(M_REQUEST_SECONDS, "request_seconds", "Time from head to answer", 'h',   \
      SCALE_TIME, NULL, NULL, NULL, NULL)                                      \
    X(M_OVERHEAD_SECONDS, "overhead_seconds", "Time the gateway added", 'h',   \
      SCALE_TIME, NULL, NULL, NULL, NULL)                                      \
    X(M_TTFT_SECONDS, "ttft_seconds", "Time to the first byte", 'h',           \
      SCALE_TIME, NULL, NULL, NULL, NULL)                                      \
    X(M_TOKENS, "tokens_total", "Tokens by kind", 'c', 0, "kind", "provider",  \
      "model", NULL)                                                           \
    X(M_SPEND, "spend_usd_total", "Booked cost", 'c', 9, "tenant", "provider", \
      "model", NULL)                                                           \
    X(M_RATE_HITS, "rate_limit_hits_total", "Refusals by a rate limit", 'c',   \
      0, "kind", NULL, NULL, NULL)                                             \
    X(M_AUTH_FAILURES, "auth_failures_total", "Failed authentications", 'c',   \
      0, "kind", NULL, NULL, NULL)                                             \
    X(M_POLICY_SECONDS, "policy_seconds", "Policy evaluations", 'h',           \
      SCALE_TIME, NULL, NULL, NULL, NULL)                                      \
    X(M_POLICY_ERRORS, "policy_errors_total", "Policy errors (denied)", 'c',   \
      0, NULL, NULL, NULL, NULL)                                               \
    X(M_INGEST, "ingest_total", "Ingest calls by result", 'c', 0, "result",    \
      NULL, NULL, NULL)                                                        \
    X(M_OVERRUNS, "overruns_total", "Calls that cost more than their hold",    \
      'c', 0, NULL, NULL, NULL, NULL)                                          \
    X(M_ALERTS, "alerts_total", "Budget thresholds reached", 'c', 0, "period", \
      NULL, NULL, NULL)                                                        \
    X(M_ALERT_DELIVERIES, "alert_deliveries_total",                            \
      "Attempts to deliver an alert", 'c', 0, "channel", "result", NULL, NULL) \
    X(M_GENAI_TOKENS, "gen_ai_client_token_usage",                             \
      "Input and output tokens of a call", 'l', SCALE_TOKENS, GENAI_LABELS,    \
      "gen_ai_token_type")                                                     \
    X(M_GENAI_CLIENT_SECONDS, "gen_ai_client_operation_duration_seconds",      \
      "Time a provider took", 'l', SCALE_OPERATION, GENAI_LABELS,              \
      "error_type")                                                            \
    X(M_GENAI_SERVER_SECONDS, "gen_ai_server_request_duration_seconds",        \
      "Time from a call's head to the end of its answer", 'l',                 \
      SCALE_OPERATION, GENAI_LABELS, "error_type")                             \
    X(M_GENAI_FIRST_TOKEN, "gen_ai_server_time_to_first_token_seconds",        \
      "Time to the first token of a streamed answer", 'l', SCALE_FIRST,        \
      GENAI_LABELS, NULL)                                                      \
    X(M_GENAI_PER_TOKEN, "gen_ai_server_time_per_output_token_seconds",        \
      "Time per token behind the first of a streamed answer", 'l',             \
      SCALE_PER_TOKEN, GENAI_LABELS, NULL)

static const struct family {
    const char *name, *help;
    char kind;
    int decimals;
    const char *labels[LABELS];
} families[M_COUNT] = {
#define X(id, name, help, kind, dec, ...) \
    [id] = {name, help, kind, dec, {__VA_ARGS__}},
    FAMILIES(X)
#undef X
};

/* Upper bounds, and how many decimals a unit has (times come in us).  Those of
 * the last four are what the conventions name. */
static const struct scale {
    int n, decimals;
    int64_t at[BUCKETS];
} scales[] = {
    [SCALE_TIME] = {14,
                    6,
                    {50, 100, 250, 1000, 2500, 10000, 50000, 100000, 500000,
                     1000000, 5000000, 30000000, 120000000, 600000000}},
    [SCALE_TOKENS] = {14,
                      0,
                      {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144,
                       1048576, 4194304, 16777216, 67108864}},
    [SCALE_OPERATION] = {14,
                         6,
                         {10000, 20000, 40000, 80000, 160000, 320000, 640000,
                          1280000, 2560000, 5120000, 10240000, 20480000,
                          40960000, 81920000}},
    [SCALE_FIRST] = {16,
                     6,
                     {1000, 5000, 10000, 20000, 40000, 60000, 80000, 100000,
                      250000, 500000, 750000, 1000000, 2500000, 5000000,
                      7500000, 10000000}},
    [SCALE_PER_TOKEN] = {13,
                         6,
                         {10000, 25000, 50000, 75000, 100000, 150000, 200000,
                          300000, 400000, 500000, 750000, 1000000, 2500000}},
};

struct histogram {
    _Atomic int64_t bucket[BUCKETS + 1];
    _Atomic int64_t sum;
};

struct sample {
    uint64_t hash;
    char *text; // label values, each ended by NUL
    size_t n;
    _Atomic int64_t value;
    struct histogram *histogram; // NULL: a counter
};

struct table {
    pthread_mutex_t lock; // guards adding samples, and the last two
    struct sample *_Atomic slot[SLOTS];
    atomic_int used;
    int distinct[LABELS];
    uint64_t value[LABELS][VALUE_SLOTS]; // their hashes; 0: free
};

struct metrics {
    struct table *table[M_COUNT];
    struct histogram histogram[M_COUNT];
};

struct metrics *metric_new(void)
{
    struct metrics *m = xcalloc(1, sizeof *m);
    for (int i = 0; i < M_COUNT; i++)
        if (families[i].kind != 'h') {
            m->table[i] = xcalloc(1, sizeof *m->table[i]);
            (void)pthread_mutex_init(&m->table[i]->lock, NULL);
        }
    return m;
}

void metric_free(struct metrics **mp)
{
    struct metrics *m = *mp;
    *mp = NULL;
    for (int i = 0; m != NULL && i < M_COUNT; i++) {
        struct table *t = m->table[i];
        for (int k = 0; t != NULL && k < SLOTS; k++) {
            struct sample *s = atomic_load(&t->slot[k]);
            if (s != NULL) {
                free(s->text);
                free(s->histogram);
            }
            free(s);
        }
        if (t != NULL)
            (void)pthread_mutex_destroy(&t->lock);
        free(t);
    }
    free(m);
}

static int label_count(const struct family *f)
{
    int n = 0;
    while (n < LABELS && f->labels[n] != NULL)
        n++;
    return n;
}

/* One value, so that a scraper takes it: well-formed, no NUL, not too long. */
static size_t put_value(struct slice v, char *out)
{
    size_t n = v.n < VALUE_MAX ? v.n : VALUE_MAX;
    if (n < v.n) // back to where a character begins
        while (n > 0 && ((unsigned char)v.p[n] & 0xc0) == 0x80)
            n--;
    if (n > 0)
        memcpy(out, v.p, n);
    for (size_t at = 0; at < n;) {
        bool ascii = (unsigned char)(out[at] - 1) < 0x7f; // not NUL
        size_t good = ascii ? 1 : utf8_len((const uint8_t *)out + at, n - at);
        if (good == 0 || out[at] == '\0')
            out[at] = '?';
        at += good > 0 ? good : 1;
    }
    return n;
}

/* The label values as one text, each ended by NUL. */
static size_t join(const struct slice *labels, int n, char *out, size_t cap)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (at + VALUE_MAX + 1 <= cap)
            at += put_value(labels[i], out + at);
        out[at++] = '\0';
    }
    return at;
}

static struct sample *find(struct table *t, uint64_t hash, const char *text,
                           size_t n, size_t *free_slot)
{
    for (size_t i = hash % SLOTS, tries = 0; tries < SLOTS;
         i = (i + 1) % SLOTS, tries++) {
        struct sample *s =
            atomic_load_explicit(&t->slot[i], memory_order_acquire);
        if (s == NULL) {
            *free_slot = i;
            return NULL;
        }
        if (s->hash == hash && s->n == n && memcmp(s->text, text, n) == 0)
            return s;
    }
    *free_slot = SLOTS;
    return NULL;
}

/* True if label `k` has this value already, or has room for one more.  Asked
 * for each event once a label is full, so nothing is searched through. */
static bool has_room(struct table *t, int k, struct slice value)
{
    uint64_t h = crypt_table_hash(value) | 1;
    size_t i = (size_t)(h >> 1) % VALUE_SLOTS;
    for (; t->value[k][i] != 0; i = (i + 1) % VALUE_SLOTS)
        if (t->value[k][i] == h)
            return true;
    if (t->distinct[k] >= VALUES_MAX)
        return false;
    t->distinct[k]++;
    t->value[k][i] = h;
    return true;
}

/* Replaces values beyond the cap by "other"; the family's lock is held. */
static size_t cap_values(struct table *t, int n, const char *text, char *out,
                         size_t cap)
{
    struct slice v[LABELS];
    for (int k = 0; k < n; k++) {
        v[k] = slice_str(text);
        text += v[k].n + 1;
        if (!has_room(t, k, v[k]))
            v[k] = SLICE("other");
    }
    return join(v, n, out, cap);
}

static struct sample *add(struct table *t, const struct family *f,
                          const char *text)
{
    char capped[LABELS * 162];
    size_t slot;
    (void)pthread_mutex_lock(&t->lock);
    size_t cn = cap_values(t, label_count(f), text, capped, sizeof capped);
    uint64_t hash = crypt_table_hash(slice(capped, cn));
    struct sample *s = find(t, hash, capped, cn, &slot);
    if (s == NULL && slot < SLOTS && t->used < SLOTS * 3 / 4) {
        s = xcalloc(1, sizeof *s);
        s->hash = hash;
        s->text = xmemdupz(capped, cn);
        s->n = cn;
        if (f->kind == 'l')
            s->histogram = xcalloc(1, sizeof *s->histogram);
        t->used++;
        atomic_store_explicit(&t->slot[slot], s, memory_order_release);
    }
    (void)pthread_mutex_unlock(&t->lock);
    return s;
}

/* The sample with these values, made if there is room; NULL: there is none. */
static struct sample *sample_of(struct metrics *m, enum metric_id id,
                                const struct slice *labels)
{
    const struct family *f = &families[id];
    char text[LABELS * 162];
    size_t len = join(labels, label_count(f), text, sizeof text);
    uint64_t hash = crypt_table_hash(slice(text, len));
    size_t slot;
    struct sample *s = find(m->table[id], hash, text, len, &slot);
    return s != NULL ? s : add(m->table[id], f, text);
}

void metric_add(struct metrics *m, enum metric_id id,
                const struct slice labels[static 4], int64_t v)
{
    struct sample *s = sample_of(m, id, labels);
    if (s != NULL)
        atomic_fetch_add_explicit(&s->value, v, memory_order_relaxed);
}

int64_t metric_value(const struct metrics *m, enum metric_id id,
                     const struct slice labels[static 4])
{
    char text[LABELS * 162];
    size_t len = join(labels, label_count(&families[id]), text, sizeof text);
    uint64_t hash = crypt_table_hash(slice(text, len));
    size_t slot;
    struct sample *s = find(m->table[id], hash, text, len, &slot);
    return s != NULL ? atomic_load_explicit(&s->value, memory_order_relaxed)
                     : 0;
}

static void observe(struct histogram *h, const struct scale *s, int64_t v)
{
    int i = 0;
    while (i < s->n && v > s->at[i])
        i++;
    atomic_fetch_add_explicit(&h->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, v, memory_order_relaxed);
}

void metric_time(struct metrics *m, enum metric_id id, int64_t us)
{
    observe(&m->histogram[id], &scales[families[id].decimals], us);
}

void metric_note(struct metrics *m, enum metric_id id,
                 const struct slice labels[static 4], int64_t v)
{
    struct sample *s = sample_of(m, id, labels);
    if (s != NULL)
        observe(s->histogram, &scales[families[id].decimals], v);
}

/* `scaled` with the decimal point `decimals` places from the right, without
 * trailing zeros. */
static void put_scaled(struct buf *out, int64_t scaled, int decimals)
{
    uint64_t u = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    uint64_t unit = 1;
    while (decimals > 0 && u % 10 == 0) {
        u /= 10;
        decimals--;
    }
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    buf_printf(out, "%s%llu", scaled < 0 ? "-" : "",
               (unsigned long long)(u / unit));
    if (decimals > 0)
        buf_printf(out, ".%0*llu", decimals, (unsigned long long)(u % unit));
}

static void put_label(struct buf *out, const char *name, struct slice v)
{
    buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i];
        if (c == '\n')
            buf_str(out, "\\n");
        else if (c == '"' || c == '\\') {
            buf_char(out, '\\');
            buf_char(out, c);
        } else
            buf_char(out, (unsigned char)c < ' ' ? '?' : c);
    }
    buf_char(out, '"');
}

static void put_name(struct buf *out, const char *name)
{
    if (!slice_starts(slice_str(name), "gen_ai_"))
        buf_str(out, "budgetguard_");
    buf_str(out, name);
}

/* `{a="b",...`; open still if `n` is not 0. */
static void put_labels(struct buf *out, const char *const *names,
                       const struct slice *values, int n)
{
    for (int i = 0; i < n; i++) {
        buf_char(out, i == 0 ? '{' : ',');
        put_label(out, names[i], values[i]);
    }
}

void metric_sample(struct buf *out, const char *name,
                   const char *const *label_names, const struct slice *labels,
                   int n, int64_t scaled, int decimals)
{
    put_name(out, name);
    put_labels(out, label_names, labels, n);
    if (n > 0)
        buf_char(out, '}');
    buf_char(out, ' ');
    put_scaled(out, scaled, decimals);
    buf_char(out, '\n');
}

/* The buckets are read once and summed, so that +Inf equals the count. */
static void text_histogram(const struct histogram *h, const struct family *f,
                           const struct slice *values, struct buf *out)
{
    const struct scale *s = &scales[f->decimals];
    char name[96];
    int n = label_count(f);
    int64_t sum = atomic_load_explicit(&h->sum, memory_order_relaxed);
    int64_t count = 0;
    for (int i = 0; i <= s->n; i++) {
        count += atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
        put_name(out, f->name);
        buf_str(out, "_bucket");
        put_labels(out, f->labels, values, n);
        buf_str(out, n > 0 ? ",le=\"" : "{le=\"");
        if (i < s->n)
            put_scaled(out, s->at[i], s->decimals);
        else
            buf_str(out, "+Inf");
        buf_printf(out, "\"} %lld\n", (long long)count);
    }
    (void)snprintf(name, sizeof name, "%s_sum", f->name);
    metric_sample(out, name, f->labels, values, n, sum, s->decimals);
    (void)snprintf(name, sizeof name, "%s_count", f->name);
    metric_sample(out, name, f->labels, values, n, count, 0);
}

static void text_samples(const struct table *t, const struct family *f,
                         struct buf *out)
{
    int n = label_count(f);
    const struct slice none = {NULL, 0};
    if (n == 0 && t->used == 0) // what never happened is 0, not absent
        metric_sample(out, f->name, NULL, &none, 0, 0, 0);
    for (int i = 0; i < SLOTS; i++) {
        struct sample *s =
            atomic_load_explicit(&t->slot[i], memory_order_acquire);
        if (s == NULL)
            continue;
        struct slice v[LABELS];
        const char *p = s->text;
        for (int k = 0; k < n; k++) {
            v[k] = slice_str(p);
            p += v[k].n + 1;
        }
        if (s->histogram != NULL)
            text_histogram(s->histogram, f, v, out);
        else
            metric_sample(out, f->name, f->labels, v, n,
                          atomic_load_explicit(&s->value, memory_order_relaxed),
                          f->decimals);
    }
}

void metric_text(const struct metrics *m, struct buf *out)
{
    const struct slice none[LABELS] = {{NULL, 0}};
    for (int i = 0; i < M_COUNT; i++) {
        const struct family *f = &families[i];
        buf_str(out, "# HELP ");
        put_name(out, f->name);
        buf_printf(out, " %s\n# TYPE ", f->help);
        put_name(out, f->name);
        buf_printf(out, " %s\n", f->kind == 'c' ? "counter" : "histogram");
        if (f->kind == 'h')
            text_histogram(&m->histogram[i], f, none, out);
        else
            text_samples(m->table[i], f, out);
    }
}
