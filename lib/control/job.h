/* job.h - a control request on its way between loop and pool.
 *
 * For control.c, who.c and traffic.c; not included from elsewhere.  control.c
 * says which thread may touch what.
 */
#ifndef CONTROL_JOB_H
#define CONTROL_JOB_H

#include <pthread.h>

#include "control/control.h"
#include "control/request.h"
#include "control/routes.h"
#include "net/loop.h"

struct traffic;

struct control {
    struct control_conf conf;
    struct pool *pool;
    struct limit *failures;
    struct buckets *admin_buckets, *ingest_buckets;
    struct sessions *sessions;
    struct traffic *traffic;
    struct buf openapi; // the document, made at start
    struct integrity *integrity;
};

struct job {
    struct request r;
    struct control *c;
    struct stream *stream; // loop only; NULL once closed
    const struct http_head *head;
    const struct control_route *route;
    struct inflate *inflate;
    struct buf body;
    struct loop *loop;
    struct loop_msg msg;
    bool running;  // on the pool; loop only
    bool answered; // loop only
    bool begun;    // streamed head is out; loop only
    bool stalled;  // the client reads slowly; loop only
    char allow[64];
    int64_t since_us; // its head came

    pthread_mutex_t lock;
    pthread_cond_t taken;
    struct buf block; // streamed bytes on their way to the loop
    bool posted;      // a message is under way
    bool gone;        // the client left
    bool finished;    // the handler returned
};

/* The head's field of this name, .p NULL: not sent.  While `head` lives. */
struct slice job_field(const struct job *j, const char *name);

#endif
