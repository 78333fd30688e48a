/* pool.c - see pool.h. */
#include "control/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct job {
    void (*fn)(void *arg);
    void *arg;
};

struct pool {
    pthread_mutex_t lock; // guards all below
    pthread_cond_t wake;
    struct job *ring;
    int cap, head, n;
    bool stop;
    pthread_t *threads;
    int thread_count;
};

static void *work(void *arg)
{
    struct pool *p = arg;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->stop || p->n > 0) {
        if (p->n == 0) {
            (void)pthread_cond_wait(&p->wake, &p->lock);
            continue;
        }
        struct job j = p->ring[p->head];
        p->head = (p->head + 1) % p->cap;
        p->n--;
        (void)pthread_mutex_unlock(&p->lock);
        j.fn(j.arg);
        (void)pthread_mutex_lock(&p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

enum status pool_new(int threads, int cap, struct pool **out, struct err *err)
{
    struct pool *p = xcalloc(1, sizeof *p);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->wake, NULL);
    p->ring = xcalloc((size_t)cap, sizeof *p->ring);
    p->cap = cap;
    p->threads = xcalloc((size_t)threads, sizeof *p->threads);
    for (; p->thread_count < threads; p->thread_count++) {
        int rc = pthread_create(&p->threads[p->thread_count], NULL, work, p);
        if (rc != 0) {
            pool_free(&p);
            return err_sys(err, rc, "pool", "cannot start a thread");
        }
    }
    *out = p;
    return OK;
}

void pool_free(struct pool **pp)
{
    struct pool *p = *pp;
    *pp = NULL;
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->wake);
    (void)pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->thread_count; i++)
        (void)pthread_join(p->threads[i], NULL);
    (void)pthread_cond_destroy(&p->wake);
    (void)pthread_mutex_destroy(&p->lock);
    free(p->ring);
    free(p->threads);
    free(p);
}

enum status pool_run(struct pool *p, void (*fn)(void *arg), void *arg)
{
    enum status st = OK;
    (void)pthread_mutex_lock(&p->lock);
    if (p->n == p->cap || p->stop)
        st = E_BUSY;
    else {
        p->ring[(p->head + p->n) % p->cap] = (struct job){fn, arg};
        p->n++;
        (void)pthread_cond_signal(&p->wake);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return st;
}
