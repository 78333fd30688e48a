#!/bin/sh
# cover.sh BUILD -- functions of the rooms that no test entered.
build=${1:?build directory}
find "$build/lib" -name '*.gcda' | while read -r g; do
	o=${g%.gcda}; src=${o#"$build"/}.c
	gcov -f -o "$(dirname "$g")" "$g" 2>/dev/null |
		awk -v s="$src" -v q="'" '/^Function/ { gsub(q, "", $2); f = $2 }
			/^No executable|^Lines executed:0\.00%/ { if (f) print s ": " f }
			/^Lines/ { f = "" }'
done | sort
rm -f ./*.gcov
