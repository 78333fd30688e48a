/* docs.c - build/docs/dist/, put into the binary as it is (see rules.mk). */
#include "assets/docs.h"

#define DOCS_TABLE(X)                                                  \
    X(html, "docs.html", "text/html; charset=utf-8")                   \
    X(css, "docs.css", "text/css; charset=utf-8")                      \
    X(js, "docs.js", "text/javascript; charset=utf-8")                 \
    X(ui_css, "swagger-ui.css", "text/css; charset=utf-8")             \
    X(ui_js, "swagger-ui-bundle.js", "text/javascript; charset=utf-8") \
    X(license, "LICENSE", "text/plain; charset=utf-8")                 \
    X(notice, "NOTICE", "text/plain; charset=utf-8")                   \
    X(licenses, "swagger-ui-bundle.js.LICENSE.txt", "text/plain; charset=utf-8")

#define X(id, name, type)                                    \
    __asm__(".section .rodata\n"                             \
            "docs_" #id ":\n"                                \
            ".incbin \"" BG_DOCS_DIR "/dist/" name ".gz\"\n" \
            "docs_" #id "_end:\n"                            \
            ".byte 0\n"                                      \
            ".previous\n"                                    \
            ".global docs_" #id "\n"                         \
            ".global docs_" #id "_end\n");                   \
    extern const char docs_##id[], docs_##id##_end[];
DOCS_TABLE(X)
#undef X

bool docs_find(struct slice name, struct docs_file *out)
{
    static const struct {
        const char *name, *type, *p, *end;
    } table[] = {
#define X(id, name, type) {name, type, docs_##id, docs_##id##_end},
        DOCS_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_is(name, table[i].name)) {
            *out = (struct docs_file){
                table[i].name, table[i].type,
                slice(table[i].p, (size_t)(table[i].end - table[i].p))};
            return true;
        }
    return false;
}
