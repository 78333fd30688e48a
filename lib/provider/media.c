/* media.c - see media.h. */
#include "provider/media.h"

static bool key_is(const struct level *l, const char *lit)
{
    return pull_is(l->key, l->escaped, lit);
}

static bool is_web(struct slice s)
{
    return slice_starts(s, "http://") || slice_starts(s, "https://");
}

/* Reads a picture's size; of two in one object nobody knows which is taken. */
static void size_read(struct level *l, bool again, struct slice s)
{
    if (again || !image_size_read(s, &l->size))
        l->size = (struct image_size){0, 0};
}

/* {"type":"image","source":{"type":"base64","data":..}} (or "url"): the block
 * around the source says what it is. */
static bool claude_media(struct work *w)
{
    struct level *l = &w->d->level[w->r.depth], *block = l - 1;
    if (key_is(l, "type") && slice_is(w->r.raw, "image"))
        l->is_image = true;
    if ((!key_is(l, "data") && !key_is(l, "url")) || !key_is(block, "source"))
        return false;
    size_read(block, block->media, w->r.raw);
    block->media = true;
    return true;
}

/* {"inlineData":{"mimeType":"image/png","data":..}}, {"fileData":{..}}. */
static bool gemini_media(struct work *w)
{
    struct level *l = &w->d->level[w->r.depth];
    const struct level *parent = l - 1;
    if (key_is(parent, "inlineData") || key_is(parent, "inline_data")) {
        if (slice_starts(w->r.raw, "image/"))
            l->is_image = true;
        if (key_is(l, "data")) {
            size_read(l, l->media, w->r.raw);
            l->media = true;
        }
        return true;
    }
    if (!key_is(parent, "fileData") && !key_is(parent, "file_data"))
        return false;
    w->f->files = true;
    return true;
}

bool media_string(struct work *w)
{
    struct facts *f = w->f;
    struct level *l = &w->d->level[w->r.depth];
    const struct level *parent = l - 1;
    struct slice s = w->r.raw;

    if (l->json)
        return false;
    if (w->in->route->family == FAMILY_ANTHROPIC && claude_media(w))
        return true;
    if (w->in->route->family == FAMILY_GEMINI)
        return gemini_media(w);
    bool url = key_is(l, "url");
    bool image = key_is(l, "image_url") || (url && key_is(parent, "image_url"));

    if (image && (slice_starts(s, "data:image/") || is_web(s))) {
        size_read(l, l->image, s);
        l->image = true;
        return true;
    }
    if (key_is(l, "data") && key_is(parent, "input_audio")) {
        f->audio = true;
        return true;
    }
    if (url && (key_is(parent, "video_url") || key_is(parent, "audio_url"))) {
        f->video = true;
        return true;
    }
    if ((image && slice_starts(s, "data:")) || key_is(l, "file_data") ||
        key_is(l, "file_id") || key_is(l, "file_url") ||
        key_is(l, "document_url") ||
        (w->in->route->op == OP_IMAGES && slice_starts(s, "data:"))) {
        f->files = true;
        return true;
    }
    return false;
}

void media_detail(struct level *l, struct slice s)
{
    enum image_detail d = slice_is(s, "low")    ? DETAIL_LOW
                          : slice_is(s, "high") ? DETAIL_HIGH
                                                : DETAIL_ORIGINAL;
    if (!l->has_detail || d > l->detail)
        l->detail = d;
    l->has_detail = true;
}

void media_note(struct described_images *i, const struct level *l)
{
    if (l->size.width == 0 || i->sized_count == DESCRIBED_SIZED) {
        i->of[l->detail]++;
        return;
    }
    i->sized[i->sized_count].size = l->size;
    i->sized[i->sized_count++].detail = l->detail;
}
