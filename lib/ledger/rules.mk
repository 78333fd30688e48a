# schema.sql is read by the assembler (lib/ledger/schema.c).
$(O)/lib/ledger/schema.o: schema.sql
