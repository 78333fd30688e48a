/* policy_fault.h - what is wrong with a policy, as the API says it.
 *
 * For the handlers that compile a policy of the admin's.  Pure but for the
 * answer it fills.
 */
#ifndef CONTROL_POLICY_FAULT_H
#define CONTROL_POLICY_FAULT_H

#include "base/json.h"
#include "control/request.h"
#include "guard/policy.h"

/* Writes {file, line, column, message}; line and column 0: the whole file. */
void policy_fault_write(struct json_out *o, const struct policy_fault *f);
/* Answers 400 policy_error with the fault as `details`. */
void policy_fault_answer(struct request *r, const struct policy_fault *f);

#endif
