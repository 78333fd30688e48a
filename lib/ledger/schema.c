/* schema.c - see schema.h; the assembler embeds the file. */
#include "ledger/schema.h"

__asm__(".pushsection .rodata\n"
        ".globl schema_sql_bytes\n"
        "schema_sql_bytes:\n"
        ".incbin \"schema.sql\"\n"
        ".byte 0\n"
        ".popsection\n");

extern const char schema_sql_bytes[];

const char *schema_text(void)
{
    return schema_sql_bytes;
}
