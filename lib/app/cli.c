/* cli.c - see cli.h. */
#include "app/cli.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "base/mem.h"
#include "guard/window.h"

extern char **environ;

#define ROW_FILTERS                                                       \
    " --tenant --tenant-id --model --route --status --provider --reason " \
    "--request-id --session --user --tag --key-id --since --until "
#define ADMIN_OPTIONS " --url --json! "

static const struct command {
    const char *name;
    cli_fn *run;
    int min, max;        /* words behind it */
    const char *options; /* " --name ", flags as " --name! " */
    const char *line;    /* for the overview */
    const char *help;    /* the rest of its own help */
} commands[] = {
    {"check", cli_check, 0, 0, " ",
     "check                     configuration, policy, prices, stores",
     "Reads everything a start would read and says what is wrong.  Exit 1 if "
     "anything is.\nDoes not start, change or hold anything; the stores may "
     "be in use.\n"},
    {"backup", cli_backup, 1, 1, " ",
     "backup DIR                a consistent copy, also of a running server",
     "DIR must not exist or be empty.  It gets ledger.sqlite, counters.lmdb/, "
     "secret.key,\nprices.txt if there is one, and manifest.json with a "
     "BLAKE2b-256 hash of each.\n"},
    {"restore", cli_restore, 1, 1, " --force! ",
     "restore DIR [--force]     puts a backup into DATA_DIR",
     "Hashes and stores are verified first.  A DATA_DIR that has a ledger is "
     "only replaced\nwith --force; what was there is kept in "
     "DATA_DIR/replaced-<time>/.  No server may use it.\n"},
    {"export", cli_export, 0, 0, " --format --output --quiet! " ROW_FILTERS,
     "export [FILTER]...        ledger rows as CSV or JSONL",
     "  --format csv|jsonl (csv)   --output FILE (standard output)\n"
     "  --tenant --tenant-id --model --route --status --provider --reason\n"
     "  --request-id --session --user --tag --key-id\n"
     "  --since DATE --until DATE (a plain date is that whole local day)\n"
     "Reads beside a running server; newest rows first.\n"},
    {"tenant", cli_tenant, 1, 3,
     ADMIN_OPTIONS "--rate-limit --tokens-per-min --max-concurrent "
                   "--session-budget --name ",
     "tenant list|add|show|set|delete ...",
     "  tenant list\n  tenant add NAME [LIMITS]\n  tenant show ID|NAME\n"
     "  tenant set ID|NAME [--name NEW] [LIMITS]\n  tenant delete ID|NAME\n"
     "LIMITS: --rate-limit N --tokens-per-min N --max-concurrent N "
     "--session-budget USD\n"},
    {"key", cli_key, 1, 3, ADMIN_OPTIONS "--name ", "key list|add|revoke ...",
     "  key list TENANT\n  key add TENANT [--name TEXT]   prints the key, "
     "once\n  key revoke KEY-ID\n"},
    {"budget", cli_budget, 1, 4,
     ADMIN_OPTIONS "--scope --scope-id --tenant --period --amount --window "
                   "--start --end --mode ",
     "budget list|add|set|delete ...",
     "  budget list [--scope KIND] [--tenant TENANT]\n"
     "  budget add TENANT PERIOD USD [--window 24h] [--start DATE --end "
     "DATE] [--mode soft]\n"
     "  budget add --scope KIND [--scope-id ID] [--tenant TENANT] --period "
     "PERIOD --amount USD\n"
     "  budget set ID --amount USD [--mode hard|soft]\n"
     "  budget delete ID\n"},
    {"import", cli_import, 2, 2, " --tenant --dry-run! ",
     "import KIND FILE          from a predecessor: b, c or a",
     "  import b FILE.db   usage and tracking tokens of Cost Guardian\n"
     "  import c FILE.db   keys and usage of the metering proxy\n"
     "  import a FILE.json answers of the Core's admin API, see the README\n"
     "Repeatable: what is there already is passed over.  --dry-run only "
     "says what would come.\n"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (slice_is(slice_str(name), commands[i].name))
            return &commands[i];
    return NULL;
}

bool cli_knows(const char *command)
{
    return find(command) != NULL;
}

void cli_help(FILE *to)
{
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "       budgetguard %s\n", commands[i].line);
}

