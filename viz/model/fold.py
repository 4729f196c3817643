"""Folding: a graph with loops as it was written, each cell once, and each delay a line that points back."""

from __future__ import annotations

from dataclasses import dataclass

from graphengine.graph import Tensor
from graphengine.loop import Delay
from viz.model.lattice import Item, Lattice, Part
from viz.model.reader import Reader, whole_cell
from viz.model.subject import Subject
from viz.model.unroll import draw_outside


@dataclass(frozen=True)
class Return:
    """A line through delays: what a cell reads of earlier steps.

    Attributes:
        lag: how many steps back.
        tensor: what goes back.
    """

    source: Item
    target: Item
    tensor: Tensor
    name: str
    lag: int


@dataclass(frozen=True)
class Folded:
    """A graph as it was written: things and lines of a lattice without time, and what returns through delays."""

    lattice: Lattice
    returns: list[Return]


def fold(subject: Subject) -> Folded:
    """Fold a subject."""
    reader = Reader(subject, whole_cell)
    lattice = reader.lattice
    draw_outside(reader)
    lattice.items = {_still(reader, item): None for item in lattice.items}
    outside, lattice.links = lattice.links, []
    for link in outside:
        lattice.link(_still(reader, link.source), _still(reader, link.target), link.tensor, link.flow)
    returns: list[Return] = []
    for loop in subject.loops:
        for read in reader.reads(loop):
            target = _reader_item(read.reader)
            source = _source(reader, read.origin.tensor)
            if source is None:
                continue
            if read.origin.lag and target.role == "part":
                name = reader.lane(read.origin)
                returns.append(Return(source, target, read.origin.tensor, name, read.origin.lag))
                lattice.items.update(dict.fromkeys((source, target)))
            else:
                lattice.link(source, target, read.origin.tensor, ())
    for node in subject.nodes:
        if isinstance(node.op, Delay):
            first, target_ = _outside(reader, node.inputs[0]), _source(reader, reader.origin(node.output).tensor)
            if first is not None and target_ is not None:
                lattice.link(first, target_, node.inputs[0], ())
    return Folded(lattice, returns)


def _reader_item(reader: Part | Tensor) -> Item:
    return Item("part", reader.block, reader) if isinstance(reader, Part) else Item("whole", tensor=reader)


def _source(reader: Reader, tensor: Tensor) -> Item | None:
    part = reader.part_of.get(tensor.node)
    return Item("part", part.block, part) if part is not None else _outside(reader, tensor)


def _outside(reader: Reader, tensor: Tensor) -> Item | None:
    item = reader.outside_item(tensor)
    return None if item is None else _still(reader, item)


def _still(reader: Reader, item: Item) -> Item:
    """An item without its position in time; a last state is the cell that makes it."""
    if item.role == "state" and item.tensor is not None:
        part = reader.part_of[item.tensor.node]
        return Item("part", part.block, part)
    return item
