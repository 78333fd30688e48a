/* cli.h - the subcommands that operate on a data folder or a running server.
 *
 * One table (cli.c) from which dispatch, options and help come.  Exit: 0 well;
 * 1 it failed or found something; 2 bad use or configuration.  Main thread.
 */
#ifndef APP_CLI_H
#define APP_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/slice.h"
#include "config/config.h"

#define CLI_WORDS 8
#define CLI_PAIRS 24

/* What stood on the command line behind the command. */
struct cli {
    const char *command;
    const char *word[CLI_WORDS]; /* what is no option, in order */
    int words;
    struct cli_pair {
        const char *name, *value; /* "--limit", "5"; flags: value NULL */
    } pair[CLI_PAIRS];
    int pairs;
    struct config *config;
};

/* True if the program's first argument is one of these commands. */
bool cli_knows(const char *command);
/* Runs it: argv[0] is the command.  Returns the exit status. */
int cli_main(int argc, char **argv);
/* The lines of `budgetguard --help` about these commands. */
void cli_help(FILE *to);

/* ---- for the commands themselves ---------------------------------------- */

/* The value of an option; NULL: not given. */
const char *cli_get(const struct cli *c, const char *name);
/* Was the flag given? */
bool cli_flag(const struct cli *c, const char *name);
/* Prints err->text; the exit status that goes with it. */
int cli_fail(const struct err *err);
/* Prints how the command is used; 2. */
int cli_misuse(const struct cli *c);
/* "what 42 %" on one line of a terminal; silent if stderr is none.  `done`
 * equal to `all`: the line ends.  `all` 0: only a count. */
void cli_progress(const char *what, int64_t done, int64_t all);

typedef int cli_fn(struct cli *c);
/* save.c */
cli_fn cli_backup, cli_restore;
/* inspect.c */
cli_fn cli_check;
/* dump.c */
cli_fn cli_export;
/* remote.c */
cli_fn cli_tenant, cli_key, cli_budget;
/* adopt.c */
cli_fn cli_import;

#endif
