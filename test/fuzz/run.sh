#!/bin/sh
# run.sh replay|fuzz BINARY... -- runs each fuzz target over its seeds, or for
# FUZZ_SECONDS from them; prints the output of those that failed, and the sum.
mode=$1; shift
pass=0; fail=0
for t in "$@"; do
	name=$(basename "$t")
	seeds=test/fuzz/seeds/$name
	if [ "$mode" = replay ]; then
		out=$("$t" "$seeds" 2>&1); rc=$?
	else
		corpus=build-fuzz/corpus/$name; mkdir -p "$corpus"
		out=$("$t" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=10 \
			-rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
			-artifact_prefix="build-fuzz/$name-" \
			"$corpus" "$seeds" 2>&1); rc=$?
	fi
	if [ $rc -eq 0 ]; then
		pass=$((pass + 1))
		printf '%-20s %s\n' "$name" "$(printf '%s\n' "$out" |
			sed -n 's/^\([0-9]* inputs\)$/\1/p; s/^stat::number_of_executed_units: */runs: /p')"
	else
		fail=$((fail + 1))
		printf 'FAILED %s (exit %s)\n' "$name" "$rc"
		printf '%s\n' "$out" | grep -v '^#[0-9]' | tail -n 40
	fi
done
printf 'fuzz: %s passed, %s failed\n' "$pass" "$fail"
[ $fail -eq 0 ] && [ $pass -gt 0 ]
