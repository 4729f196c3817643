"""Reading loops: what every step reads, and from where; delays and slices are followed back to what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepSlice
from graphengine.sources import Placeholder
from viz.model.blocks import Block, body_blocks, outside_blocks
from viz.model.lattice import Item, Lattice, Part
from viz.model.sequences import Sequences
from viz.model.subject import Subject, Use, Uses

Split: TypeAlias = Callable[[Subject, Block], list[Part]]


def whole_cell(subject: Subject, block: Block) -> list[Part]:
    """A cell as one part."""
    return [Part(block, "cell", block.nodes)]


@dataclass(frozen=True)
class Origin:
    """Where a value that a step reads comes from: from `len(delays)` steps ago, through a chain of delays.

    Attributes:
        kind: a "value" of the loop's body, a step of a "sequence", or "shared", a value from outside as it is.
    """

    kind: Literal["value", "sequence", "shared"]
    tensor: Tensor
    delays: tuple[Node, ...] = ()

    @property
    def lag(self) -> int:
        """How many steps ago."""
        return len(self.delays)


@dataclass(frozen=True)
class Read:
    """What a part, or the sequence that a stack makes, reads in every step."""

    reader: Part | Tensor
    origin: Origin
    uses: Uses

    def item(self, t: int) -> Item:
        """The reader at a position."""
        if isinstance(self.reader, Part):
            return Item("part", self.reader.block, self.reader, t=t)
        return Item("entry", tensor=self.reader, t=t)


class Reader:
    """Reads a subject into the frame of a lattice: its cells, their states, and the names of both.

    Attributes:
        lattice: so far without items and lines.
        part_of: by node of a loop's body, the part that it belongs to.
        block_of: by node outside loops, the block that it belongs to.
        finals: by value of a body, what reads its last one outside the loop.
        delayed: the values of bodies that delays hand on.
    """

    def __init__(self, subject: Subject, split: Split) -> None:
        self.subject = subject
        self.uses = subject.uses()
        self.sequences = Sequences(subject, self.uses)
        self.lattice = Lattice(subject, self.sequences)
        self.part_of: dict[Node, Part] = {}
        self.finals: dict[Tensor, list[Use]] = {}
        self.delayed: set[Tensor] = set()
        for loop in subject.loops:
            self._read_body(loop, split)
        self.block_of = outside_blocks(subject, self.sequences.merged)
        for node in list(self.block_of):
            if isinstance(node.op, Placeholder) and (node.output in self.sequences or self._starts_only(node.output)):
                del self.block_of[node]
        self._name_states()
        self._note_finals()

    def _read_body(self, loop: Loop, split: Split) -> None:
        for block in dict.fromkeys(body_blocks(self.subject, loop).values()):
            self.lattice.parts[block] = split(self.subject, block)
            self.lattice.states[block] = []
            self.lattice.incoming[block] = []
            for part in self.lattice.parts[block]:
                self.part_of.update(dict.fromkeys(part.nodes, part))

    def _starts_only(self, tensor: Tensor) -> bool:
        """Whether a value is nothing but the first value of states."""
        readers = self.uses.get(tensor, [])
        return bool(readers) and all(isinstance(node.op, Delay) and i == 0 for node, i in readers)

    def _name_states(self) -> None:
        """A value that a delay hands on is a state, called after the delay: `c_prev` makes it c."""
        for node in self.subject.nodes:
            if isinstance(node.op, Delay):
                origin = self.origin(node.output)
                name = self.lattice.names[node.output] = node.output.name.removesuffix("_prev")
                if origin.kind == "value":
                    self.lattice.names.setdefault(origin.tensor, name)
                    self.delayed.add(origin.tensor)
                    self._add_state(origin.tensor)

    def _add_state(self, tensor: Tensor) -> None:
        states = self.lattice.states[self.part_of[tensor.node].block]
        if tensor not in states:
            states.append(tensor)

    def _note_finals(self) -> None:
        """What reads last values; such a value is then a state, if only at the end."""
        for node in self.subject.nodes:
            if node not in self.block_of and not isinstance(node.op, Delay):
                continue
            for i, tensor in enumerate(node.inputs):
                if isinstance(tensor.node.op, LastStep):
                    origin = self.origin(tensor.node.inputs[0])
                    if origin.kind == "value":
                        self.finals.setdefault(origin.tensor, []).append((node, i))
                        self.lattice.names.setdefault(origin.tensor, origin.tensor.name)
                        self._add_state(origin.tensor)

    def origin(self, tensor: Tensor) -> Origin:
        """Follow delays and slices back to where a value of a step comes from."""
        delays: list[Node] = []
        while isinstance(tensor.node.op, Delay) and tensor.node.feeds is not None and tensor.node not in delays:
            delays.append(tensor.node)
            tensor = tensor.node.feeds
        if isinstance(tensor.node.op, StepSlice):
            return Origin("sequence", tensor.node.inputs[0], tuple(delays))
        return Origin("value" if tensor.node in self.part_of else "shared", tensor, tuple(delays))

    def block_item(self, block: Block) -> Item:
        """A block outside loops, as an item."""
        return Item("block", block, tensor=block.nodes[-1].output)

    def outside_item(self, tensor: Tensor) -> Item | None:
        """The thing outside loops that a value comes from; None for what is not drawn."""
        if isinstance(tensor.node.op, LastStep):
            return self._last_item(tensor.node)
        if tensor in self.sequences:
            return Item("whole", tensor=tensor)
        block = self.block_of.get(tensor.node)
        return self.block_item(block) if block is not None else None

    def _last_item(self, node: Node) -> Item | None:
        loop = node.inputs[0].loop
        assert loop is not None
        origin = self.origin(node.inputs[0])
        positions = self.subject.positions(loop)
        if origin.kind != "value" or len(positions) <= origin.lag:
            return None
        block = self.part_of[origin.tensor.node].block
        return Item("state", block, tensor=origin.tensor, t=positions[-1 - origin.lag])

    def reads(self, loop: Loop) -> list[Read]:
        """Everything that a step reads of earlier steps, of other parts, of sequences and from outside."""
        found: dict[tuple[Part | Tensor, Origin], list[Use]] = {}
        for node in self.subject.nodes:
            reader: Part | Tensor | None = None
            if node.loop is loop:
                reader = self.part_of.get(node)
            elif isinstance(node.op, StackSteps) and node.inputs[0].loop is loop:
                reader = self._gathered(node)
            if reader is None:
                continue
            for i, tensor in enumerate(node.inputs):
                if tensor.node not in self.subject.static:
                    origin = self.origin(tensor)
                    if origin.lag or self.part_of.get(origin.tensor.node) is not reader:
                        found.setdefault((reader, origin), []).append((node, i))
        reads = [Read(reader, origin, tuple(uses)) for (reader, origin), uses in found.items()]
        for read in reads:
            if read.origin.lag and isinstance(read.reader, Part):
                incoming = self.lattice.incoming[read.reader.block]
                lanes = [self.lattice.names[delay.output] for delay in read.origin.delays]  # one for every first value
                incoming += [lane for lane in dict.fromkeys(lanes) if lane not in incoming]
        return reads

    def lane(self, origin: Origin) -> str:
        """The lane in which a cell reads an earlier step."""
        return self.lattice.names[origin.delays[0].output] if origin.delays else ""

    def _gathered(self, stack: Node) -> Tensor:
        """The sequence that a stack becomes part of."""
        return next(tensor for tensor, stacks in self.sequences.stacks.items() if stack in stacks)
