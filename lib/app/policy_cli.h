/* policy_cli.h - `budgetguard policy check|eval|test|replay`. */
#ifndef APP_POLICY_CLI_H
#define APP_POLICY_CLI_H

/* Runs the command with what stands behind "policy"; prints to stdout, faults
 * of use to stderr.  Answers the exit status: 0; 1 a test failed or a policy
 * is wrong (eval: 2, as opa does); 2 bad use. */
int policy_main(int argc, char **argv);

#endif
