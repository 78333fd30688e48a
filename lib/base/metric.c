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
#include <stdlib.h>
#include <string.h>

#include "base/crypt.h"
#include "base/mem.h"

#define LABELS 4
#define VALUES_MAX 1000 /* values of one label before "other" */
#define SLOTS 16384     /* samples of one family */
#define BUCKETS 14

/* id, name, help, kind (c counter, h histogram), decimals, labels */
#define FAMILIES(X)                                                            \
    X(M_REQUESTS, "requests_total", "Proxy calls by outcome", 'c', 0,          \
      "route", "provider", "status", "reason")                                 \
    X(M_REQUEST_SECONDS, "request_seconds", "Time from head to answer", 'h',   \
      6, NULL, NULL, NULL, NULL)                                               \
    X(M_OVERHEAD_SECONDS, "overhead_seconds", "Time the gateway added", 'h',   \
      6, NULL, NULL, NULL, NULL)                                               \
    X(M_TTFT_SECONDS, "ttft_seconds", "Time to the first byte", 'h', 6, NULL,  \
      NULL, NULL, NULL)                                                        \
    X(M_TOKENS, "tokens_total", "Tokens by kind", 'c', 0, "kind", "provider",  \
      "model", NULL)                                                           \
    X(M_SPEND, "spend_usd_total", "Booked cost", 'c', 9, "tenant",             \
      "provider", "model", NULL)                                               \
    X(M_RATE_HITS, "rate_limit_hits_total", "Refusals by a rate limit", 'c',   \
      0, "kind", NULL, NULL, NULL)                                             \
    X(M_AUTH_FAILURES, "auth_failures_total", "Failed authentications", 'c',   \
      0, "kind", NULL, NULL, NULL)                                             \
    X(M_POLICY_SECONDS, "policy_seconds", "Policy evaluations", 'h', 6, NULL,  \
      NULL, NULL, NULL)                                                        \
    X(M_POLICY_ERRORS, "policy_errors_total", "Policy errors (denied)", 'c',   \
      0, NULL, NULL, NULL, NULL)                                               \
    X(M_INGEST, "ingest_total", "Ingest calls by result", 'c', 0, "result",    \
      NULL, NULL, NULL)                                                        \
    X(M_OVERRUNS, "overruns_total", "Calls that cost more than their hold",    \
      'c', 0, NULL, NULL, NULL, NULL)                                          \
    X(M_ALERTS, "alerts_total", "Budget thresholds reached", 'c', 0,           \
      "period", NULL, NULL, NULL)                                              \
    X(M_ALERT_DELIVERIES, "alert_deliveries_total",                            \
      "Attempts to deliver an alert", 'c', 0, "channel", "result", NULL, NULL)

static const struct family {
    const char *name, *help;
    char kind;
    int decimals;
    const char *labels[LABELS];
} families[M_COUNT] = {
#define X(id, name, help, kind, dec, a, b, c, d)                               \
    [id] = {name, help, kind, dec, {a, b, c, d}},
    FAMILIES(X)
#undef X
};

/* upper bounds in us: 50 us ... 600 s */
static const int64_t bounds[BUCKETS] = {
    50,     100,     250,     1000,     2500,     10000,     50000,
    100000, 500000, 1000000, 5000000, 30000000, 120000000, 600000000};

struct sample {
    uint64_t hash;
    char *text; // label values, each ended by NUL
    size_t n;
    _Atomic int64_t value;
};

struct table {
    pthread_mutex_t lock; // guards adding samples
    struct sample *_Atomic slot[SLOTS];
    int used;
    int distinct[LABELS];
};

struct histogram {
    _Atomic int64_t bucket[BUCKETS + 1];
    _Atomic int64_t sum_us, count;
};

struct metrics {
    struct table *table[M_COUNT];
    struct histogram histogram[M_COUNT];
};

