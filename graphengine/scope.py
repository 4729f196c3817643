"""Scopes: the places in a graph, as data.

A scope says what a group of nodes *is*: a layer, a direction, a cell, a time step written out by hand. Paths, errors,
traces and pictures all read it; nothing is ever read back out of a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from graphengine.trace import Trace

Role: TypeAlias = Literal["root", "group", "driver", "layer", "direction", "cell", "gate", "time"]
Watcher: TypeAlias = "Callable[[Trace, Scope], None]"


@dataclass(frozen=True, eq=False)
class Scope:
    """One place in a graph.

    Attributes:
        name: its part of the path; empty for a scope that groups nodes without naming them (a cell in its layer).
        role: what it is.
        index: its coordinate, for layers (0 is the lowest), directions (0 fw, 1 bw) and time steps.
        parent: the scope around it; None for the root.
        kind: what stands in it, in the field's words ("LSTMCell"), for labels.
        ports: the tensors at its border by what they are to it, where its layer said so: a cell's input `x`, its
            `state` before, its `output`, and the state `after`.
        watchers: called with the trace of every run, because someone asked to see this place (`debug=True`).
    """

    name: str
    role: Role
    index: int | None = None
    parent: Scope | None = None
    kind: str = ""
    ports: dict[str, Any] = field(default_factory=dict, repr=False)
    watchers: list[Watcher] = field(default_factory=list, repr=False)

    @cached_property
    def path(self) -> str:
        """The names from the root to here: `birnn/fw/layer0`."""
        above = self.parent.path if self.parent is not None else ""
        return "/".join(part for part in (above, self.name) if part)

    def ancestry(self) -> Iterator[Scope]:
        """Yield this scope and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def nearest(self, role: Role) -> Scope | None:
        """Return the innermost scope of a role around here, this one included."""
        return next((scope for scope in self.ancestry() if scope.role == role), None)
