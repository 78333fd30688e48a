# rules.mk - everything that runs the program: demo, tests, checks, install.
#
# The suite drives a binary built with fault points (build-test/, build-asan/,
# build-tsan/); build/ stays the release build.

-include test/fuzz/rules.mk
-include test/rego/rules.mk

SUITE = sh test/run-all.sh
NODE_DEPS := test/node_modules/.package-lock.json

# Sanitizer reports must end the process, and cmocka must not swallow them
# (it installs its own handlers for these signals).
ASAN_ENV := ASAN_OPTIONS=abort_on_error=0:exitcode=99:detect_leaks=1:handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/test/lsan.supp:print_suppressions=0 \
	UBSAN_OPTIONS=print_stacktrace=1
TSAN_ENV := TSAN_OPTIONS=exitcode=99:halt_on_error=0:second_deadlock_stack=1:suppressions=$(CURDIR)/test/tsan.supp
SAN_COMMON := -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all

TEST_MAKE := $(MAKE) --no-print-directory O=build-test CFLAGS=-DBG_FAULTS
ASAN_MAKE := $(MAKE) --no-print-directory O=build-asan CFLAGS=-DBG_FAULTS \
	JEMALLOC= OPT="$(SAN_COMMON) -fsanitize=address,undefined"
TSAN_MAKE := $(MAKE) --no-print-directory O=build-tsan CFLAGS=-DBG_FAULTS \
	JEMALLOC= OPT="$(SAN_COMMON) -fsanitize=thread"

deps:
	@sh packaging/deps.sh build
deps-test:
	@sh packaging/deps.sh test
# The sub-make sees headers that deps may just have installed.
run: deps
	@$(MAKE) --no-print-directory -j2 build/budgetguard
	@exec build/budgetguard --demo

$(NODE_DEPS): test/package.json test/package-lock.json
	cd test && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# T=name runs only the tests whose file or sentence contains it.
test: deps-test $(NODE_DEPS)
	@$(SUITE) build-test "$(TEST_MAKE)" "$(T)"
check-asan: deps-test $(NODE_DEPS)
	@$(ASAN_ENV) $(SUITE) build-asan "$$ASAN_MAKE" "$(T)"
check-tsan: deps-test $(NODE_DEPS)
	@$(TSAN_ENV) $(SUITE) build-tsan "$$TSAN_MAKE" "$(T)"
check-asan: export ASAN_MAKE := $(ASAN_MAKE)
check-tsan: export TSAN_MAKE := $(TSAN_MAKE)

# 200 kills, 16 rounds: the long forms of what `make test` runs shortly.
crash: deps-test $(NODE_DEPS)
	@$(TEST_MAKE) -j2 build-test/budgetguard
	CRASH_ROUNDS=$${CRASH_ROUNDS:-200} BG_BIN=$(CURDIR)/build-test/budgetguard \
		node --test test/faults/crash.mjs
race: deps-test $(NODE_DEPS)
	@$(TEST_MAKE) -j2 build-test/budgetguard
	BG_BIN=$(CURDIR)/build-test/budgetguard node --test test/faults/race.mjs

bench: deps-test $(NODE_DEPS)
	@$(MAKE) --no-print-directory -j2 build/budgetguard build/test/bench/tokens
	@sh test/bench/run.sh build/budgetguard
	@node test/bench/tokens.mjs build/test/bench/tokens
	@$(MAKE) --no-print-directory bench-rego bench-provider
bench-tokens: deps-test $(NODE_DEPS)
	@$(MAKE) --no-print-directory -j2 build/test/bench/tokens
	@node test/bench/tokens.mjs build/test/bench/tokens
bench-provider: build/test/bench/provider_bench
	@$<
$(O)/test/bench/provider_bench: $(O)/test/bench/provider_bench.o $(O)/provider.a \
		$(O)/token.a $(O)/http.a $(O)/base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $< -Wl,--start-group \
		$(filter %.a,$^) -Wl,--end-group $(LIBS)
$(O)/test/bench/tokens: $(O)/test/bench/tokens.o $(O)/token.a $(O)/base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $^ $(LIBS)

# A ledger of 10 M rows (ROWS=n) under load; a few GB below /tmp meanwhile.
bench-rows: deps-test $(NODE_DEPS)
	@$(MAKE) --no-print-directory -j2 build/budgetguard build/test/bench/ledger_rows
	@node test/bench/rows.mjs build/budgetguard build/test/bench/ledger_rows
$(O)/test/bench/ledger_rows: $(O)/test/bench/ledger_rows.o $(call arc,ledger)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $< -Wl,--start-group $(call arc,ledger) \
		-Wl,--end-group $(LIBS)

house: deps-test
	@$(MAKE) --no-print-directory -j2 build/budgetguard
	@sh test/house/house.sh build

# Functions that no test ever enters.
cover: deps-test $(NODE_DEPS)
	@$(MAKE) --no-print-directory O=build-cover JEMALLOC= CFLAGS=-DBG_FAULTS \
		OPT="-O0 -g --coverage" -j2 build-cover/budgetguard
	-@BG_NO_UNIT=1 $(SUITE) build-cover "$(MAKE) O=build-cover JEMALLOC= CFLAGS=-DBG_FAULTS OPT='-O0 -g --coverage'" ""
	@sh test/house/cover.sh build-cover

DOC := $(DESTDIR)$(PREFIX)/share/doc/budgetguard
install: build/budgetguard
	install -D -m 755 build/budgetguard $(DESTDIR)$(PREFIX)/bin/budgetguard
	install -d $(DESTDIR)/lib/systemd/system
	sed 's|/usr/local/|$(PREFIX)/|g' packaging/budgetguard.service \
		>$(DESTDIR)/lib/systemd/system/budgetguard.service
	install -D -m 644 README.md $(DOC)/README.md
	install -D -m 644 packaging/grafana/budgetguard.json $(DOC)/grafana/budgetguard.json
	install -D -m 644 packaging/prometheus/alerts.yml $(DOC)/prometheus/alerts.yml

# A picture of every page of the dashboard, into build/screenshots.
screenshots: deps-test $(NODE_DEPS)
	@$(MAKE) --no-print-directory -j2 build/budgetguard
	BG_BIN=$(CURDIR)/build/budgetguard node test/web/screens.mjs $(PAGES)

lighthouse: deps-test $(NODE_DEPS)
	@$(MAKE) --no-print-directory -j2 build/budgetguard
	BG_BIN=$(CURDIR)/build/budgetguard node test/web/lighthouse.mjs

.PHONY: screenshots lighthouse deps deps-test run test check-asan check-tsan crash race bench bench-tokens bench-provider bench-rows house \
	cover install
