/* providers.h - the state of the providers as JSON, for health.c, too.
 *
 * For handlers, on pool threads: it may wait some seconds for providers.
 */
#ifndef CONTROL_PROVIDERS_H
#define CONTROL_PROVIDERS_H

#include <stdbool.h>

#include "control/control.h"
#include "control/request.h"

/* Writes the member "providers" into an open object.  `with_keys`: provider
 * keys of the request's head count. */
void providers_write(struct request *r, struct json_out *o, bool with_keys);
/* Answers with the providers' models (contract 6, GET /models of a user). */
void providers_models(struct request *r);

#endif
