/* store.h - struct app; shared by the files of this room only. */
#ifndef APP_STORE_H
#define APP_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "alert/alert.h"
#include "app/app.h"
#include "base/crypt.h"
#include "base/metric.h"
#include "base/zone.h"
#include "catalog/catalog.h"
#include "control/control.h"
#include "counters/counters.h"
#include "gateway/gateway.h"
#include "guard/guard.h"
#include "guard/policy.h"
#include "http/header.h"
#include "ledger/db.h"
#include "ledger/writer.h"
#include "net/front.h"
#include "provider/target.h"

#define APP_LOOPS_MAX 64
#define APP_TRUSTED_MAX 64
#define APP_PATH 1024

struct app_loop;
struct probes;

/* Which version of the certificate files is served. */
struct app_tls_stamp {
    ino_t cert_inode, key_inode;
    struct timespec cert_time, key_time;
};

struct app {
    const struct config *config;
    char dir[APP_PATH];
    uint8_t secret[CRYPT_SECRET];
    struct zone *zone;
    struct metrics *metrics;
    struct counters *counters;
    struct catalog *catalog;
    struct db *db;
    struct guard guard;
    struct policies *policies;
    struct watch *policy_watch; /* NULL: the embedded policy */

    struct writer *writer;
    struct alert *alert;
    struct control *control;
    struct provider_set *providers;
    struct probes *probes;
    struct gateway *gateway;
    struct limit *auth_rows;
    struct cidr trusted[APP_TRUSTED_MAX];
    int trusted_count;
    char *cert_pem, *key_pem;
    struct app_tls_stamp tls_stamp;
    int fd, port, demo_fd, demo_port;
    char demo_admin[CRYPT_TOKEN_TEXT];
    struct app_loop *loops;
    int loop_count;
    atomic_bool stopping;
    atomic_bool disk_ok;
    bool demo;
};

/* open.c: builds the price book of all layers and takes it into force. */
MUST_CHECK enum status app_load_book(struct app *a, struct err *err);
/* open.c: reads the layers that are files and variables, and forgets them. */
MUST_CHECK enum status app_try_book(struct app *a, struct err *err);
/* demo.c: the demo tenant, its key, budgets and history. */
MUST_CHECK enum status demo_seed(struct app *a, char key[static 47],
                                 struct err *err);
/* Prints what to paste. */
void demo_print(const struct app *a, const char *key);

#endif