static int say_help(const struct command *k, FILE *to)
{
    fprintf(to, "usage: budgetguard %s\n\n%s", k->line, k->help);
    if (k->run == cli_tenant || k->run == cli_key || k->run == cli_budget)
        fputs("With --url http://HOST:PORT a running server is asked, with "
              "ADMIN_API_KEY; without, DATA_DIR\nitself, which no server may "
              "use then.  --json prints the answer as it is.\n",
              to);
    fputs("  --config FILE   as for the server\n", to);
    return to == stdout ? 0 : 2;
}

int cli_misuse(const struct cli *c)
{
    return say_help(find(c->command), stderr);
}

const char *cli_get(const struct cli *c, const char *name)
{
    for (int i = 0; i < c->pairs; i++)
        if (slice_is(slice_str(c->pair[i].name), name))
            return c->pair[i].value;
    return NULL;
}

bool cli_flag(const struct cli *c, const char *name)
{
    for (int i = 0; i < c->pairs; i++)
        if (slice_is(slice_str(c->pair[i].name), name))
            return true;
    return false;
}

int cli_fail(const struct err *err)
{
    fprintf(stderr, "budgetguard: %s\n", err->text);
    return err->code == E_INVALID || err->code == E_NOT_FOUND ? 2 : 1;
}

void cli_progress(const char *what, int64_t done, int64_t all)
{
    if (!isatty(2))
        return;
    if (all > 0)
        fprintf(stderr, "\r%s %3d %%", what, (int)(done * 100 / all));
    else
        fprintf(stderr, "\r%s %lld", what, (long long)done);
    if (all > 0 && done >= all)
        fputc('\n', stderr);
}

/* Is `name` in the list?  '!' behind it: a flag. */
static bool option_of(const struct command *k, const char *name, bool *flag)
{
    char want[64];
    const char *lists[] = {k->options, " --config --help! "};
    for (int i = 0; i < 2; i++)
        for (int f = 0; f < 2; f++) {
            (void)snprintf(want, sizeof want, " %s%s ", name, f ? "!" : "");
            *flag = f == 1;
            if (strstr(lists[i], want) != NULL)
                return true;
        }
    return false;
}

static bool parse(const struct command *k, int argc, char **argv, struct cli *c)
{
    for (int i = 1; i < argc; i++) {
        bool flag;
        if (strncmp(argv[i], "--", 2) != 0) {
            if (c->words == CLI_WORDS)
                return false;
            c->word[c->words++] = argv[i];
            continue;
        }
        if (c->pairs == CLI_PAIRS || !option_of(k, argv[i], &flag) ||
            (!flag && i + 1 == argc)) {
            fprintf(stderr, "budgetguard: %s: not known here\n", argv[i]);
            return false;
        }
        c->pair[c->pairs].name = argv[i];
        c->pair[c->pairs++].value = flag ? NULL : argv[++i];
    }
    return cli_flag(c, "--help") || (c->words >= k->min && c->words <= k->max);
}

int cli_main(int argc, char **argv)
{
    const struct command *k = find(argv[0]);
    struct cli c = {.command = k->name};
    struct err err;
    enum log_level level;
    if (!parse(k, argc, argv, &c))
        return say_help(k, stderr);
    if (cli_flag(&c, "--help"))
        return say_help(k, stdout);
    if (!crypt_init()) {
        fputs("budgetguard: no source of randomness\n", stderr);
        return 1;
    }
    if (config_load(cli_get(&c, "--config"), environ, window_period_parse,
                    &c.config, &err) != OK) {
        if (k->run != cli_check)
            return cli_fail(&err);
        printf("configuration  WRONG  %s\n", err.text);
        return 1;
    }
    // people read this on a terminal: only what is wrong is logged
    if (!log_level_parse(slice_str(c.config->log_level), &level) ||
        level > LOG_WARN)
        level = LOG_WARN;
    if (log_open(NULL, level, &err) != OK)
        return cli_fail(&err);
    clock_set_offset(c.config->clock_offset_s);
    int rc = k->run(&c);
    config_free(&c.config);
    return rc;
}
