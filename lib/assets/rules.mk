# The pages are assembled into pages.o.
$(O)/lib/assets/pages.o: $(wildcard lib/assets/pages/*)

# rules.mk - the dashboard: packages (pinned by the lockfile) come from npm once
# for all object folders; esbuild bundles web/src into build/web/dist.
WEB_DIR := build/web
WEB_SRC := $(wildcard web/src/*) $(wildcard web/src/*/*) web/build.mjs \
	lib/assets/pages/tokens.css

$(WEB_DIR)/npm.stamp: web/package-lock.json web/package.json
	@mkdir -p $(WEB_DIR)
	$(call say,NPM,web)
	$(Q)cp web/package.json web/package-lock.json $(WEB_DIR)
	$(Q)cd $(WEB_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
$(WEB_DIR)/web_table.h: $(WEB_DIR)/npm.stamp $(WEB_SRC)
	$(call say,ESBUILD,web/src)
	$(Q)node web/build.mjs $(WEB_DIR)
$(O)/lib/assets/web.o: ROOM_CFLAGS := -I$(WEB_DIR) -DBG_WEB_DIR='"$(WEB_DIR)"'
$(O)/lib/assets/web.o: $(WEB_DIR)/web_table.h

# The API browser: Swagger UI comes from npm (pinned by the lockfile), its page
# from lib/assets/docs; all of it compressed.
DOCS_DIR := build/docs
DOCS_OWN := $(foreach f,docs.html docs.css docs.js,lib/assets/docs/$(f))

$(DOCS_DIR)/npm.stamp: lib/assets/docs/package-lock.json lib/assets/docs/package.json
	@mkdir -p $(DOCS_DIR)
	$(call say,NPM,swagger-ui-dist)
	$(Q)cp lib/assets/docs/package.json lib/assets/docs/package-lock.json $(DOCS_DIR)
	$(Q)cd $(DOCS_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
$(DOCS_DIR)/dist.stamp: $(DOCS_DIR)/npm.stamp $(DOCS_OWN) lib/assets/rules.mk
	@mkdir -p $(DOCS_DIR)/dist
	$(call say,GZIP,$(DOCS_DIR)/dist)
	$(Q)cd $(DOCS_DIR)/node_modules/swagger-ui-dist && \
		cp swagger-ui-bundle.js swagger-ui.css swagger-ui-bundle.js.LICENSE.txt \
		LICENSE NOTICE $(CURDIR)/$(DOCS_DIR)/dist
	$(Q)cp $(DOCS_OWN) $(DOCS_DIR)/dist
	$(Q)cd $(DOCS_DIR)/dist && gzip -9nf docs.html docs.css docs.js \
		swagger-ui-bundle.js swagger-ui.css LICENSE NOTICE \
		swagger-ui-bundle.js.LICENSE.txt
	@touch $@
$(O)/lib/assets/docs.o: ROOM_CFLAGS := -DBG_DOCS_DIR='"$(DOCS_DIR)"'
$(O)/lib/assets/docs.o: $(DOCS_DIR)/dist.stamp
