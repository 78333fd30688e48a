/* rows_tag.c - tags as rows; see rows.h.
 *
 * A path is the names from the root, joined by '/'.  Names hold no '/', so a
 * rename replaces exactly one piece of the paths below.
 */
#include "ledger/change.h"
#include "ledger/load.h"

#define TAG_ROW                                                           \
    "SELECT id,tenant_id,parent_id,name,path,description,color,metadata," \
    "level,is_active,session_budget_nano,created_at,updated_at FROM tag "

static void read_tag(struct sql *q, struct arena *a, void *out)
{
    *(struct tag_row *)out =
        (struct tag_row){.id = sql_col(q, 0, 0),
                         .tenant_id = sql_col(q, 1, 0),
                         .parent_id = sql_col(q, 2, 0),
                         .name = sql_col_dup(q, 3, a),
                         .path = sql_col_dup(q, 4, a),
                         .description = sql_col_dup(q, 5, a),
                         .color = sql_col_dup(q, 6, a),
                         .metadata = sql_col_dup(q, 7, a),
                         .level = (int)sql_col(q, 8, 0),
                         .active = sql_col(q, 9, 0) != 0,
                         .session_budget = sql_col(q, 10, -1),
                         .created_ms = sql_col(q, 11, 0),
                         .updated_ms = sql_col(q, 12, 0)};
}

static enum status find(struct change *c, struct arena *a, int64_t tenant_id,
                        int64_t id, struct tag_row *out, struct err *err)
{
    struct sql q = sql_prepare(c->db->w, TAG_ROW "WHERE id=? AND tenant_id=?");
    sql_i64(&q, id);
    sql_i64(&q, tenant_id);
    bool found = sql_row(&q);
    if (found)
        read_tag(&q, a, out);
    enum status st = sql_done(&q, err);
    if (st == OK && !found)
        st = err_set(err, E_NOT_FOUND, "rows", "no such tag");
    return st;
}

static enum status tenant_there(struct change *c, int64_t id, struct err *err)
{
    struct sql q = sql_prepare(c->db->w, "SELECT 1 FROM tenant WHERE id=?");
    sql_i64(&q, id);
    bool found = sql_row(&q);
    enum status st = sql_done(&q, err);
    if (st == OK && !found)
        st = err_set(err, E_NOT_FOUND, "rows", "no such tenant");
    return st;
}

static void insert(struct change *c, struct tag_row *t, struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w,
        "INSERT INTO tag(tenant_id,name,description,parent_id,path,level,"
        "is_active,color,metadata,session_budget_nano,created_at,updated_at)"
        " VALUES(?1,?2,?3,?4,?5,?6,1,?7,?8,?9,?10,?10)");
    sql_i64(&q, t->tenant_id);
    sql_text(&q, t->name);
    sql_text_or(&q, t->description);
    sql_i64_or(&q, t->parent_id, 0);
    sql_text(&q, t->path);
    sql_i64(&q, t->level);
    sql_text_or(&q, t->color);
    sql_text_or(&q, t->metadata);
    sql_i64_or(&q, t->session_budget, -1);
    sql_i64(&q, c->now_ms);
    sql_run(&q);
    c->st = sql_done(&q, err);
    t->id = sqlite3_last_insert_rowid(c->db->w);
    t->active = true;
    t->created_ms = t->updated_ms = c->now_ms;
}

/* True if `t` is the first of its tenant's tags with a session budget. */
static bool opens_sessions(struct change *c, const struct tag_row *t,
                           struct err *err)
{
    if (c->st != OK || t->session_budget < 0)
        return false;
    struct sql q =
        sql_prepare(c->db->w, "SELECT count(*) FROM tag WHERE tenant_id=? AND "
                              "session_budget_nano IS NOT NULL");
    sql_i64(&q, t->tenant_id);
    bool first = sql_row(&q) && sql_col(&q, 0, 0) == 0;
    c->st = sql_done(&q, err);
    return first;
}

/* change_end; if `opens`, sessions that were not counted get what they have
 * spent, for from now on a call may cap them by naming a tag. */
static enum status end_opening(struct change *c, int64_t tenant_id, bool opens,
                               struct err *err)
{
    enum status st = store_commit(c->db, c->st, err);
    if (st == OK)
        st = load_tenant(c->db, tenant_id, err);
    if (st == OK && opens)
        st = session_open_all(c->db, tenant_id, c->now_ms, err);
    store_end(c->db);
    return st;
}

enum status rows_tag_add(struct db *db, struct arena *a, struct actor who,
                         struct tag_row *t, struct err *err)
{
    struct change c;
    struct tag_row parent = {0};
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    c.st = tenant_there(&c, t->tenant_id, err);
    t->level = 0;
    t->path = t->name;
    if (c.st == OK && t->parent_id != 0) {
        c.st = find(&c, a, t->tenant_id, t->parent_id, &parent, err);
        t->level = parent.level + 1;
        if (c.st == OK && t->level >= TENANT_TAG_DEPTH)
            c.st = err_set(err, E_TOO_BIG, "rows", "tags too deep");
        if (c.st == OK)
            t->path = arena_printf(a, "%.*s/%.*s", SLICE_FMT(parent.path),
                                   SLICE_FMT(t->name));
    }
    bool opens = opens_sessions(&c, t, err);
    if (c.st == OK)
        insert(&c, t, err);
    change_audit(&c, t->tenant_id, "tag.create", "tagId", t->id, t->name, err);
    return end_opening(&c, t->tenant_id, opens, err);
}

