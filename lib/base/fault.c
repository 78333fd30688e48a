/* fault.c - see fault.h.  Built only into test binaries. */
#include "base/fault.h"

#ifdef BG_FAULTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/money.h"

static const char *const points[] = {
    "admit.before_commit",  "admit.committed",
    "settle.before_commit", "settle.committed",
    "outbox.trim",          "counters.sync",
    "counters.put",         "ledger.begin",
    "ledger.inserted",      "ledger.commit",
    "ledger.trim",          "hold.admitted",
    "upstream.sending",     "upstream.head",
    "upstream.data",        "upstream.done",
    "settle.done",          "answer.end",
    "alert.before_commit",  "alert.committed",
    "alert.sent",           NULL,
};

static struct {
    char name[64];
    char kind[16];
    long n;
    _Atomic long passes;
} armed; // written once, before the first pass (pthread_once)
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void arm(void)
{
    const char *spec = getenv("BG_FAULT");
    struct slice rest = slice_str(spec);
    if (rest.n == 0)
        return;
    struct slice name = slice_cut(&rest, ':');
    struct slice kind = rest.p != NULL ? slice_cut(&rest, ':') : SLICE("fail");
    int64_t n = 1;
    if (name.n >= sizeof armed.name || kind.n >= sizeof armed.kind)
        return;
    if (rest.p != NULL && !money_scan(rest, 0, &n))
        n = 1;
    memcpy(armed.name, name.p, name.n);
    memcpy(armed.kind, kind.p, kind.n);
    armed.n = (long)n;
}

bool fault_hit(const char *name)
{
    (void)pthread_once(&once, arm);
    if (armed.name[0] == '\0' || strcmp(armed.name, name) != 0)
        return false;
    long pass = atomic_fetch_add(&armed.passes, 1) + 1;
    if (strcmp(armed.kind, "failall") == 0)
        return pass >= armed.n;
    if (pass != armed.n)
        return false;
    if (strcmp(armed.kind, "kill") == 0)
        (void)raise(SIGKILL);
    if (strcmp(armed.kind, "stop") == 0)
        (void)raise(SIGSTOP);
    return strcmp(armed.kind, "fail") == 0;
}

const char *const *fault_points(void)
{
    return points;
}

#else
typedef int fault_is_empty; // ISO C wants a declaration
#endif
