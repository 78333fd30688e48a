# rules.mk - the Rego engine against OPA's cases and our own.

$(O)/test/rego/%: $(O)/test/rego/%.o $(O)/rego.a $(O)/base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $< $(O)/rego.a $(O)/base.a $(LIBS)

conform: $(O)/test/rego/conform
	@$(O)/test/rego/conform -c test/rego/cases

.PHONY: conform

bench-rego: $(O)/test/rego/bench
	@$(O)/test/rego/bench

.PHONY: bench-rego