struct metrics *metric_new(void)
{
    struct metrics *m = xcalloc(1, sizeof *m);
    for (int i = 0; i < M_COUNT; i++)
        if (families[i].kind == 'c') {
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
            if (s != NULL)
                free(s->text);
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

/* The label values as one text; longer values are cut. */
static size_t join(const struct slice *labels, int n, char *out, size_t cap)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        size_t len = labels[i].n < 160 ? labels[i].n : 160;
        if (at + len + 1 > cap)
            len = 0;
        if (len > 0)
            memcpy(out + at, labels[i].p, len);
        at += len;
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

/* True if label `k` with this value occurs already. */
static bool known(struct table *t, int k, const char *value)
{
    for (int i = 0; i < SLOTS; i++) {
        struct sample *s = atomic_load(&t->slot[i]);
        if (s == NULL)
            continue;
        const char *p = s->text;
        for (int j = 0; j < k; j++)
            p += strlen(p) + 1;
        if (strcmp(p, value) == 0)
            return true;
    }
    return false;
}

/* Replaces values beyond the cap by "other"; the family's lock is held. */
static size_t cap_values(struct table *t, int n, const char *text, char *out,
                         size_t cap)
{
    struct slice v[LABELS];
    for (int k = 0; k < n; k++) {
        v[k] = slice_str(text);
        if (!known(t, k, text)) {
            if (t->distinct[k] >= VALUES_MAX)
                v[k] = SLICE("other");
            else
                t->distinct[k]++;
        }
        text += strlen(text) + 1;
    }
    return join(v, n, out, cap);
}

static struct sample *add(struct table *t, int n, const char *text, size_t len)
{
    char capped[LABELS * 162];
    size_t slot;
    (void)pthread_mutex_lock(&t->lock);
    size_t cn = cap_values(t, n, text, capped, sizeof capped);
    uint64_t hash = crypt_table_hash(slice(capped, cn));
    struct sample *s = find(t, hash, capped, cn, &slot);
    (void)len;
    if (s == NULL && slot < SLOTS && t->used < SLOTS * 3 / 4) {
        s = xcalloc(1, sizeof *s);
        s->hash = hash;
        s->text = xmemdupz(capped, cn);
        s->n = cn;
        t->used++;
        atomic_store_explicit(&t->slot[slot], s, memory_order_release);
    }
    (void)pthread_mutex_unlock(&t->lock);
    return s;
}

void metric_add(struct metrics *m, enum metric_id id,
                const struct slice labels[static 4], int64_t v)
{
    char text[LABELS * 162];
    int n = label_count(&families[id]);
    size_t len = join(labels, n, text, sizeof text);
    uint64_t hash = crypt_table_hash(slice(text, len));
    size_t slot;
    struct sample *s = find(m->table[id], hash, text, len, &slot);
    if (s == NULL)
        s = add(m->table[id], n, text, len);
    if (s != NULL)
        atomic_fetch_add_explicit(&s->value, v, memory_order_relaxed);
}

int64_t metric_value(const struct metrics *m, enum metric_id id,
                     const struct slice labels[static 4])
{
    char text[LABELS * 162];
    size_t len =
        join(labels, label_count(&families[id]), text, sizeof text);
    uint64_t hash = crypt_table_hash(slice(text, len));
    size_t slot;
    struct sample *s = find(m->table[id], hash, text, len, &slot);
    return s != NULL ? atomic_load_explicit(&s->value, memory_order_relaxed)
                     : 0;
}

void metric_time(struct metrics *m, enum metric_id id, int64_t us)
{
    struct histogram *h = &m->histogram[id];
    int i = 0;
    while (i < BUCKETS && us > bounds[i])
        i++;
    atomic_fetch_add_explicit(&h->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_us, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->count, 1, memory_order_relaxed);
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
            buf_char(out, c);
    }
    buf_char(out, '"');
}

void metric_sample(struct buf *out, const char *name,
                   const char *const *label_names, const struct slice *labels,
                   int n, int64_t scaled, int decimals)
{
    buf_printf(out, "budgetguard_%s", name);
    for (int i = 0; i < n; i++) {
        buf_char(out, i == 0 ? '{' : ',');
        put_label(out, label_names[i], labels[i]);
    }
    if (n > 0)
        buf_char(out, '}');
    buf_char(out, ' ');
    put_scaled(out, scaled, decimals);
    buf_char(out, '\n');
}

static void text_counter(const struct table *t, const struct family *f,
                         struct buf *out)
{
    int n = label_count(f);
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
        metric_sample(out, f->name, f->labels, v, n,
                      atomic_load_explicit(&s->value, memory_order_relaxed),
                      f->decimals);
    }
}

static void text_histogram(const struct histogram *h, const struct family *f,
                           struct buf *out)
{
    int64_t sum = 0;
    for (int i = 0; i <= BUCKETS; i++) {
        sum += atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
        buf_printf(out, "budgetguard_%s_bucket{le=\"", f->name);
        if (i < BUCKETS)
            put_scaled(out, bounds[i], 6);
        else
            buf_str(out, "+Inf");
        buf_printf(out, "\"} %lld\n", (long long)sum);
    }
    buf_printf(out, "budgetguard_%s_sum ", f->name);
    put_scaled(out, atomic_load_explicit(&h->sum_us, memory_order_relaxed), 6);
    buf_printf(out, "\nbudgetguard_%s_count %lld\n", f->name,
               (long long)atomic_load_explicit(&h->count,
                                               memory_order_relaxed));
}

void metric_text(const struct metrics *m, struct buf *out)
{
    for (int i = 0; i < M_COUNT; i++) {
        const struct family *f = &families[i];
        buf_printf(out, "# HELP budgetguard_%s %s\n# TYPE budgetguard_%s %s\n",
                   f->name, f->help, f->name,
                   f->kind == 'c' ? "counter" : "histogram");
        if (f->kind == 'c')
            text_counter(m->table[i], f, out);
        else
            text_histogram(&m->histogram[i], f, out);
    }
}
