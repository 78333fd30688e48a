/* loops.c - see loops.h.
 *
 * The server library takes a certificate only at its start.  A new one
 * therefore means a new listener on a duplicate of the same socket; the old
 * one stops accepting and is freed once its last connection is closed.
 *
 * The way down, per loop: take what waits in the socket's queue, refuse the
 * rest, poll until nothing is open or the grace is over; what is still open
 * then is booked with its whole hold and cut, and a short second grace lets
 * the last bytes leave.
 */
#include "app/loops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/demo.h"
#include "net/loop.h"

#define HEAD_MAX 65536
#define PEM_MAX 65536
#define POLL_US 20000
#define LAST_BYTES_US 500000

/* A listener and the descriptor it accepts on. */
struct served {
    struct served *next;
    struct listener *listener;
    int fd;
};

struct app_loop {
    struct app *app;
    struct loop *loop;
    struct gateway_loop *gateway;
    struct served *served; /* the newest first; older ones only end */
    struct listener *demo;
    struct front front;
    pthread_t thread;
    bool started, cut;
    struct loop_msg stop;
    struct loop_timer poll, retire;
    int64_t deadline_us;
};

/* ---- certificate files -------------------------------------------------- */

static char *read_pem(const char *path, const char *name, struct err *err)
{
    struct buf text;
    char *out = NULL;
    buf_init(&text, PEM_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char piece[4096];
    ssize_t n = -1;
    while (fd != -1 && (n = read(fd, piece, sizeof piece)) > 0)
        buf_add(&text, piece, (size_t)n);
    if (fd != -1)
        (void)close(fd);
    if (n == 0 && text.n > 0 && !text.failed)
        out = xmemdupz(text.p, text.n);
    else
        (void)err_set(err, E_INVALID, "config", "%s: cannot read %s", name,
                      path);
    buf_release(&text);
    return out;
}

/* What tells one version of the files from another. */
static struct app_tls_stamp stamp_of(const struct config *c)
{
    struct app_tls_stamp s = {0};
    struct stat cert, key;
    if (stat(c->tls_cert_file, &cert) == 0 &&
        stat(c->tls_key_file, &key) == 0) {
        s.cert_inode = cert.st_ino;
        s.key_inode = key.st_ino;
        s.cert_time = cert.st_mtim;
        s.key_time = key.st_mtim;
    }
    return s;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct app_tls_stamp *a,
                       const struct app_tls_stamp *b)
{
    return a->cert_inode == b->cert_inode && a->key_inode == b->key_inode &&
           same_time(a->cert_time, b->cert_time) &&
           same_time(a->key_time, b->key_time);
}

enum status loops_read_tls(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    if (c->tls_cert_file[0] == '\0')
        return OK;
    a->tls_stamp = stamp_of(c);
    char *cert = read_pem(c->tls_cert_file, "TLS_CERT_FILE", err);
    char *key =
        cert != NULL ? read_pem(c->tls_key_file, "TLS_KEY_FILE", err) : NULL;
    if (key == NULL) {
        free(cert);
        return E_INVALID;
    }
    free(a->cert_pem);
    free(a->key_pem);
    a->cert_pem = cert;
    a->key_pem = key;
    return OK;
}

/* ---- listeners ---------------------------------------------------------- */

static struct listen_conf listen_conf_of(const struct app *a)
{
    struct rlimit files;
    int most = 100000;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
        files.rlim_cur / 2 < (rlim_t)most)
        most = (int)(files.rlim_cur / 2);
    return (struct listen_conf){.fd = -1,
                                .max_head = HEAD_MAX,
                                .idle_timeout_s = 300,
                                .head_timeout_s = 30,
                                .max_connections = most,
                                .tls_cert_pem = a->cert_pem,
                                .tls_key_pem = a->key_pem};
}

