#!/bin/sh
# run-all.sh BUILDDIR MAKE [NAME] -- every test of one build of the program.
#
# MAKE is the command that builds into BUILDDIR.  Stages that need something
# that does not exist are failures, not skips.  The last line is the sum.
dir=$1; mk=$2; name=$3
passed=0; failed=0; skipped=0
out=$dir/suite; mkdir -p "$out"

# "label: P passed, F failed[, S skipped]" -> the sums
add() {
	set -- $(sed -n 's/.*[^0-9]\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}.*/\1 \2 \4/p' "$1" | tail -n 1)
	passed=$((passed + ${1:-0})); failed=$((failed + ${2:-0})); skipped=$((skipped + ${3:-0}))
	[ $# -ge 2 ]
}
# A stage that prints its own summary line.
stage() {
	label=$1; shift
	echo "== $label"
	"$@" >"$out/$label.log" 2>&1; rc=$?
	cat "$out/$label.log"
	before=$failed
	if ! add "$out/$label.log" || { [ $rc -ne 0 ] && [ "$failed" -eq "$before" ]; }; then
		failed=$((failed + 1)); echo "$label: failed (exit $rc)"
	fi
}
# node:test writes TAP beside what people read.
node_stage() {
	label=$1; shift
	echo "== $label"
	BG_BIN=$PWD/$dir/budgetguard node --test --test-concurrency="${JOBS:-2}" \
		${name:+--test-name-pattern="$name"} \
		--test-reporter=dot --test-reporter-destination=stdout \
		--test-reporter=tap --test-reporter-destination="$out/$label.tap" "$@"
	rc=$?
	echo
	grep -E '^ *not ok ' "$out/$label.tap" | grep -v '# SKIP' | sed 's/^ */  /'
	[ $rc -eq 0 ] || grep -nE '^ *(error|failureType|expected|actual):' "$out/$label.tap" | head -n 200
	p=$(sed -n 's/^# pass //p' "$out/$label.tap" | tail -n 1)
	f=$(sed -n 's/^# fail //p' "$out/$label.tap" | tail -n 1)
	c=$(sed -n 's/^# cancelled //p' "$out/$label.tap" | tail -n 1)
	s=$(sed -n 's/^# skipped //p' "$out/$label.tap" | tail -n 1)
	[ -z "$name" ] || s=0 # what the name leaves out
	[ -n "$p" ] || f=1
	f=$((${f:-0} + ${c:-0}))
	[ $rc -eq 0 ] || [ "$f" -gt 0 ] || f=1
	echo "$label: ${p:-0} passed, $f failed, ${s:-0} skipped" | tee "$out/$label.log"
	add "$out/$label.log"
}

echo "== build"
if ! sh -c "$mk -j2 $dir/budgetguard $dir/test/bench/ledger_rows"; then
	failed=$((failed + 1)); echo "the program does not build"
fi
if [ -z "$BG_NO_UNIT" ]; then
	stage unit sh -c "$mk -k -j2 unit ${name:+T='$name'}"
fi
if [ -x "$dir/budgetguard" ]; then
	node_stage http test/http/*.test.mjs
	export CRASH_ROUNDS="${CRASH_ROUNDS:-25}"
	node_stage faults test/faults/faults.test.mjs test/faults/race.mjs \
		test/faults/crash.mjs
fi
if [ -z "$name" ] && [ "$dir" = build-test ]; then
	if sh -c "$mk -n fuzz-replay" >/dev/null 2>&1; then
		stage fuzz sh -c "$mk fuzz-replay"
	fi
	stage conform sh -c "$mk conform"
	stage house env HOUSE_QUICK=1 sh test/house/house.sh "$dir"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
