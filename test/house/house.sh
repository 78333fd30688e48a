#!/bin/sh
# house.sh BUILD -- the house rules that a machine can keep.
#
# Each check counts as one test.  HOUSE_QUICK leaves out clang-tidy and
# cppcheck (part of `make house`, too slow beside a whole test run).
build=${1:?build directory}
here=$(dirname "$0")
export BUILD="$build"
passed=0; failed=0
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT

check() { # NAME COMMAND...
	name=$1; shift
	if "$@" >"$tmp/out" 2>&1; then
		passed=$((passed + 1)); echo "ok      $name"
	else
		failed=$((failed + 1)); echo "FAILED  $name"
		head -n "${HOUSE_LINES:-60}" "$tmp/out" | sed 's/^/        /'
	fi
}

# host tools aside
sources() { find lib -name '*.c' ! -path '*/pack/*'; ls bg.c 2>/dev/null; }
headers() { find lib -name '*.h'; }

# Words that have no place in a tree that others will read.
words() {
	! grep -rnE '\b(TODO|FIXME|XXX|HACK)\b' --include='*.[ch]' --include='*.mjs' \
		--include='*.mk' --exclude-dir=node_modules lib test bg.c Makefile
}
# Mutable globals: symbols in .data or .bss of the rooms (constant tables with
# pointers are in .data.rel.ro), save the log's sink and level, the clock's
# offset, the hash tables' key and the test builds' fault point.
globals() {
	for o in $(find "$build/lib" -name '*.o'); do
		src=${o#"$build"/}; src=${src%.o}.c; [ -e "$src" ] || continue
		case $src in lib/base/log.c | lib/base/fault.c | lib/base/clock.c | lib/base/crypt.c) continue ;; esac
		objdump -t "$o" | awk -v o="$src" '
			$3 == "O" && $4 ~ /^\.(data|bss|tdata|tbss)/ && $4 !~ /^\.data\.rel\.ro/ { print o ": " $NF }
			$2 == "O" && $3 ~ /^\.(data|bss|tdata|tbss)/ && $3 !~ /^\.data\.rel\.ro/ { print o ": " $NF }'
	done | grep -vE ': (__|\.L)' >"$tmp/globals"
	cat "$tmp/globals"; [ ! -s "$tmp/globals" ]
}
format() {
	bad=0
	for f in $(sources; headers); do
		clang-format --dry-run -Werror "$f" >/dev/null 2>&1 ||
			{ echo "$f"; bad=1; }
	done
	[ $bad -eq 0 ]
}
tidy() {
	sources | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet --config-file=.clang-tidy "$@" -- \
		-std=gnu17 -D_GNU_SOURCE -Ilib -I"$BUILD" -include lib/base/banned.h \
		-DBG_VERSION=\"0\" -DBG_TOKEN_DIR=\".\" -Ibuild/web \
		-DBG_WEB_DIR=\".\" -DBG_DOCS_DIR=\".\"' tidy >"$tmp/tidy" 2>"$tmp/tidy.err" || true
	grep -E 'warning:|error:' "$tmp/tidy" | sort -u >"$tmp/found"
	cat "$tmp/found"; [ ! -s "$tmp/found" ]
}
cpp() {
	sources | xargs cppcheck -j 2 --quiet --error-exitcode=1 --std=c11 \
		--enable=warning,portability --inline-suppr --suppress=missingInclude \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
		--suppress=unknownMacro --suppress=syntaxError \
		--suppress=comparePointers -DMUST_CHECK= -Ilib
}

check "rooms: who may use whom, and each library in its room" sh "$here/rooms.sh" "$build"
check "headers: contracts before prototypes" python3 "$here/headers.py" lib
check "sizes: functions and files" python3 "$here/sizes.py" lib
check "no mutable globals" globals
check "no words of unfinished work" words
if [ -z "$HOUSE_QUICK" ]; then
	check "clang-tidy" tidy
	check "cppcheck" cpp
	check "clang-format" format
fi
echo "house: $passed passed, $failed failed"
[ $failed -eq 0 ]
