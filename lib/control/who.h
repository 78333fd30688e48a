/* who.h - may this caller call this route?
 *
 * On the loop, before a handler runs: credentials, CSRF, the limit of failures
 * and the token buckets of contract 1.2 and 5.
 */
#ifndef CONTROL_WHO_H
#define CONTROL_WHO_H

#include <stdbool.h>

struct job;

/* True if the caller may go on; else the answer is made.  Fills r->user,
 * r->is_admin. */
bool who_may(struct job *j);

#endif
