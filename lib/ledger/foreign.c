/* foreign.c - see foreign.h. */
#include "ledger/foreign.h"

#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "ledger/sql.h"

#define VALUE_MAX (1 << 20)
#define TABLES_MAX 1000

struct foreign {
    sqlite3 *c;
};

enum status foreign_open(const char *path, struct foreign **out,
                         struct err *err)
{
    struct stat st;
    struct foreign *f = xcalloc(1, sizeof *f);
    *out = f;
    enum status s = OK;
    if (stat(path, &st) == -1)
        s = err_set(err, E_NOT_FOUND, "import", "cannot read %s", path);
    else if (sqlite3_open_v2(path, &f->c,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                             NULL) != SQLITE_OK)
        s = err_set(err, E_IO, "import", "cannot open %s", path);
    if (s == OK) {
        (void)sqlite3_limit(f->c, SQLITE_LIMIT_LENGTH, VALUE_MAX);
        (void)sqlite3_db_config(f->c, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        s = sql_exec(f->c,
                     "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check="
                     "ON;SELECT count(*) FROM sqlite_master",
                     err);
        if (s != OK)
            s = err_set(err, E_CORRUPT, "import", "%s is no SQLite file", path);
    }
    if (s != OK)
        foreign_close(out);
    return s;
}

void foreign_close(struct foreign **fp)
{
    struct foreign *f = *fp;
    *fp = NULL;
    if (f == NULL)
        return;
    sqlite3_close(f->c);
    free(f);
}

static void quote(struct buf *b, struct slice name)
{
    buf_char(b, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            buf_char(b, '"');
        buf_char(b, name.p[i]);
    }
    buf_char(b, '"');
}

/* Writes the column of `table` that the spec means; false: it has none. */
static bool column_of(struct foreign *f, struct slice table, const char *spec,
                      struct buf *out)
{
    struct slice rest = slice_str(spec);
    bool found = false;
    while (rest.p != NULL && !found) {
        struct slice name = slice_cut(&rest, '|');
        struct sql q =
            sql_prepare(f->c, "SELECT name FROM pragma_table_info(?) WHERE "
                              "lower(name)=lower(?)");
        sql_text(&q, table);
        sql_text(&q, name);
        if (sql_row(&q)) {
            quote(out, sql_col_text(&q, 0));
            found = true;
        }
        if (sql_done(&q, NULL) != OK)
            found = false;
    }
    return found;
}

/* The statement on `table`; false: it is not the one. */
static bool fits(struct foreign *f, struct slice table,
                 const char *const *columns, int n, struct buf *text)
{
    buf_clear(text);
    buf_str(text, "SELECT ");
    for (int i = 0; i < n; i++) {
        const char *spec = columns[i];
        bool must = *spec == '!', never = *spec == '^';
        if (i > 0)
            buf_char(text, ',');
        buf_str(text, "CAST(");
        bool has = column_of(f, table, spec + (must || never), text);
        if ((must && !has) || (never && has))
            return false;
        buf_str(text, has ? " AS TEXT)" : "NULL AS TEXT)");
    }
    buf_str(text, " FROM ");
    quote(text, table);
    buf_char(text, '\0');
    return !text->failed;
}

static enum status find(struct foreign *f, const char *const *columns, int n,
                        struct buf *text, bool *found, struct err *err)
{
    struct sql q = sql_prepare(
        f->c, "SELECT name FROM sqlite_master WHERE type='table' AND name NOT "
              "LIKE 'sqlite_%' ORDER BY name");
    *found = false;
    for (int i = 0; i < TABLES_MAX && !*found && sql_row(&q); i++)
        *found = fits(f, sql_col_text(&q, 0), columns, n, text);
    return sql_done(&q, err);
}

enum status foreign_each(struct foreign *f, const char *const *columns, int n,
                         foreign_row_fn *fn, void *arg, bool *found,
                         struct err *err)
{
    struct buf text;
    struct slice v[FOREIGN_COLUMNS];
    buf_init(&text, 1u << 16);
    enum status st = find(f, columns, n, &text, found, err);
    if (st == OK && *found) {
        enum status said = OK;
        struct sql q = sql_prepare(f->c, text.p);
        while (said == OK && sql_row(&q)) {
            for (int i = 0; i < n; i++)
                v[i] = sql_col_text(&q, i);
            said = fn(arg, v, err);
        }
        st = sql_done(&q, said == OK ? err : NULL);
        st = said != OK ? said : st;
    }
    buf_release(&text);
    return st;
}
