"""Folding: a graph with loops as it was written, each cell once, and each delay a line that points back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from graphengine.graph import Tensor
from graphengine.loop import Delay
from viz.model.lattice import Item, Lattice, Link, Part
from viz.model.reader import Reader, whole_cell
from viz.model.subject import Subject, Use
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
    """A graph as it was written: things and lines of a lattice without time, and what returns through delays.

    Lines inside loops carry no flow: without a position in time there is no one gradient of theirs.

    Attributes:
        reads: by line between two things, or return, the edges of the graph that it stands for.
    """

    lattice: Lattice
    returns: list[Return]
    reads: dict[object, list[Use]] = field(default_factory=dict)

    def uses(self, line: Link | Return) -> list[Use]:
        """The edges of the graph that a line stands for."""
        return self.reads.get(_key(line), [])

    def showing(self, tensors: Collection[Tensor]) -> set[object]:
        """The things that make some values, or hand them on."""
        made = {tensor.node for tensor in tensors}
        items = {
            item for item in self.lattice.items
            if item.tensor in tensors or (item.part is not None and not made.isdisjoint(item.part.nodes))
        }
        return items | {each for each in self.returns if each.tensor in tensors}

    def note(self, line: Link | Return, uses: Iterable[Use]) -> None:
        """Note that a line stands for some edges too."""
        self.reads.setdefault(_key(line), []).extend(uses)


def _key(line: Link | Return) -> object:
    """What lines have in common that are drawn as one."""
    return line if isinstance(line, Return) else (line.source, line.target, line.tensor)


def fold(subject: Subject) -> Folded:
    """Fold a subject."""
    reader = Reader(subject, whole_cell)
    lattice = reader.lattice
    draw_outside(reader)
    lattice.items = {_still(reader, item): None for item in lattice.items}
    outside, lattice.links = lattice.links, []
    found = Folded(lattice, [])
    for link in outside:
        lattice.link(_still(reader, link.source), _still(reader, link.target), link.tensor, link.flow)
        found.note(lattice.links[-1], [use for uses, _ in link.flow for use in uses])
    for loop in subject.loops:
        for read in reader.reads(loop):
            target = _reader_item(read.reader)
            source = _source(reader, read.origin.tensor)
            if source is None:
                continue
            if read.origin.lag and target.role == "part":
                name = reader.lane(read.origin)
                found.returns.append(Return(source, target, read.origin.tensor, name, read.origin.lag))
                found.note(found.returns[-1], read.uses)
                lattice.items.update(dict.fromkeys((source, target)))
            else:
                lattice.link(source, target, read.origin.tensor, ())
                found.note(lattice.links[-1], read.uses)
    for node in subject.nodes:
        if isinstance(node.op, Delay):
            first, target_ = _outside(reader, node.inputs[0]), _source(reader, reader.origin(node.output).tensor)
            if first is not None and target_ is not None:
                lattice.link(first, target_, node.inputs[0], ())
                found.note(lattice.links[-1], [(node, 0)])
    return found


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
