/* schema.h - schema.sql as it was when this was built.  Any thread. */
#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

/* The text, with a terminator. */
const char *schema_text(void);

#endif
