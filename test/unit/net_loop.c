/* The loop: timers, messages from other threads, descriptors, hooks. */
#include "net_sock.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/mem.h"

struct seen {
    struct loop *l;
    int order[64];
    int n;
    struct loop_timer t[64];
};

struct mark {
    struct seen *s;
    int id;
};

static void note(void *arg)
{
    struct mark *m = arg;
    m->s->order[m->s->n++] = m->id;
}

static void note_and_stop(void *arg)
{
    note(arg);
    loop_stop(((struct mark *)arg)->s->l);
}

static void timers_fire_in_order_of_time(void **state)
{
    static const int at_ms[] = {30, 5, 20, 0, 25, 10, 15, 1, 60, 2};
    static const int want[] = {3, 7, 9, 1, 5, 6, 2, 4, 0};
    struct seen s = {0};
    struct mark m[10];
    (void)state;
    assert_int_equal(loop_new(&s.l, NULL), OK);
    for (int i = 0; i < 10; i++) {
        m[i] = (struct mark){&s, i};
        s.t[i].fn = i == 0 ? note_and_stop : note;
        s.t[i].arg = &m[i];
        loop_timer_set(s.l, &s.t[i], 1000);
    }
    for (int i = 0; i < 10; i++)
        loop_timer_set(s.l, &s.t[i], at_ms[i] * 1000);
    loop_timer_cancel(s.l, &s.t[8]);
    loop_timer_cancel(s.l, &s.t[8]);
    loop_run(s.l);
    assert_int_equal(s.n, 9);
    assert_memory_equal(s.order, want, sizeof want);
    loop_free(&s.l);
    assert_null(s.l);
}

static void random_timer_changes_keep_the_heap(void **state)
{
    enum { N = 200 };
    struct loop *l;
    struct loop_timer t[N] = {0};
    uint32_t r = 12345;
    (void)state;
    assert_int_equal(loop_new(&l, NULL), OK);
    for (int i = 0; i < 20000; i++) {
        r = r * 1664525u + 1013904223u;
        struct loop_timer *x = &t[(r >> 8) % N];
        if (r >> 31)
            loop_timer_set(l, x, (int64_t)(r >> 4) % 1000000);
        else
            loop_timer_cancel(l, x);
        assert_true((r >> 31) == (x->heap_index != 0));
    }
    for (int i = 0; i < N; i++)
        loop_timer_cancel(l, &t[i]);
    loop_free(&l);
}

enum { POSTERS = 4, EACH = 5000 };

struct posts {
    struct runner r;
    struct loop_msg m[POSTERS][EACH];
    atomic_int got;
    int last[POSTERS];
    bool in_order;
};

struct post_arg {
    struct posts *p;
    int who, nr;
};

static struct post_arg post_args[POSTERS][EACH];

static void got_post(void *arg)
{
    struct post_arg *a = arg;
    if (a->p->last[a->who] != a->nr - 1)
        a->p->in_order = false;
    a->p->last[a->who] = a->nr;
    atomic_fetch_add(&a->p->got, 1);
}

static void *poster(void *arg)
{
    struct post_arg *a = arg;
    for (int i = 0; i < EACH; i++) {
        post_args[a->who][i] = (struct post_arg){a->p, a->who, i};
        a->p->m[a->who][i].fn = got_post;
        a->p->m[a->who][i].arg = &post_args[a->who][i];
        loop_post(a->p->r.l, &a->p->m[a->who][i]);
    }
    return NULL;
}

static void messages_of_many_threads_all_arrive_in_order(void **state)
{
    struct posts *p = xcalloc(1, sizeof *p);
    struct post_arg who[POSTERS];
    pthread_t id[POSTERS];
    (void)state;
    p->in_order = true;
    assert_int_equal(loop_new(&p->r.l, NULL), OK);
    runner_start(&p->r);
    for (int i = 0; i < POSTERS; i++) {
        p->last[i] = -1;
        who[i] = (struct post_arg){p, i, 0};
        assert_int_equal(pthread_create(&id[i], NULL, poster, &who[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(id[i], NULL);
    wait_for(atomic_load(&p->got) == POSTERS * EACH);
    runner_stop(&p->r);
    assert_true(p->in_order);
    loop_free(&p->r.l);
    free(p);
}

struct pair {
    struct loop *l;
    struct loop_fd a, b;
    int hits;
};

static void kill_the_other(void *arg, uint32_t events)
{
    struct pair *p = arg;
    (void)events;
    p->hits++;
    loop_fd_del(p->l, &p->a);
    loop_fd_del(p->l, &p->b);
    loop_stop(p->l);
}

static void a_removed_descriptor_gets_no_event_of_the_same_turn(void **state)
{
    struct pair p = {0};
    (void)state;
    assert_int_equal(loop_new(&p.l, NULL), OK);
    p.a = (struct loop_fd){eventfd(1, EFD_CLOEXEC), kill_the_other, &p};
    p.b = (struct loop_fd){eventfd(1, EFD_CLOEXEC), kill_the_other, &p};
    assert_int_equal(loop_fd_add(p.l, &p.a, EPOLLIN, NULL), OK);
    assert_int_equal(loop_fd_add(p.l, &p.b, EPOLLIN, NULL), OK);
    struct err err;
    assert_int_equal(loop_fd_add(p.l, &p.b, EPOLLIN, &err), E_IO);
    loop_run(p.l);
    assert_int_equal(p.hits, 1);
    close(p.a.fd);
    close(p.b.fd);
    loop_free(&p.l);
}

struct hooks {
    struct loop *l;
    int first, second;
};

static int64_t first_hook(void *arg)
{
    struct hooks *h = arg;
    h->first++;
    return -1;
}

static int64_t second_hook(void *arg)
{
    struct hooks *h = ((struct hooks **)arg)[0];
    if (++h->second < 3)
        loop_again(h->l);
    else
        loop_stop(h->l);
    return -1;
}

static void hooks_run_again_until_no_one_asks(void **state)
{
    struct hooks h = {0}, *ref = &h;
    (void)state;
    assert_int_equal(loop_new(&h.l, NULL), OK);
    loop_prepare(h.l, first_hook, &h);
    loop_prepare(h.l, second_hook, &ref);
    loop_run(h.l);
    assert_int_equal(h.first, 3);
    assert_int_equal(h.second, 3);
    loop_unprepare(h.l, &ref);
    loop_stop(h.l);
    loop_run(h.l);
    assert_int_equal(h.second, 3);
    loop_free(&h.l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_time),
        cmocka_unit_test(random_timer_changes_keep_the_heap),
        cmocka_unit_test(messages_of_many_threads_all_arrive_in_order),
        cmocka_unit_test(a_removed_descriptor_gets_no_event_of_the_same_turn),
        cmocka_unit_test(hooks_run_again_until_no_one_asks),
    };
    return cmocka_run_group_tests_name("net_loop", tests, NULL, NULL);
}
