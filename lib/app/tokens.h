/* tokens.h - `budgetguard tokens`: counts, for people and scripts. */
#ifndef APP_TOKENS_H
#define APP_TOKENS_H

/* Runs the command with what stands behind its name; prints to stdout.
 * Answers the exit status: 0; 1 a file cannot be read; 2 bad use. */
int tokens_main(int argc, char **argv);

#endif