/* Children of a tag, all or only active ones. */
static enum status children(struct change *c, int64_t id, bool active,
                            int64_t *n, struct err *err)
{
    struct sql q =
        sql_prepare(c->db->w, "SELECT count(*) FROM tag WHERE parent_id=? AND "
                              "is_active>=?");
    sql_i64(&q, id);
    sql_i64(&q, active);
    *n = sql_row(&q) ? sql_col(&q, 0, 0) : 0;
    return sql_done(&q, err);
}

static void rename_below(struct change *c, const struct tag_row *old,
                         struct slice path, struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "UPDATE tag SET path=?1||substr(path,length(?2)+1) WHERE "
                  "tenant_id=?3 AND substr(path,1,length(?2)+1)=?2||'/'");
    sql_text(&q, path);
    sql_text(&q, old->path);
    sql_i64(&q, old->tenant_id);
    sql_run(&q);
    c->st = sql_done(&q, err);
}

static void update(struct change *c, const struct tag_row *t, struct slice path,
                   struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w,
        "UPDATE tag SET name=?,path=?,description=?,color=?,metadata=?,"
        "is_active=?,session_budget_nano=?,updated_at=? WHERE id=?");
    sql_text(&q, t->name);
    sql_text(&q, path);
    sql_text_or(&q, t->description);
    sql_text_or(&q, t->color);
    sql_text_or(&q, t->metadata);
    sql_i64(&q, t->active);
    sql_i64_or(&q, t->session_budget, -1);
    sql_i64(&q, c->now_ms);
    sql_i64(&q, t->id);
    sql_run(&q);
    c->st = sql_done(&q, err);
}

enum status rows_tag_set(struct db *db, struct actor who,
                         const struct tag_row *t, struct err *err)
{
    struct change c;
    struct arena a;
    struct tag_row old = {0};
    int64_t n = 0;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    arena_init(&a, 1u << 20);
    c.st = find(&c, &a, t->tenant_id, t->id, &old, err);
    if (c.st == OK && old.active && !t->active)
        c.st = children(&c, t->id, true, &n, err);
    if (c.st == OK && n > 0)
        c.st = err_set(err, E_BUSY, "rows", "tag has active children");
    bool opens = opens_sessions(&c, t, err);
    if (c.st == OK) {
        size_t dir = old.path.n - old.name.n; // "" or "parent/"
        struct slice path = arena_printf(&a, "%.*s%.*s", (int)dir, old.path.p,
                                         SLICE_FMT(t->name));
        update(&c, t, path, err);
        if (c.st == OK && !slice_eq(old.name, t->name))
            rename_below(&c, &old, path, err);
    }
    change_audit(&c, t->tenant_id, "tag.update", "tagId", t->id, t->name, err);
    st = end_opening(&c, t->tenant_id, opens, err);
    arena_release(&a);
    return st;
}

enum status rows_tag_delete(struct db *db, struct actor who, int64_t tenant_id,
                            int64_t id, struct err *err)
{
    struct change c;
    struct arena a;
    struct tag_row old = {0};
    int64_t n = 0;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    arena_init(&a, 1u << 20);
    c.st = find(&c, &a, tenant_id, id, &old, err);
    if (c.st == OK)
        c.st = children(&c, id, false, &n, err);
    if (c.st == OK && n > 0)
        c.st = err_set(err, E_BUSY, "rows", "tag has children");
    static const char *const texts[] = {
        "DELETE FROM tag WHERE id=?1 AND tenant_id=?2",
        "DELETE FROM budget WHERE scope_kind=3 AND tenant_id=?2 AND "
        "scope_id=CAST(?1 AS TEXT)"};
    _Static_assert(SCOPE_TAG == 3, "scope_kind in the text above");
    for (int i = 0; i < 2 && c.st == OK; i++) {
        struct sql q = sql_prepare(db->w, texts[i]);
        sql_i64(&q, id);
        sql_i64(&q, tenant_id);
        sql_run(&q);
        c.st = sql_done(&q, err);
    }
    change_audit(&c, tenant_id, "tag.delete", "tagId", id, old.name, err);
    st = change_end(&c, tenant_id, err);
    arena_release(&a);
    return st;
}

enum status rows_tags(struct db *db, struct arena *a, int64_t tenant_id,
                      struct tag_row **out, int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q =
        sql_prepare(conn, TAG_ROW "WHERE tenant_id=? ORDER BY level,name");
    sql_i64(&q, tenant_id);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_tag, &list, n, err);
    *out = list;
    return st;
}
