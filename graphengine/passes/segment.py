"""Segment: find the loops that can run some steps at a time, with all that works on their steps.

What a loop needs is then needed for a segment of its steps only. A loop can where nothing that waits for it is needed
by it, and where it does not end early.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from graphengine import errors
from graphengine.border import LEAVING, Delay, Maker, StepSlice, dependencies
from graphengine.loop import Loop
from graphengine.node import Node, Tensor
from graphengine.op import Source
from graphengine.passes.split import Unit


@dataclass(frozen=True, eq=False)
class Section:
    """All units of a loop in order, and what takes values out of it.

    Attributes:
        loop: the loop.
        units: its own units, then those of the nodes that take values out.
    """

    loop: Loop
    units: tuple[Unit, ...]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of all units."""
        return tuple(node for unit in self.units for node in unit.nodes)

    @cached_property
    def inside(self) -> tuple[Unit, ...]:
        """The units that a segment runs."""
        return tuple(unit for unit in self.units if unit.loop is self.loop)

    @cached_property
    def entering(self) -> tuple[Node, ...]:
        """The nodes that bring the values of a step in."""
        inside = (node for unit in self.inside for node in unit.nodes)
        return tuple(node for node in inside if isinstance(node.op, (StepSlice, Source)))

    @cached_property
    def leaving(self) -> tuple[Node, ...]:
        """The nodes that take values out."""
        return tuple(node for node in self.nodes if node.loop is None)

    @cached_property
    def delays(self) -> tuple[Node, ...]:
        """What is handed from segment to segment."""
        return tuple(node for node in self.nodes if isinstance(node.op, Delay))

    @cached_property
    def invariants(self) -> tuple[Tensor, ...]:
        """What all steps read."""
        read = (tensor for unit in self.inside for node in unit.nodes for tensor in node.sources)
        return tuple(dict.fromkeys(tensor for tensor in read if tensor.loop is None))


VALUES_ONLY = 256
Item: TypeAlias = "Unit | Section"
Setting: TypeAlias = int | Literal["sqrt"] | None


def checked_segment(given: Setting) -> Setting:
    """Return what a user says of segments, if it means something."""
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool) and given > 0
    if given is None or given == "sqrt" or whole:
        return given
    raise errors.SettingError(f'segment is a number of steps from 1 up, or "sqrt", not {given!r}{errors.here()}')


def segment_size(setting: Setting, steps: int, gradients: bool) -> int:
    """Return how many of so many steps run at a time.

    >>> segment_size("sqrt", 10_000, True), segment_size(None, 10_000, True), segment_size(None, 10_000, False)
    (100, 10000, 256)
    """
    if setting == "sqrt":
        root = math.isqrt(steps)
        return min(range(max(root, 1), root + root // 4 + 2), key=lambda size: (size + steps % size, size))
    if setting is None:
        return steps if gradients else VALUES_ONLY
    return setting


def segment(units: Sequence[Unit], maker: Maker) -> list[Item]:
    """Return the units with those of a loop brought together, one section for every loop that can run in segments."""
    items: list[Item] = list(units)
    waits_for = {node: dependencies(node, maker) for unit in units for node in unit.nodes}
    for loop in dict.fromkeys(unit.loop for unit in units if unit.stepwise):
        if loop is not None and loop.until_node is None:
            items = _together(items, loop, waits_for)
    return items


def _together(items: list[Item], loop: Loop, waits_for: Mapping[Node, list[Node]]) -> list[Item]:
    """Bring the units of a loop together; leave all as it is where something stands between them."""
    home = {node: item for item in items for node in item.nodes}
    waits: dict[Item, bool] = {}
    for item in items:
        before = [home[node] for each in item.nodes for node in waits_for[each]]
        waits[item] = any(_belongs(other, loop) or waits[other] for other in before if other is not item)
        if _belongs(item, loop) and any(waits[other] and not _belongs(other, loop) for other in before):
            return items
    own = [item for item in items if isinstance(item, Unit) and _belongs(item, loop)]
    inside = [unit for unit in own if unit.loop is loop]
    leaving = [unit for unit in own if unit.loop is not loop]
    others = [item for item in items if not _belongs(item, loop)]
    return [
        *(item for item in others if not waits[item]),
        Section(loop, (*inside, *leaving)),
        *(item for item in others if waits[item]),
    ]


def _belongs(item: Item, loop: Loop) -> bool:
    """Tell whether a unit stands in a loop or takes a value out of it."""
    if isinstance(item, Section):
        return False
    node = item.nodes[0]
    return node.loop is loop or (isinstance(node.op, LEAVING) and node.inputs[0].loop is loop)
