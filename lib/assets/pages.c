/* pages.c - the files of lib/assets/pages/, put into the binary as they are.
 * Their dependencies stand in rules.mk.
 */
#include "assets/pages.h"

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define JS "text/javascript; charset=utf-8"

#define PAGES_TABLE(X)                    \
    X(login_html, "login.html", HTML)     \
    X(keys_html, "keys.html", HTML)       \
    X(reports_html, "reports.html", HTML) \
    X(pages_css, "pages.css", CSS)        \
    X(tokens_css, "tokens.css", CSS)      \
    X(keys_js, "keys.js", JS)             \
    X(reports_js, "reports.js", JS)       \
    X(icon_svg, "icon.svg", "image/svg+xml")

#define X(id, name, type)                             \
    __asm__(".section .rodata\n"                      \
            "pages_" #id ":\n"                        \
            ".incbin \"lib/assets/pages/" name "\"\n" \
            "pages_" #id "_end:\n"                    \
            ".byte 0\n"                               \
            ".previous\n"                             \
            ".global pages_" #id "\n"                 \
            ".global pages_" #id "_end\n");           \
    extern const char pages_##id[], pages_##id##_end[];
PAGES_TABLE(X)
#undef X

bool pages_find(struct slice name, struct pages_file *out)
{
    static const struct {
        const char *name, *type, *p, *end;
    } table[] = {
#define X(id, name, type) {name, type, pages_##id, pages_##id##_end},
        PAGES_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_is(name, table[i].name)) {
            *out = (struct pages_file){
                table[i].name, table[i].type,
                slice(table[i].p, (size_t)(table[i].end - table[i].p))};
            return true;
        }
    return false;
}
