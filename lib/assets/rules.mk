# The pages are assembled into pages.o.
$(O)/lib/assets/pages.o: $(wildcard lib/assets/pages/*)