/* Puts a listener with the present certificate in front. */
static enum status serve_anew(struct app_loop *l, struct err *err)
{
    struct app *a = l->app;
    struct served *s = xcalloc(1, sizeof *s);
    struct listen_conf conf = listen_conf_of(a);
    enum status st = E_IO;
    s->fd = conf.fd = sock_copy(a->fd);
    if (s->fd != -1)
        st = listener_new(l->loop, &conf, &front_ops, &l->front, &s->listener,
                          err);
    else
        (void)err_set(err, E_IO, "app", "out of file descriptors");
    if (st != OK) {
        if (s->fd != -1)
            (void)close(s->fd);
        free(s);
        return st;
    }
    if (l->served != NULL)
        listener_quiesce(l->served->listener);
    s->next = l->served;
    l->served = s;
    return OK;
}

static void served_free(struct served *s)
{
    listener_free(&s->listener);
    (void)close(s->fd);
    free(s);
}

/* Timer: frees older listeners whose last connection is closed. */
static void retire(void *arg)
{
    struct app_loop *l = arg;
    for (struct served **p = &l->served->next; *p != NULL;) {
        struct served *s = *p;
        if (listener_connections(s->listener) > 0) {
            p = &s->next;
            continue;
        }
        *p = s->next;
        served_free(s);
    }
    if (l->served->next != NULL)
        loop_timer_set(l->loop, &l->retire, 1000000);
}

static void renew(void *arg)
{
    struct app_loop *l = arg;
    struct err err;
    if (l->served == NULL || l->app->stopping)
        return;
    if (serve_anew(l, &err) != OK) {
        log_line(LOG_ERROR, "certificate not taken up; the old one stays",
                 LF_C("error", err.text));
        return;
    }
    l->retire = (struct loop_timer){.fn = retire, .arg = l};
    loop_timer_set(l->loop, &l->retire, 1000000);
}

/* One who waits until every loop has done something. */
struct everywhere {
    void (*fn)(void *arg); /* gets the loop */
    pthread_mutex_t mutex;
    pthread_cond_t all_done;
    int left;
};

struct task {
    struct everywhere *all;
    struct app_loop *l;
    struct loop_msg msg;
};

static void run_task(void *arg)
{
    struct task *t = arg;
    t->all->fn(t->l);
    (void)pthread_mutex_lock(&t->all->mutex);
    if (--t->all->left == 0)
        (void)pthread_cond_signal(&t->all->all_done);
    (void)pthread_mutex_unlock(&t->all->mutex);
}

static void everywhere(struct app *a, void (*fn)(void *arg))
{
    struct everywhere all = {fn, PTHREAD_MUTEX_INITIALIZER,
                             PTHREAD_COND_INITIALIZER, 0};
    struct task *tasks = xcalloc((size_t)a->loop_count, sizeof *tasks);
    (void)pthread_mutex_lock(&all.mutex);
    for (int i = 0; i < a->loop_count; i++) {
        struct task *t = &tasks[i];
        t->all = &all;
        t->l = &a->loops[i];
        t->msg = (struct loop_msg){.fn = run_task, .arg = t};
        all.left++;
        loop_post(t->l->loop, &t->msg);
    }
    while (all.left > 0)
        (void)pthread_cond_wait(&all.all_done, &all.mutex);
    (void)pthread_mutex_unlock(&all.mutex);
    free(tasks);
}

