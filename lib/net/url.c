/* url.c - see url.h. */
#include "net/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void url_unref(struct url *v)
{
    if (v == NULL || --v->refs > 0)
        return;
    curl_url_cleanup(v->curl);
    free(v);
}

struct url *url_get(struct url_cache *cache, struct slice text)
{
    uint32_t h = 2166136261u; // FNV-1a: a cache slot, nothing depends on it
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * 16777619u;
    struct url **slot = &cache->slot[h % URLS];
    if (*slot != NULL && slice_eq((*slot)->text, text)) {
        (*slot)->refs++;
        return *slot;
    }
    if (text.n > 65536 || memchr(text.p, '\0', text.n) != NULL ||
        !(slice_starts(text, "http://") || slice_starts(text, "https://")))
        return NULL;
    struct url *v = try_malloc(sizeof *v + text.n + 1);
    if (v == NULL)
        return NULL;
    char *copy = (char *)(v + 1);
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *v = (struct url){.text = slice(copy, text.n), .refs = 1};
    v->curl = curl_url();
    if (v->curl == NULL ||
        curl_url_set(v->curl, CURLUPART_URL, copy,
                     CURLU_PATH_AS_IS | CURLU_DISALLOW_USER) != CURLUE_OK) {
        curl_url_cleanup(v->curl);
        free(v);
        return NULL;
    }
    url_unref(*slot); // calls that use it hold their own reference
    *slot = v;
    v->refs++;
    return v;
}

void url_cache_end(struct url_cache *cache)
{
    for (int i = 0; i < URLS; i++) {
        url_unref(cache->slot[i]);
        cache->slot[i] = NULL;
    }
}
