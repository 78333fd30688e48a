#!/bin/sh
# run.sh BINARY -- the gateway beside nginx as a plain reverse proxy, in one
# run, against the same upstream, under the same load.  See README.md.
here=$(dirname "$0")
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec node "$here/run.mjs" "${1:-build/budgetguard}"
