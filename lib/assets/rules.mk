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
