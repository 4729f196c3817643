"""Explanations in pictures: which value a box carries, and what its trace's `explain` says of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias

from graphengine.errors import UnknownPathError
from graphengine.explanation import Explanation
from graphengine.graph import Tensor
from graphengine.trace import Trace
from viz.model.groups import Group
from viz.model.lattice import Item
from viz.scene import HEATS, Box, Scene

Value: TypeAlias = tuple[Tensor, int | None]  # a tensor, and the position in time of one inside a loop
MOST = 1000  # so many values of a picture are explained in its page
MOST_TOOLTIPS = 400  # a picture with more of them keeps the shorter tooltips that it has


class Explanations:
    """Explains the values of one trace, each once, however many pictures show it."""

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace
        self._known: dict[Value, Explanation | None] = {}

    def of(self, value: Value) -> Explanation | None:
        """Return what the trace says of a value; None without a trace, or where that did not keep what it takes."""
        if value not in self._known:
            self._known[value] = self._explain(value)
        return self._known[value]

    def _explain(self, value: Value) -> Explanation | None:
        tensor, t = value
        if self._trace is None or (t is None and tensor.loop is not None):
            return None
        try:
            return self._trace.explain(tensor, t)
        except UnknownPathError:  # the trace keeps only some values
            return None

    def with_tooltips(self, scene: Scene) -> Scene:
        """Return a scene whose boxes tell, as tooltips, the first lines of the explanations of their values.

        A gradient, and what a profile colours, keeps its own tooltip before that. In a scene of more than
        `MOST_TOOLTIPS` values nothing changes.
        """
        values = {box.id: value for box in scene.boxes if (value := carried(box)) is not None}
        if self._trace is None or len(set(values.values())) > MOST_TOOLTIPS:
            return scene
        return replace(scene, boxes=tuple(self._told(box, values.get(box.id)) for box in scene.boxes))

    def _told(self, box: Box, value: Value | None) -> Box:
        found = None if value is None else self.of(value)
        if found is None:
            return box
        keeps = box.kind == "gradient" or box.kind in HEATS
        return replace(box, tooltip=f"{box.tooltip}\n{found.short}" if keeps else found.short)


def carried(box: Box) -> Value | None:
    """Return the value that a box shows the numbers of; None for closed cells, groups, gaps and decoration.

    One inside a loop that has no position stands for those of all steps.
    """
    about = box.about
    if isinstance(about, Group):
        return (about.first.output, None) if about.count == 1 else None
    if not isinstance(about, Item) or about.role == "gap":
        return None
    tensor = about.tensor
    if about.role == "part":
        nodes = about.part.nodes if about.part is not None else []
        closed = about.block is not None and nodes == about.block.nodes and len(nodes) > 1
        tensor = nodes[-1].output if nodes and not closed else None
    if tensor is None:
        return None
    return tensor, about.t if tensor.loop is not None else None


def chosen(boxes: Iterable[Box]) -> set[Value]:
    """Return the values of a picture that its page explains: all, or those of the first and of the last steps."""
    found = dict.fromkeys(value for box in sorted(boxes, key=lambda box: box.x) if (value := carried(box)) is not None)
    values = list(found)
    return set(values if len(values) <= MOST else [*values[: MOST // 2], *values[-MOST // 2 :]])


def call(value: Value) -> str:
    """Return what one writes to have a value explained.

    >>> from graphengine import Graph
    >>> call((Graph().placeholder("x", (2,)), None))
    'trace.explain("x")'
    """
    tensor, t = value
    position = "" if tensor.loop is None else ", t" if t is None else f", {t}"
    return f"trace.explain({json.dumps(tensor.path, ensure_ascii=False)}{position})"
