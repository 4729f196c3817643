"""Prints the tables: `python -m benchmarks`.

Nothing here imports NumPy before the number of threads is pinned.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import threads

TABLES = ("speed", "build", "scaling")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    found = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Speed of ours against every peer that is installed; every result is checked before it is timed.",
    )
    found.add_argument("tables", nargs="*", metavar="TABLE", help=f"any of {', '.join(TABLES)}; all by default")
    found.add_argument("--all", action="store_true", help="also long and large sizes, and peers that compile long")
    found.add_argument("--cells", nargs="+", metavar="CELL", help="classes of cells; every one that exists by default")
    found.add_argument("--sizes", nargs="+", default=(), help="tiny small medium long large")
    found.add_argument("--dtypes", nargs="+", default=(), help="float32 float64")
    found.add_argument("--forms", nargs="+", default=(), help="one (layer) two (layers) both (directions) two-both")
    found.add_argument("--passes", nargs="+", default=(), help="training forward")
    found.add_argument("--peers", nargs="+", metavar="PEER", help="peers by name, those that compile for long too")
    found.add_argument("--seconds", type=float, default=0.5, help="how long a peer is measured at a case")
    found.add_argument("--threads", type=int, default=1, help="the size of every pool of threads")
    found.add_argument("--isolated", action="store_true", help="a fresh process for each peer (the first table)")
    found.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables, between its marks if any")
    found.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    return found


def main(argv: Sequence[str]) -> int:
    """Run the tables that are asked for; returns 1 if any result disagrees with the reference."""
    options = parser().parse_args(argv)
    options.tables = options.tables or list(TABLES)
    threads.pin(options.threads)
    from benchmarks.session import Session, UnknownNameError

    try:
        session = Session(options)
    except UnknownNameError as unknown:
        print(unknown, file=sys.stderr)
        return 2
    session.run()
    session.show()
    return 1 if session.wrong else 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
