# rules.mk - the files of this room that know OpenSSL (see base/banned.h).
$(O)/lib/rego/pki.o $(O)/lib/rego/pki_x509.o: ROOM_CFLAGS := -DBG_OPENSSL
