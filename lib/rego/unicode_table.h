/* unicode_table.h - the tables behind unicode.c; not for others. */
#ifndef REGO_UNICODE_TABLE_H
#define REGO_UNICODE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Categories: an index into the names, or UNICODE_ALTERNATING for a run of
 * Lu, Ll, Lu, Ll ... */
#define UNICODE_CATEGORIES 30
#define UNICODE_ALTERNATING 30
extern const char *const unicode_category_names[UNICODE_CATEGORIES];
extern const uint32_t unicode_category_runs[];
extern const size_t unicode_category_count;

/* Script 0 is Unknown. */
extern const char *const unicode_script_names[];
extern const size_t unicode_script_names_count;
extern const uint32_t unicode_script_runs[];
extern const size_t unicode_script_count;

/* upper == UNICODE_PAIRS: upper and lower letters take turns, beginning with
 * an upper one. */
#define UNICODE_PAIRS 0x110000
struct unicode_case {
    uint32_t first, last;
    int32_t upper, lower;
};
extern const struct unicode_case unicode_cases[];
extern const size_t unicode_case_count;

extern const uint32_t unicode_orbits[];
extern const size_t unicode_orbits_count;

#endif
