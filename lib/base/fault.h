/* fault.h - named points where a test may make the program fail or die.
 *
 * In release builds FAULT() is nothing.  In test builds (-DBG_FAULTS) the
 * environment variable BG_FAULT="name:kind[:n]" arms one point: kind "kill"
 * ends the process with SIGKILL at the n-th pass, "fail" makes fault_hit
 * answer true at the n-th pass, "failall" from the n-th pass on, "stop" raises
 * SIGSTOP.  All points are listed in fault.c so that tests can walk them.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

#ifdef BG_FAULTS
/* True if the armed point `name` must fail now; may end the process. */
bool fault_hit(const char *name);
/* The names of all points, NULL at the end. */
const char *const *fault_points(void);
#define FAULT(name) fault_hit(name)
#else
#define FAULT(name) false
#endif

#endif
