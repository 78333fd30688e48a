/* paths.h - where in an answer the facts of a bill stand, family by family.
 *
 * For meter.c: one number per fact, and per wire format a table of the paths
 * it is found at, compiled for http/scan.  Immutable; any thread.
 */
#ifndef PROVIDER_PATHS_H
#define PROVIDER_PATHS_H

#include "http/scan.h"

/* Facts that are counts; the last value of each counts. */
enum number {
    V_PROMPT, /* the first five: any of them is usage */
    V_COMPLETION,
    V_TOTAL,
    V_INPUT,
    V_OUTPUT,
    V_P_CACHED,
    V_P_WRITTEN,
    V_P_AUDIO,
    V_P_IMAGE,
    V_C_REASONING,
    V_C_AUDIO,
    V_C_IMAGE,
    V_I_CACHED,
    V_I_WRITTEN,
    V_I_WRITTEN_12H,
    V_I_AUDIO,
    V_I_IMAGE,
    V_T_AUDIO,
    V_T_CACHED,
    V_O_REASONING,
    V_O_AUDIO,
    V_O_IMAGE,
    V_DS_HIT,
    V_SEARCHES,
    V_GEN_INPUT,
    V_GEN_OUTPUT,
    V_GROQ_PROMPT,
    V_GROQ_COMPLETION,
    /* Anthropic; input excludes what was read from or written to a cache */
    V_A_READ,
    V_A_WRITTEN,
    V_A_5M,
    V_A_1H,
    /* Google */
    V_G_CACHED,
    V_G_THOUGHTS,
    V_G_TOOL,
    V_NUMBERS
};

/* Facts of other kinds, numbered behind the counts. */
enum fact {
    P_USAGE = V_NUMBERS,
    P_SECONDS,
    P_MODEL,
    P_TIER,
    P_SPEED,
    P_GEO,
    P_OUT_TYPE,
    P_DURATION,
    P_TYPE,
    P_ERROR,
    P_CHOICES,
    P_CHOICE,
    P_INDEX,
    P_FINISH,
    P_DATA,
    P_ITEM_TYPE,
    P_QUERIES,
    /* an element of a list, its kind, its counts, the list's end */
    P_TURN,
    P_TURN_TYPE,
    P_TURN_INPUT,
    P_TURN_READ,
    P_TURN_WRITTEN,
    P_TURN_OUTPUT,
    P_TURNS,
    P_PART_KIND,
    P_PART_TOKENS,
    P_PART_IN,
    P_PARTS_IN,
    P_PART_CACHED,
    P_PARTS_CACHED,
    P_PART_OUT,
    P_PARTS_OUT,
    /* text that the model made */
    P_WORDS,
    P_DELTA, /* in events only */
    P_TEXT,  /* in whole answers only; in events it repeats the deltas */
    P_COUNT
};

enum format {
    FORMAT_OPENAI,
    FORMAT_RESPONSE, /* events of /v1/responses: wrapped in "response" */
    FORMAT_CLAUDE,   /* whole and events alike */
    FORMAT_GEMINI,
    FORMAT_GEMINI_LIST, /* a JSON array of answers */
    FORMATS
};

/* The tables, compiled. */
struct paths {
    struct scan_paths *of[FORMATS];
};

/* Compiles all tables; dies on a bug in them. */
struct paths *paths_new(void);
/* Frees and nulls. */
void paths_free(struct paths **p);
/* What path `i` of the format means: an enum number or an enum fact. */
int paths_fact(enum format f, int i);

#endif
