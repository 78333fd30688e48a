/* policy_replay.h - `budgetguard policy replay PATH --since DATE`. */
#ifndef APP_POLICY_REPLAY_H
#define APP_POLICY_REPLAY_H

/* Puts a policy to the requests of the ledger in DATA_DIR, which may be in
 * use, and prints the report.  Exit status as policy_main. */
int policy_replay_main(int argc, char **argv);

#endif
