#!/usr/bin/env python3
"""sizes.py DIR... -- no function above 100 lines, no source file above 1,200
(style: 60 and 800 as habits).  A NOLINT(readability-function-size) with a
reason on the function's first line exempts it."""
import pathlib
import re
import sys

FUNCTION_MAX, FILE_MAX = 100, 1200
bad = []
for root in sys.argv[1:]:
    for f in sorted(pathlib.Path(root).rglob("*.[ch]")):
        lines = f.read_text(errors="replace").split("\n")
        if "generated" in "\n".join(lines[:5]):
            continue
        if len(lines) > FILE_MAX:
            bad.append(f"{f}: {len(lines)} lines")
        start = None
        for i, line in enumerate(lines):
            if line == "{":
                start = i
            elif line == "}" and start is not None:
                head = "\n".join(lines[max(0, start - 4) : start + 1])
                if i - start > FUNCTION_MAX and "NOLINT" not in head:
                    name = re.findall(r"(\w+)\(", head) or ["?"]
                    bad.append(f"{f}:{start + 1}: {name[0]} has {i - start} lines")
                start = None
print("\n".join(bad))
sys.exit(bool(bad))
