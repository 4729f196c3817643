"""Unrolling: a graph with loops as the things that a lattice shows, at the positions in time that it shows.

Delays, slices and last values are no things of their own: a delay is the line from a state to the next step, a slice the line
from a sequence to its step, a last value the state that stands at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepSlice
from graphengine.sources import Placeholder
from viz.model.blocks import Block, body_blocks, outside_blocks
from viz.model.sequences import Sequences
from viz.model.subject import Flow, Subject, Use, Uses

Role: TypeAlias = Literal["part", "gap", "state", "start", "entry", "whole", "block"]
LinkKind: TypeAlias = Literal["state", "up", "input", "output", "emit", "outside"]


@dataclass(eq=False)
class Part:
    """Nodes of a cell that are drawn as one box: the whole cell, or a gate of it."""

    block: Block
    name: str
    nodes: list[Node]


Split: TypeAlias = Callable[[Subject, Block], list[Part]]


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is drawn.

    Attributes:
        role: "part" of a cell, "gap" for steps left out, "state" after a step, "start" before the first, "entry" of a sequence
            at a position, the "whole" sequence, a "block" outside loops.
        block: the cell or block that it belongs to.
        part: for a part, which.
        tensor: the value that it shows.
        t: its position in time; of a gap, the last position before it.
    """

    role: Role
    block: Block | None = None
    part: Part | None = None
    tensor: Tensor | None = None
    t: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A line from one item to another.

    Attributes:
        tensor: what flows forward.
        flow: the edges of the graph that it stands for, so that its gradient is the sum of their contributions.
    """

    source: Item
    target: Item
    kind: LinkKind
    tensor: Tensor
    flow: Flow


@dataclass
class _Origin:
    """Where the value that a step reads comes from: `lag` steps ago, through a chain of delays."""

    kind: Literal["value", "sequence", "shared"]
    tensor: Tensor
    lag: int = 0
    delays: tuple[Node, ...] = ()


@dataclass
class Lattice:
    """All that an unrolled picture shows.

    Attributes:
        shown: by loop, the positions drawn, in the order of processing.
        states: by cell, the tensors that stand in its lanes as states, in order.
    """

    subject: Subject
    sequences: Sequences
    items: dict[Item, None] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    shown: dict[Loop, list[int]] = field(default_factory=dict)
    parts: dict[Block, list[Part]] = field(default_factory=dict)
    states: dict[Block, list[Tensor]] = field(default_factory=dict)
    names: dict[Tensor, str] = field(default_factory=dict)


def unroll(subject: Subject, split: Split, choose: Callable[[list[int]], Iterable[int]]) -> Lattice:
    """Unroll a subject.

    Args:
        split: cuts a cell into parts.
        choose: picks the positions to show from those that a loop runs over.
    """
    return _Unroller(subject, split, choose).lattice


def whole_cell(subject: Subject, block: Block) -> list[Part]:
    """A cell as one part."""
    return [Part(block, "cell", block.nodes)]


class _Unroller:
    def __init__(self, subject: Subject, split: Split, choose: Callable[[list[int]], Iterable[int]]) -> None:
        self.subject = subject
        self.uses = subject.uses()
        self.sequences = Sequences(subject, self.uses)
        self.lattice = Lattice(subject, self.sequences)
        self.part_of: dict[Node, Part] = {}
        self.finals: dict[Tensor, list[Use]] = {}
        self._read_blocks(split)
        self._outside()
        for loop in subject.loops:
            positions = subject.positions(loop)
            chosen = set(choose(positions))
            self.lattice.shown[loop] = [t for t in positions if t in chosen]
            self._loop(loop, positions)

    def _read_blocks(self, split: Split) -> None:
        subject = self.subject
        for loop in subject.loops:
            for block in dict.fromkeys(body_blocks(subject, loop).values()):
                self.lattice.parts[block] = split(subject, block)
                self.lattice.states[block] = []
                for part in self.lattice.parts[block]:
                    self.part_of.update(dict.fromkeys(part.nodes, part))
        self.block_of = outside_blocks(subject, self.sequences.merged)
        for node in list(self.block_of):
            if isinstance(node.op, Placeholder) and (node.output in self.sequences or self._starts_only(node.output)):
                del self.block_of[node]

    def _starts_only(self, tensor: Tensor) -> bool:
        """Whether a value is nothing but the first value of states."""
        readers = self.uses.get(tensor, [])
        return bool(readers) and all(isinstance(node.op, Delay) and i == 0 for node, i in readers)

    def _origin(self, tensor: Tensor) -> _Origin:
        """Follow delays and slices back to where a value of a step comes from."""
        delays: list[Node] = []
        while isinstance(tensor.node.op, Delay) and tensor.node not in delays:
            delays.append(tensor.node)
            assert tensor.node.feeds is not None
            tensor = tensor.node.feeds
        lag, chain = len(delays), tuple(delays)
        if isinstance(tensor.node.op, StepSlice):
            return _Origin("sequence", tensor.node.inputs[0], lag, chain)
        if tensor.node in self.part_of:
            return _Origin("value", tensor, lag, chain)
        return _Origin("shared", tensor, lag, chain)

    def _outside_item(self, tensor: Tensor) -> Item | None:
        """The thing outside loops that a value comes from; None for what is not drawn."""
        node = tensor.node
        if isinstance(node.op, LastStep):
            return self._last_item(node)
        if tensor in self.sequences:
            return Item("whole", tensor=tensor)
        block = self.block_of.get(node)
        return Item("block", block, tensor=block.nodes[-1].output) if block is not None else None

    def _last_item(self, node: Node) -> Item | None:
        loop = node.inputs[0].loop
        assert loop is not None
        origin = self._origin(node.inputs[0])
        positions = self.subject.positions(loop)
        if origin.kind != "value" or len(positions) <= origin.lag:
            return None
        part = self.part_of[origin.tensor.node]
        return Item("state", part.block, tensor=origin.tensor, t=positions[-1 - origin.lag])

    def _outside(self) -> None:
        """Draw what is outside loops, and note which last values are read there."""
        found: dict[tuple[Item, Item], tuple[Tensor, list[Use]]] = {}
        for node, block in self.block_of.items():
            target = Item("block", block, tensor=block.nodes[-1].output)
            self.lattice.items[target] = None
            for i, tensor in enumerate(node.inputs):
                if self.block_of.get(tensor.node) is block:
                    continue
                source = self._outside_item(tensor)
                if source is not None:
                    found.setdefault((source, target), (tensor, []))[1].append((node, i))
                if isinstance(tensor.node.op, LastStep):
                    self._note_final(tensor.node, [(node, i)])
        for tensor in self.sequences.over:
            whole = Item("whole", tensor=tensor)
            self.lattice.items[whole] = None
            block_ = self.block_of.get(tensor.node)
            if block_ is not None:
                self._link(Item("block", block_, tensor=block_.nodes[-1].output), whole, "outside", tensor, ())
        for (source, target), (tensor, uses) in found.items():
            self._link(source, target, "outside", tensor, ((tuple(uses), None),))

    def _note_final(self, last: Node, uses: Iterable[Use]) -> None:
        origin = self._origin(last.inputs[0])
        if origin.kind == "value":
            self.finals.setdefault(origin.tensor, []).extend(uses)

    def _link(self, source: Item, target: Item, kind: LinkKind, tensor: Tensor, flow: Flow) -> None:
        self.lattice.items[source] = None
        self.lattice.items[target] = None
        self.lattice.links.append(Link(source, target, kind, tensor, flow))

    def _loop(self, loop: Loop, positions: list[int]) -> None:
        reads = self._reads(loop)
        states = self._states(loop, reads)
        place = {t: k for k, t in enumerate(positions)}
        shown = self.lattice.shown[loop]
        drawn = set(shown)
        blocks = [block for block in self.lattice.parts if block.loop is loop]
        for t in shown:
            for block in blocks:
                for part in self.lattice.parts[block]:
                    self.lattice.items[Item("part", block, part, t=t)] = None
        for t, nearest in _gaps(shown, positions, place):
            for block in blocks:
                self.lattice.items[Item("gap", block, t=nearest)] = None
        gaps = {positions[place[t] + 1]: nearest for t, nearest in _gaps(shown, positions, place)}
        ends = {t for t in _before_gaps_end(shown, positions, place)}
        for t in [*shown, *ends]:
            self._emit(loop, t, positions, place, states, drawn)
        for t in [*shown, *gaps]:
            for part, origin, uses in reads:
                self._read(loop, t, part, origin, uses, positions, place, gaps)
        for node in self.subject.nodes:
            if isinstance(node.op, StackSteps) and node.inputs[0].loop is loop:
                for t in shown:
                    self._gather(node, t, positions, place)
        self._starts(loop, positions)

    # (continued below)
