#!/bin/sh
# run-unit.sh BINARY... -- runs each unit test binary, prints its output only
# if it failed, and counts tests from cmocka's summary lines.
pass=0; fail=0
for t in "$@"; do
	out=$("$t" 2>&1); rc=$?
	p=$(printf '%s\n' "$out" | sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' | tail -n 1)
	f=$(printf '%s\n' "$out" | sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' | head -n 1)
	pass=$((pass + ${p:-0}))
	if [ $rc -ne 0 ]; then
		[ "${f:-0}" -gt 0 ] || f=1
		fail=$((fail + f))
		printf 'FAILED %s (exit %s)\n%s\n' "$t" "$rc" "$out"
	fi
done
printf 'unit: %s passed, %s failed\n' "$pass" "$fail"
[ $fail -eq 0 ] && [ $pass -gt 0 ]
