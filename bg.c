/* bg.c - main: subcommands and exit statuses.  No logic lives here.
 *
 * Exit: 0 well; 1 it failed, or verify found a difference; 2 bad use or
 * configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/app.h"
#include "app/cli.h"
#include "app/policy_cli.h"
#include "app/prices.h"
#include "app/tokens.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "config/config.h"
#include "guard/window.h"

extern char **environ;

struct options {
    const char *config;
    const char *command, *sub, *file;
    bool demo, help, version;
};

static int usage(void)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    config_help(&b);
    printf("BudgetGuard %s\n"
           "usage: budgetguard [--config FILE] [--demo]  serves\n"
           "       budgetguard verify                    counters against "
           "ledger\n"
           "       budgetguard config                    what is in force\n"
           "       budgetguard prices import FILE        LiteLLM's or "
           "genai-prices' JSON\n"
           "       budgetguard policy check|eval|test|replay ...\n"
           "       budgetguard tokens [--model M] [FILE|-]...\n",
           BG_VERSION);
    cli_help(stdout);
    printf("       budgetguard COMMAND --help\n"
           "       budgetguard --help | --version\n\n"
           "Variables (environment, .env.local, .env, or --config FILE):\n"
           "%.*s",
           (int)b.n, b.p);
    buf_release(&b);
    return 0;
}

/* One line on what was wrong: the list of variables is long. */
static int misuse(const char *what, const char *problem)
{
    fprintf(stderr, "budgetguard: %s: %s; see budgetguard --help\n", what,
            problem);
    return 2;
}

/* NULL, or the word that was not understood. */
static const char *read_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        struct slice a = slice_str(argv[i]);
        if (slice_is(a, "--demo"))
            o->demo = true;
        else if (slice_is(a, "--help") || slice_is(a, "-h"))
            o->help = true;
        else if (slice_is(a, "--version"))
            o->version = true;
        else if (slice_is(a, "--config") && i + 1 < argc)
            o->config = argv[++i];
        else if (a.n > 0 && a.p[0] == '-')
            return argv[i];
        else if (o->command == NULL)
            o->command = argv[i];
        else if (o->sub == NULL)
            o->sub = argv[i];
        else if (o->file == NULL)
            o->file = argv[i];
        else
            return argv[i];
    }
    return NULL;
}

static int complain(const struct err *err)
{
    fprintf(stderr, "budgetguard: %s\n", err->text);
    return err->code == E_INVALID || err->code == E_NOT_FOUND ? 2 : 1;
}

static int print_config(const struct config *c)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    config_print(c, &b);
    (void)fwrite(b.p, 1, b.n, stdout);
    buf_release(&b);
    return 0;
}

static int run_verify(const struct config *c)
{
    struct app *a;
    struct err err;
    bool good = false;
    enum status st = app_open(c, true, &a, &err);
    if (st == E_BUSY)
        (void)err_set(&err, E_BUSY, "verify",
                      "a server uses %s: stop it first, verify a backup, or "
                      "ask it with POST /admin/ledger/integrity",
                      c->data_dir);
    if (st != OK)
        return complain(&err);
    st = app_verify(a, &good, &err);
    app_close(&a);
    return st != OK ? complain(&err) : good ? 0 : 1;
}

static int run_serve(struct config *c, bool demo)
{
    struct app *a;
    struct err err;
    char dir[] = "/tmp/budgetguard-demo-XXXXXX";
    if (demo && getenv("DATA_DIR") == NULL) {
        if (mkdtemp(dir) == NULL) {
            perror("budgetguard: cannot make a folder for the demo");
            return 1;
        }
        c->data_dir = dir;
    }
    if (app_open(c, false, &a, &err) != OK)
        return complain(&err);
    enum status st = app_serve(a, demo, &err);
    app_close(&a);
    return st == OK ? 0 : complain(&err);
}

static int run(const struct options *o, struct config *c)
{
    struct err err;
    if (o->command == NULL)
        return run_serve(c, o->demo);
    struct slice cmd = slice_str(o->command);
    if (slice_is(cmd, "verify") && o->sub == NULL)
        return run_verify(c);
    if (slice_is(cmd, "config") && o->sub == NULL)
        return print_config(c);
    if (slice_is(cmd, "prices") && o->file != NULL &&
        slice_is(slice_str(o->sub), "import"))
        return prices_import(c, o->file, &err) == OK ? 0 : complain(&err);
    if (cli_knows(o->command) || slice_is(cmd, "policy") ||
        slice_is(cmd, "tokens"))
        return misuse(o->command, "comes before its options");
    return misuse(o->command, "not a command, or its words are wrong");
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct config *c;
    struct err err;
    enum log_level level;
    if (argc > 1 && slice_is(slice_str(argv[1]), "tokens"))
        return tokens_main(argc - 2, argv + 2);
    if (argc > 1 && cli_knows(argv[1]))
        return cli_main(argc - 1, argv + 1);
    if (argc > 1 && slice_is(slice_str(argv[1]), "policy"))
        return policy_main(argc - 2, argv + 2);
    const char *strange = read_options(argc, argv, &o);
    if (strange != NULL)
        return misuse(strange, "not known here");
    if (o.help)
        return usage();
    if (o.version) {
        printf("budgetguard %s\n", BG_VERSION);
        return 0;
    }
    if (!crypt_init()) {
        fputs("budgetguard: no source of randomness\n", stderr);
        return 1;
    }
    if (config_load(o.config, environ, window_period_parse, &c, &err) != OK)
        return complain(&err);
    if (!log_level_parse(slice_str(c->log_level), &level))
        level = LOG_INFO;
    if (log_open(c->log_file[0] != '\0' ? c->log_file : NULL, level, &err) !=
        OK)
        return complain(&err);
    clock_set_offset(c->clock_offset_s);
    int rc = run(&o, c);
    config_free(&c);
    return rc;
}
