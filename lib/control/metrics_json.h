/* metrics_json.h - /metrics as the JSON document of B's clients.
 *
 * For health.c and who.c.
 */
#ifndef CONTROL_METRICS_JSON_H
#define CONTROL_METRICS_JSON_H

#include <stdbool.h>

#include "control/request.h"

/* True if ?format=json or the Accept field asks for it. */
bool metrics_json_asked(struct request *r);
/* Answers with it. */
void metrics_json(struct request *r);

#endif
