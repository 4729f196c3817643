"""Lists the demos, or runs one: `python -m demos NAME`.

A demo is a module of this folder with a function `main(argv)`; the first line of its docstring says what one learns.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

USAGE = "usage: python -m demos NAME [options]        (python -m demos NAME --help lists the options)"


def discover() -> dict[str, str]:
    """Return what each demo teaches, by its name; nothing is imported, so that the list needs no extras."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        lesson = ast.get_docstring(module)
        if lesson and any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in module.body):
            found[path.stem] = lesson.partition("\n")[0]
    return found


def main(argv: Sequence[str]) -> int:
    """List the demos, or run the one that is named with the arguments that follow; return the exit code."""
    demos = discover()
    if not argv or argv[0] in ("-h", "--help"):
        wide = max(map(len, demos))
        print(USAGE, "", *(f"  {name:{wide}}  {lesson}" for name, lesson in demos.items()), sep="\n")
        return 0
    name, *rest = argv
    if name not in demos:
        near = difflib.get_close_matches(name, demos, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(demos)}"
        print(f"there is no demo {name!r}; {hint}", file=sys.stderr)
        return 2
    try:
        return importlib.import_module(f"demos.{name}").main(rest) or 0
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in ("", "demos", "graphengine", "layers", "viz"):
            raise
        print(f'{name} needs {package}, which is not installed; pip install ".[demos]" brings it', file=sys.stderr)
        return 1


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console that cannot print ∂ shows a ? and goes on
    sys.exit(main(sys.argv[1:]))
