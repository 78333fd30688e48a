#!/usr/bin/env python3
"""headers.py DIR... -- every header opens with a contract, a comment
stands before every prototype or at the head of its paragraph, and every .c
with a header of its own includes it, or a private one of its room, first."""
import pathlib
import re
import sys

PROTOTYPE = re.compile(r"^(?!typedef|return|static|struct \w+ \{|enum)[A-Za-z_][\w \t\n*]*?[\s*](\w+)\s*\((?:[^;{}]|\n)*?\)[^;{}()]*;", re.M)


def undocumented(text):
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", lambda m: "\n" * m.group().count("\n"), text, flags=re.M)
    for m in PROTOTYPE.finditer(text):
        before = text[: m.start()]
        paragraph = before.rsplit("\n\n", 1)[-1].lstrip()
        if not paragraph.startswith(("/*", "//")) and not before.rstrip().endswith("*/"):
            yield m.group(1)


bad = []
for root in sys.argv[1:]:
    for h in sorted(pathlib.Path(root).rglob("*.h")):
        text = h.read_text(errors="replace")
        if not text.startswith("/* " + h.name):
            bad.append(f"{h}: does not open with '/* {h.name} - ...'")
        bad += [f"{h}: {name} has no comment" for name in undocumented(text)]
    for c in sorted(pathlib.Path(root).rglob("*.c")):
        text = c.read_text(errors="replace")
        if not text.lstrip().startswith("/*"):
            bad.append(f"{c}: does not open with a comment")
        own = c.with_suffix(".h")
        first = re.search(r'^#include\s+["<]([^">]+)', text, re.M)
        if own.exists() and (not first or first.group(1) != str(own.relative_to(root))):
            bad.append(f"{c}: does not include its own header first")
print("\n".join(bad))
sys.exit(bool(bad))
