"""What the demos' command lines share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def parser(module: str) -> argparse.ArgumentParser:
    """Return a parser that introduces a demo by its own docstring and knows `--out` and `--quiet`."""
    name = module.rpartition(".")[2]
    found = argparse.ArgumentParser(
        prog=f"python -m demos {name}",
        description=sys.modules[module].__doc__,
        formatter_class=_Help,
    )
    found.add_argument("--out", type=folder, default=Path("out") / name, metavar="FOLDER", help="where the pictures go")
    found.add_argument("--quiet", action="store_true", help="no progress bar")
    return found


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows the defaults, and the docstring as it is written."""


def folder(text: str) -> Path:
    """Read the name of a folder, which need not exist yet."""
    path = Path(text)
    taken = next((place for place in (path, *path.parents) if place.exists()), None)
    if taken is not None and not taken.is_dir():
        raise argparse.ArgumentTypeError(f"{taken} is a file; the pictures need a folder")
    return path


def at_least(smallest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers that refuses smaller ones."""

    def whole(text: str) -> int:
        number = int(text)
        if number < smallest:
            raise argparse.ArgumentTypeError(f"{number} is too small; at least {smallest}")
        return number

    return whole


def positive(text: str) -> float:
    """Read a number above zero."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above zero")
    return number
