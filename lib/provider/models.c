/* models.c - model lists of three families, read and written. */
#include "provider/models.h"

#include "base/json.h"
#include "provider/target.h"

#define MODEL_NAME_MAX 256

/* "models/gemini-2.5-pro" as "gemini-2.5-pro". */
static struct slice name_of(const struct json *m)
{
    struct slice id = json_text(json_get(m, "id"), slice(NULL, 0));
    if (id.n == 0)
        id = json_text(json_get(m, "name"), slice(NULL, 0));
    if (slice_starts(id, "models/"))
        id = slice_skip(id, 7);
    if (id.n > MODEL_NAME_MAX)
        return slice(NULL, 0);
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] <= ' ' || id.p[i] == 0x7f)
            return slice(NULL, 0);
    return id;
}

enum status models_read(enum provider_id from, struct slice body,
                        struct arena *a, struct model_item *items, int *n,
                        struct err *err)
{
    struct json *v = NULL;
    enum status s = json_parse(a, body, &v, err);
    if (s != OK)
        return s;
    const struct json *list = v->type == JSON_ARRAY ? v : json_get(v, "data");
    if (list == NULL)
        list = json_get(v, "models");
    if (list == NULL || list->type != JSON_ARRAY)
        return err_set(err, E_INVALID, "models", "no list of models");
    for (const struct json *m = list->child; m != NULL; m = m->next) {
        struct model_item *it;
        struct slice id = name_of(m);
        if (id.n == 0)
            continue;
        if (*n == MODELS_MAX)
            return err_set(err, E_TOO_BIG, "models", "more than %d models",
                           MODELS_MAX);
        it = &items[(*n)++];
        *it = (struct model_item){.id = arena_dup(a, id), .provider = from};
        it->owned_by = arena_dup(a, json_text(json_get(m, "owned_by"),
                                              slice_str(provider_wire(from))));
        if (it->id.p == NULL || it->owned_by.p == NULL)
            return err_set(err, E_TOO_BIG, "models", "list is too long");
        if (!json_i64(json_get(m, "created"), &it->created) || it->created < 0)
            it->created = 0;
    }
    return OK;
}

/* True if an item before `i` has the same name.  O(n) per item: lists are
 * merged once per refresh and the longest known has a few hundred names. */
static bool is_repeated(const struct model_item *items, int i)
{
    for (int j = 0; j < i; j++)
        if (slice_eq(items[j].id, items[i].id))
            return true;
    return false;
}

static void item_write(enum family f, const struct model_item *it,
                       struct json_out *o)
{
    json_obj(o);
    if (f == FAMILY_ANTHROPIC) {
        json_kstr(o, "type", SLICE("model"));
        json_kstr(o, "id", it->id);
        json_kstr(o, "display_name", it->id);
        json_ktime(o, "created_at", it->created * 1000);
    } else if (f == FAMILY_GEMINI) {
        json_key(o, "name");
        struct buf name;
        buf_init(&name, MODEL_NAME_MAX + 16);
        buf_str(&name, "models/");
        buf_slice(&name, it->id);
        json_str(o, buf_get(&name));
        buf_release(&name);
        json_kstr(o, "displayName", it->id);
    } else {
        json_kstr(o, "id", it->id);
        json_kstr(o, "object", SLICE("model"));
        json_knum(o, "created", it->created);
        json_kstr(o, "owned_by", it->owned_by);
    }
    json_obj_end(o);
}

void models_write(enum family f, const struct model_item *items, int n,
                  struct buf *out)
{
    struct json_out o;
    int first = -1, last = -1;

    json_out_init(&o, out);
    json_obj(&o);
    if (f == FAMILY_OPENAI)
        json_kstr(&o, "object", SLICE("list"));
    json_key(&o, f == FAMILY_GEMINI ? "models" : "data");
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        if (is_repeated(items, i))
            continue;
        first = first < 0 ? i : first;
        last = i;
        item_write(f, &items[i], &o);
    }
    json_arr_end(&o);
    if (f == FAMILY_ANTHROPIC) {
        json_kbool(&o, "has_more", false);
        json_kstr_null(&o, "first_id",
                       first < 0 ? slice(NULL, 0) : items[first].id);
        json_kstr_null(&o, "last_id",
                       last < 0 ? slice(NULL, 0) : items[last].id);
    }
    json_obj_end(&o);
}

bool models_write_one(enum family f, const struct model_item *items, int n,
                      struct slice id, struct buf *out)
{
    for (int i = 0; i < n; i++) {
        if (!slice_eq(items[i].id, id))
            continue;
        struct json_out o;
        json_out_init(&o, out);
        item_write(f, &items[i], &o);
        return true;
    }
    return false;
}
