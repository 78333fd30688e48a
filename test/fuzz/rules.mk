# rules.mk - one program per parser: LLVMFuzzerTestOneInput in test/fuzz/x.c,
# seeds in test/fuzz/seeds/x/, the rooms it needs in its first line
# ("// rooms: price call base").
#
# `make fuzz-replay` runs the seeds with any compiler; `make fuzz` fuzzes each
# for FUZZ_SECONDS (libFuzzer, ASan, UBSan); T=name picks some.

FUZZ_SECONDS ?= 20
FUZZ_SRC := $(filter-out test/fuzz/replay.c,$(wildcard test/fuzz/*.c))
FUZZ := $(FUZZ_SRC:test/%.c=$(O)/test/%)
FUZZ_NOW = $(if $(T),$(foreach f,$(FUZZ),$(if $(findstring $(T),$(notdir $(f))),$(f))),$(FUZZ))
fuzz_arc = $(foreach r,$(shell sed -n '1s|^// rooms:||p' $(1)),$(if $(wildcard lib/$(r)/*.c),$(O)/$(r).a))

# FUZZ_MAIN: what brings main
FUZZ_MAIN ?= $(O)/test/fuzz/replay.o
FUZZ_LINK ?=

$(FUZZ): $(O)/test/%: $(O)/test/%.o $(FUZZ_MAIN) $$(call fuzz_arc,test/$$*.c)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(FUZZ_LINK) -o $@ $< $(FUZZ_MAIN) \
		-Wl,--start-group $(call fuzz_arc,test/$*.c) -Wl,--end-group $(LIBS)

fuzz-build: $(FUZZ_NOW)

fuzz-replay: fuzz-build
	@sh test/fuzz/run.sh replay $(FUZZ_NOW)

fuzz:
	@$(MAKE) --no-print-directory O=build-fuzz CC=clang JEMALLOC= FUZZ_MAIN= \
		FUZZ_LINK=-fsanitize=fuzzer \
		OPT="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
		fuzz-build
	@FUZZ_SECONDS=$(FUZZ_SECONDS) sh test/fuzz/run.sh fuzz \
		$(patsubst $(O)/%,build-fuzz/%,$(FUZZ_NOW))

.PHONY: fuzz-build fuzz-replay fuzz
