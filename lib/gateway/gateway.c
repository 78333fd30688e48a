/* gateway.c - the gateway's parts per process and per loop. */
#include "gateway/gateway.h"

#include "gateway/exchange.h"

#include <stdlib.h>

#include "base/mem.h"
#include "catalog/catalog.h"

struct gateway *gateway_new(const struct gateway_conf *conf,
                            const struct guard *guard, struct catalog *catalog,
                            const struct provider_set *providers,
                            struct limit *auth_rows,
                            const struct gateway_above *above)
{
    struct gateway *g = xcalloc(1, sizeof *g);
    g->conf = *conf;
    g->guard = guard;
    g->catalog = catalog;
    g->providers = providers;
    g->auth_rows = auth_rows;
    g->above = *above;
    g->models = models_cache_new();
    return g;
}

void gateway_free(struct gateway **gp)
{
    if (*gp == NULL)
        return;
    models_cache_free(&(*gp)->models);
    free(*gp);
    *gp = NULL;
}

enum status gateway_loop_new(struct gateway *g, struct loop *l,
                             struct gateway_loop **out, struct err *err)
{
    struct gateway_loop *gl = xcalloc(1, sizeof *gl);
    gl->gateway = g;
    gl->loop = l;
    enum status st = upstream_pool_new(l, &gl->pool, err);
    if (st != OK) {
        free(gl);
        return st;
    }
    gl->reader = catalog_reader_new(g->catalog);
    gl->describer = describer_new();
    if (g->guard->policies != NULL)
        gl->gate = gate_new(g->guard->policies, g->guard->zone,
                            g->guard->policy_timeout_ms, g->guard->metrics);
    *out = gl;
    return OK;
}

void gateway_loop_cut(struct gateway_loop *gl)
{
    struct exchange *next;
    for (struct exchange *x = gl->open; x != NULL; x = next) {
        next = x->next; // an exchange without a client is freed at once
        if (x->phase == PHASE_FORWARDING || x->phase == PHASE_RELAYING)
            answer_shut_down(x);
    }
}

void gateway_loop_free(struct gateway_loop **glp)
{
    struct gateway_loop *gl = *glp;
    *glp = NULL;
    if (gl == NULL)
        return;
    models_loop_end(gl);
    exchange_end_all(gl);
    upstream_pool_free(&gl->pool);
    catalog_reader_free(&gl->reader);
    describer_free(&gl->describer);
    gate_free(&gl->gate);
    free(gl);
}

int gateway_loop_open(const struct gateway_loop *gl)
{
    return gl->open_count;
}

bool gateway_owns(const struct http_head *h)
{
    return route_is_proxy(h->path);
}
