/* probes.h - are the providers well, and which models do they have?
 *
 * One free call per provider (its model list) answers both.  Answers got with
 * the gateway's own keys are kept; one with a key from outside is not, nor is
 * the key.  Blocking threads only.
 */
#ifndef APP_PROBES_H
#define APP_PROBES_H

#include "control/control.h"

struct probes;
struct provider_set;

/* `providers` is borrowed and outlives it.  `models_age_s`: MODELS_CACHE_S. */
struct probes *probes_new(const struct provider_set *providers,
                          int64_t models_age_s);
/* Frees and nulls. */
void probes_free(struct probes **p);
/* As control_conf.provider_look. */
void probes_look(struct probes *p, const enum provider_id *of,
                 const struct slice *keys, int n, int64_t max_age_ms,
                 struct provider_state *out);
/* As control_conf.provider_models.  A list that could not be read is tried
 * again after a minute; the one before is kept. */
void probes_models(struct probes *p, struct arena *a, struct slice **names,
                   int *n, int64_t *loaded_ms);

#endif
