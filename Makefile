# BudgetGuard.  `make run` starts a demo, `make test` runs every test.
#
# Objects go to $(O); each room of lib/ becomes one archive, and a unit test is
# linked with its own room and those the rules in test/house/rooms allow it.

VERSION := 0.1.0
O       ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX  ?= /usr/local

WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wmissing-prototypes \
	-Wstrict-prototypes -Wold-style-definition -Wundef -Wcast-qual \
	-Wwrite-strings -Wpointer-arith -Wformat=2 -Wvla \
	-Wimplicit-fallthrough -Wswitch-enum -fno-common
OPT  ?= -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
BASE_CFLAGS := -std=gnu17 -D_GNU_SOURCE -Ilib -I$(O) -include lib/base/banned.h \
	-DBG_VERSION='"$(VERSION)"' -fno-omit-frame-pointer -pthread -MMD -MP
CFLAGS_ALL = $(BASE_CFLAGS) $(WARN) $(OPT) $(CFLAGS)
LIBS := -lmicrohttpd -lcurl -llmdb -lsqlite3 -lsodium -lcrypto -lz -lpthread -lm
JEMALLOC ?= -ljemalloc

ROOMS := $(shell sed -n 's/^\([a-z]*\):.*/\1/p' test/house/rooms)
# Money rooms: floating point is a compile error (gcc; x86-64 only).
ARCH := $(shell uname -m)
MONEY := call price guard counters ledger
ifeq ($(ARCH),x86_64)
NOFLOAT := -mgeneral-regs-only
endif

SRC := $(wildcard lib/*/*.c)
OBJ := $(SRC:%.c=$(O)/%.o)
ARC := $(foreach r,$(ROOMS),$(if $(wildcard lib/$(r)/*.c),$(O)/$(r).a))
# rooms a room may use, as archives; from the rules, highest room first
may = $(shell sed -n 's/^$(1)://p' test/house/rooms)
arc = $(foreach r,$(1) $(call may,$(1)),$(if $(wildcard lib/$(r)/*.c),$(O)/$(r).a))

# V=1 shows the commands
ifeq ($(V),)
Q := @
say = @echo '  $(1)  $(2)'
endif

# The release build also stands where the README calls it.
all: $(O)/budgetguard $(if $(filter build,$(O)),budgetguard)
budgetguard: build/budgetguard
	@ln -f $< $@

$(O)/budgetguard: $(O)/bg.o $(ARC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $(O)/bg.o -Wl,--start-group $(ARC) \
		-Wl,--end-group $(JEMALLOC) $(LIBS)

define room_rules
$(O)/$(1).a: $$(patsubst %.c,$(O)/%.o,$$(wildcard lib/$(1)/*.c))
	@rm -f $$@
	$(Q)ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))
$(foreach r,$(MONEY),$(eval $(O)/lib/$(r)/%.o: ROOM_CFLAGS := $(NOFLOAT)))

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) $(ROOM_CFLAGS) -c -o $@ $<

# ---- unit tests -----------------------------------------------------------
UNIT_SRC := $(wildcard test/unit/*.c) $(wildcard test/model/*.c)
UNIT := $(UNIT_SRC:test/%.c=$(O)/test/%)
unit_room = $(firstword $(subst _, ,$(notdir $(1))))

.SECONDEXPANSION:
$(UNIT): $(O)/test/%: $(O)/test/%.o $$(call arc,$$(call unit_room,$$*))
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $< -Wl,--start-group \
		$(call arc,$(call unit_room,$*)) -Wl,--end-group -lcmocka $(LIBS)

unit: $(UNIT)
	@sh test/run-unit.sh $(if $(T),$(foreach u,$(UNIT),$(if $(findstring $(T),$(u)),$(u))),$(UNIT))

-include lib/*/rules.mk
-include test/rules.mk
-include $(shell find $(O) -name '*.d' 2>/dev/null)

clean:
	rm -rf build build-* budgetguard

.PHONY: all unit clean
.DELETE_ON_ERROR:
