"""What an unrolled picture shows: things at positions in time, and the lines between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from graphengine.graph import Node, Tensor
from graphengine.loop import Loop
from viz.model.blocks import Block
from viz.model.sequences import Sequences
from viz.model.subject import Flow, Subject

Role: TypeAlias = Literal["part", "gap", "state", "start", "entry", "whole", "block"]
Kind: TypeAlias = tuple[object, ...]


@dataclass(eq=False)
class Part:
    """Nodes of a cell that are drawn as one box: the whole cell, or a gate of it.

    Attributes:
        branching: of a point without nodes, the value that branches there.
    """

    block: Block
    name: str
    nodes: list[Node]
    branching: Tensor | None = None


class Item(NamedTuple):
    """Something that is drawn.

    Attributes:
        role: "part" of a cell, "gap" for steps left out, "state" after a step, "start" before the first, "entry" of a
            sequence at a position, the "whole" sequence, a "block" outside loops.
        block: the cell or block that it belongs to.
        part: for a part, which.
        tensor: the value that it shows; of a start, the delay.
        over: for a value from outside that every step of a loop reads as it is, the loop's axis; it is drawn like a
            sequence.
        t: its position in time; of a gap, the first position left out.
    """

    role: Role
    block: Block | None = None
    part: Part | None = None
    tensor: Tensor | None = None
    over: object = None
    t: int | None = None

    @property
    def kind(self) -> Kind:
        """All but its position: what it has in common with the same thing in other columns."""
        return self[:-1]

    def at(self, t: int) -> Item:
        """The same in another column."""
        return Item(*self[:-1], t)


class Link(NamedTuple):
    """A line from one item to another.

    Attributes:
        tensor: what flows forward.
        flow: the edges of the graph that it stands for; its gradient is the sum of their contributions.
        lane: where a state enters the cell that reads it, by the name of the delay through which that reads.
    """

    source: Item
    target: Item
    tensor: Tensor
    flow: Flow
    lane: str = ""

    @property
    def kind(self) -> Kind:
        """What it has in common with the same line in other columns."""
        return self.source[:-1], self.target[:-1], self.tensor, self.lane

    @property
    def inner(self) -> bool:
        """Whether it runs inside one cell."""
        source, target = self.source, self.target
        return source.role == "part" and target.role == "part" and source.block is target.block


@dataclass(frozen=True, slots=True)
class Station:
    """A column of a loop: a step that is drawn, or a run of steps that are left out.

    Attributes:
        first: the position processed first; `last` the one processed last.
        steps: how many it stands for.
        gap: whether they are left out.
    """

    first: int
    last: int
    steps: int
    gap: bool


@dataclass
class Lattice:
    """All that an unrolled picture shows.

    Attributes:
        items: in a fixed order.
        stations: by loop, its columns in the order of processing.
        parts: by cell, what it is drawn as.
        states: by cell, the tensors that go on to later steps or stand at the end, in the order of its lanes.
        incoming: by cell, the lanes in which it reads earlier steps.
        names: by state and by delay, its symbol.
        lane_of: by state, the lane that it stands in, where that is not the one of its own name.
    """

    subject: Subject
    sequences: Sequences
    items: dict[Item, None] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    stations: dict[Loop, list[Station]] = field(default_factory=dict)
    parts: dict[Block, list[Part]] = field(default_factory=dict)
    states: dict[Block, list[Tensor]] = field(default_factory=dict)
    incoming: dict[Block, list[str]] = field(default_factory=dict)
    names: dict[Tensor, str] = field(default_factory=dict)
    lane_of: dict[Item, str] = field(default_factory=dict)

    def whole_over(self, whole: Item) -> object:
        """The axis of time of a sequence."""
        assert whole.tensor is not None
        return whole.over if whole.over is not None else self.sequences.over[whole.tensor]

    def link(self, source: Item, target: Item, tensor: Tensor, flow: Flow, lane: str = "") -> None:
        """Add a line, and its ends where they are new."""
        self.items[source] = None
        self.items[target] = None
        self.links.append(Link(source, target, tensor, flow, lane))

    def kinds(self) -> list[Link]:
        """Return a line of every kind, the first."""
        found: dict[Kind, Link] = {}
        for link in self.links:
            found.setdefault(link.kind, link)
        return list(found.values())

    def lane(self, item: Item) -> str:
        """The lane that a state stands in."""
        assert item.tensor is not None
        return self.lane_of.get(item) or self.names[item.tensor]

    def lanes(self, block: Block) -> list[str]:
        """The lanes of a cell, its own states first and in the order of their delays: c above h."""
        return list(dict.fromkeys([*(self.names[tensor] for tensor in self.states[block]), *self.incoming[block]]))


def stations(positions: list[int], chosen: Iterable[int]) -> list[Station]:
    """Cut the positions of a loop into steps that are drawn and runs of steps that are not.

    >>> [(s.first, s.last, s.gap) for s in stations([0, 1, 2, 3, 4], {0, 4})]
    [(0, 0, False), (1, 3, True), (4, 4, False)]
    """
    drawn = set(chosen)
    found: list[Station] = []
    for t in positions:
        if t in drawn:
            found.append(Station(t, t, 1, False))
        elif found and found[-1].gap:
            found[-1] = Station(found[-1].first, t, found[-1].steps + 1, True)
        else:
            found.append(Station(t, t, 1, True))
    return found
