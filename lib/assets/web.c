/* web.c - build/web/dist/, put into the binary as it is.
 *
 * web_table.h is written by web/build.mjs: one X(n, name, type, etag, hashed)
 * per file; `name`.gz beside it is its compressed form, empty if larger.
 */
#include "assets/web.h"

#include "web_table.h"

#define X(n, name, type, etag, hashed)                      \
    __asm__(".section .rodata\n"                            \
            "web_file_" #n ":\n"                            \
            ".incbin \"" BG_WEB_DIR "/dist/" name "\"\n"    \
            "web_gzip_" #n ":\n"                            \
            ".incbin \"" BG_WEB_DIR "/dist/" name ".gz\"\n" \
            "web_end_" #n ":\n"                             \
            ".byte 0\n"                                     \
            ".previous\n"                                   \
            ".global web_file_" #n "\n"                     \
            ".global web_gzip_" #n "\n"                     \
            ".global web_end_" #n "\n");                    \
    extern const char web_file_##n[], web_gzip_##n[], web_end_##n[];
WEB_TABLE(X)
#undef X

bool web_find(struct slice name, struct web_file *out)
{
    static const struct {
        const char *name, *type, *etag, *p, *gzip, *end;
        bool hashed;
    } table[] = {
#define X(n, name, type, etag, hashed) \
    {name, type, etag, web_file_##n, web_gzip_##n, web_end_##n, hashed},
        WEB_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_is(name, table[i].name)) {
            *out = (struct web_file){
                table[i].name,
                table[i].type,
                table[i].etag,
                table[i].hashed,
                slice(table[i].p, (size_t)(table[i].gzip - table[i].p)),
                slice(table[i].gzip, (size_t)(table[i].end - table[i].gzip))};
            return true;
        }
    return false;
}
