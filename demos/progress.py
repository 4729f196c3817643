"""Progress bars, where there is someone to see them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def progress(steps: Iterable[T], label: str, *, total: int | None = None, quiet: bool = False) -> Iterator[T]:
    """Go through steps and show how far one is, on stderr, if that is a terminal and tqdm is installed."""
    bar = None if quiet or not sys.stderr.isatty() else _bar()
    return iter(steps if bar is None else bar(steps, desc=label, total=total, leave=False, dynamic_ncols=True))


def _bar() -> Any:
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return None
    return tqdm