void loops_check_tls(struct app *a)
{
    if (a->cert_pem == NULL)
        return;
    struct app_tls_stamp now = stamp_of(a->config);
    struct err err;
    if (now.cert_inode == 0 || same_stamp(&now, &a->tls_stamp))
        return;
    if (loops_read_tls(a, &err) != OK) {
        log_line(LOG_ERROR, "certificate not read; the old one stays",
                 LF_C("error", err.text));
        return;
    }
    log_line(LOG_INFO, "certificate changed",
             LF_C("file", a->config->tls_cert_file));
    everywhere(a, renew);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* ---- a loop's life ------------------------------------------------------ */

static enum status serve(struct app_loop *l, struct err *err)
{
    struct app *a = l->app;
    l->front = (struct front){.is_first = gateway_owns,
                              .first = &gateway_ops,
                              .second = &control_ops,
                              .first_server = l->gateway,
                              .second_server = a->control};
    enum status st = serve_anew(l, err);
    if (st != OK || !a->demo || l != &a->loops[0])
        return st;
    struct listen_conf demo = listen_conf_of(a);
    demo.fd = a->demo_fd;
    demo.tls_cert_pem = demo.tls_key_pem = NULL;
    return listener_new(l->loop, &demo, &demo_server_ops, l->loop, &l->demo,
                        err);
}

static void *loop_main(void *arg)
{
    struct app_loop *l = arg;
    struct err err;
    enum status st =
        gateway_loop_new(l->app->gateway, l->loop, &l->gateway, &err);
    if (st == OK)
        st = serve(l, &err);
    if (st != OK)
        log_line(LOG_ERROR, "loop not started", LF_C("error", err.text));
    loop_run(l->loop); // without a listener it still answers messages
    loop_timer_cancel(l->loop, &l->poll);
    loop_timer_cancel(l->loop, &l->retire);
    while (l->served != NULL) {
        struct served *s = l->served;
        l->served = s->next;
        served_free(s);
    }
    if (l->gateway != NULL)
        gateway_loop_free(&l->gateway);
    if (l->demo != NULL)
        listener_free(&l->demo);
    return NULL;
}

static bool idle(const struct app_loop *l)
{
    if (gateway_loop_open(l->gateway) > 0)
        return false;
    for (const struct served *s = l->served; s != NULL; s = s->next)
        if (listener_open_streams(s->listener) > 0)
            return false;
    return true;
}

/* Timer: ends the loop when nothing is open or the grace is over. */
static void poll_end(void *arg)
{
    struct app_loop *l = arg;
    bool over = clock_mono_us() >= l->deadline_us;
    if (idle(l) || (over && l->cut)) {
        loop_stop(l->loop);
        return;
    }
    if (over) {
        gateway_loop_cut(l->gateway);
        l->cut = true;
        l->deadline_us = clock_mono_us() + LAST_BYTES_US;
    }
    loop_timer_set(l->loop, &l->poll, POLL_US);
}

static void begin_end(void *arg)
{
    struct app_loop *l = arg;
    if (l->served == NULL) {
        loop_stop(l->loop);
        return;
    }
    listener_quiesce(l->served->listener);
    // On Linux this ends the listening itself: who comes now is refused
    // instead of waiting in a queue that nobody looks at.
    (void)shutdown(l->app->fd, SHUT_RD);
    l->deadline_us =
        clock_mono_us() + l->app->config->shutdown_grace_s * 1000000;
    l->poll = (struct loop_timer){.fn = poll_end, .arg = l};
    poll_end(l);
}

enum status loops_start(struct app *a, struct err *err)
{
    int n = (int)a->config->workers;
    if (n == 0)
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        n = 1;
    a->loops = xcalloc((size_t)n, sizeof *a->loops);
    a->loop_count = n;
    for (int i = 0; i < n; i++) {
        struct app_loop *l = &a->loops[i];
        l->app = a;
        enum status st = loop_new(&l->loop, err);
        if (st != OK)
            return st;
    }
    for (int i = 0; i < n; i++) {
        struct app_loop *l = &a->loops[i];
        int rc = pthread_create(&l->thread, NULL, loop_main, l);
        if (rc != 0)
            return err_sys(err, rc, "app", "cannot start a thread");
        l->started = true;
    }
    everywhere(a, nothing); // their first turn comes after their start
    for (int i = 0; i < n; i++)
        if (a->loops[i].served == NULL)
            return err_set(err, E_IO, "app", "a loop did not start");
    return OK;
}

void loops_stop(struct app *a)
{
    atomic_store(&a->stopping, true);
    for (int i = 0; i < a->loop_count; i++) {
        struct app_loop *l = &a->loops[i];
        l->stop = (struct loop_msg){.fn = begin_end, .arg = l};
        if (l->started)
            loop_post(l->loop, &l->stop);
    }
    for (int i = 0; i < a->loop_count; i++)
        if (a->loops[i].started)
            (void)pthread_join(a->loops[i].thread, NULL);
}

void loops_free(struct app *a)
{
    for (int i = 0; i < a->loop_count; i++)
        if (a->loops[i].loop != NULL)
            loop_free(&a->loops[i].loop);
    free(a->loops);
    a->loops = NULL;
    a->loop_count = 0;
}
