"""Calls: what a pass does, as functions and arrays that stay the same from run to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Calls:
    """A list of calls, made in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def do(self, function: Callable[..., Any], *args: Any) -> None:
        """Add a call."""
        self.calls.append((function, args))

    def run(self) -> None:
        """Make every call."""
        for function, args in self.calls:
            function(*args)
