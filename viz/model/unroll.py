"""Unrolling: a graph with loops becomes what a lattice shows, at the positions in time that it shows.

Delays, slices and last values are no things of their own: a delay is the line from a state to the next step, a slice the line
from a sequence to its step, a last value the state that stands at the end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, LastStep, Loop, StackSteps, StepSlice
from graphengine.sources import Placeholder
from viz.model.blocks import Block, body_blocks, outside_blocks
from viz.model.lattice import Item, Lattice, Part, Station, stations
from viz.model.sequences import Sequences
from viz.model.subject import Subject, Use, Uses

Split: TypeAlias = Callable[[Subject, Block], list[Part]]
Choose: TypeAlias = Callable[[list[int]], Iterable[int]]


def whole_cell(subject: Subject, block: Block) -> list[Part]:
    """A cell as one part."""
    return [Part(block, "cell", block.nodes)]


def unroll(subject: Subject, split: Split, choose: Choose) -> Lattice:
    """Unroll a subject.

    Args:
        split: cuts a cell into the parts that it is drawn as.
        choose: picks the positions to draw from those that a loop runs over.
    """
    return _Unroller(subject, split, choose).lattice


@dataclass(frozen=True)
class _Origin:
    """Where a value that a step reads comes from: from `len(delays)` steps ago, through a chain of delays."""

    kind: Literal["value", "sequence", "shared"]
    tensor: Tensor
    delays: tuple[Node, ...] = ()

    @property
    def lag(self) -> int:
        """How many steps ago."""
        return len(self.delays)


@dataclass(frozen=True)
class _Read:
    """What a part, or the sequence that a stack makes, reads in every step."""

    reader: Part | Tensor
    origin: _Origin
    uses: Uses

    def item(self, t: int) -> Item:
        """The reader at a position."""
        if isinstance(self.reader, Part):
            return Item("part", self.reader.block, self.reader, t=t)
        return Item("entry", tensor=self.reader, t=t)


class _Unroller:
    def __init__(self, subject: Subject, split: Split, choose: Choose) -> None:
        self.subject = subject
        self.uses = subject.uses()
        self.sequences = Sequences(subject, self.uses)
        self.lattice = Lattice(subject, self.sequences)
        self.part_of: dict[Node, Part] = {}
        self.finals: dict[Tensor, list[Use]] = {}
        self.delayed: set[Tensor] = set()
        self._read_blocks(split)
        self._name_states()
        self._draw_outside()
        for loop in subject.loops:
            positions = subject.positions(loop)
            self.lattice.stations[loop] = stations(positions, choose(positions))
            self._draw_loop(loop, positions)

    def _read_blocks(self, split: Split) -> None:
        for loop in self.subject.loops:
            for block in dict.fromkeys(body_blocks(self.subject, loop).values()):
                self.lattice.parts[block] = split(self.subject, block)
                self.lattice.states[block] = []
                self.lattice.incoming[block] = []
                for part in self.lattice.parts[block]:
                    self.part_of.update(dict.fromkeys(part.nodes, part))
        self.block_of = outside_blocks(self.subject, self.sequences.merged)
        for node in list(self.block_of):
            if isinstance(node.op, Placeholder) and (node.output in self.sequences or self._starts_only(node.output)):
                del self.block_of[node]

    def _starts_only(self, tensor: Tensor) -> bool:
        """Whether a value is nothing but the first value of states."""
        readers = self.uses.get(tensor, [])
        return bool(readers) and all(isinstance(node.op, Delay) and i == 0 for node, i in readers)

    def _name_states(self) -> None:
        """A value that a delay hands on is a state, called after the delay: `c_prev` makes it c."""
        for node in self.subject.nodes:
            if isinstance(node.op, Delay):
                self._note_final(node.inputs[0], (node, 0))
                origin = self._origin(node.output)
                name = self.lattice.names[node.output] = node.output.name.removesuffix("_prev")
                if origin.kind == "value":
                    self.lattice.names.setdefault(origin.tensor, name)
                    self.delayed.add(origin.tensor)
                    self._add_state(origin.tensor)

    def _add_state(self, tensor: Tensor) -> None:
        states = self.lattice.states[self.part_of[tensor.node].block]
        if tensor not in states:
            states.append(tensor)

    def _origin(self, tensor: Tensor) -> _Origin:
        """Follow delays and slices back to where a value of a step comes from."""
        delays: list[Node] = []
        while isinstance(tensor.node.op, Delay) and tensor.node not in delays:
            delays.append(tensor.node)
            assert tensor.node.feeds is not None
            tensor = tensor.node.feeds
        if isinstance(tensor.node.op, StepSlice):
            return _Origin("sequence", tensor.node.inputs[0], tuple(delays))
        return _Origin("value" if tensor.node in self.part_of else "shared", tensor, tuple(delays))

    def _block_item(self, block: Block) -> Item:
        return Item("block", block, tensor=block.nodes[-1].output)

    def _outside_item(self, tensor: Tensor) -> Item | None:
        """The thing outside loops that a value comes from; None for what is not drawn."""
        if isinstance(tensor.node.op, LastStep):
            return self._last_item(tensor.node)
        if tensor in self.sequences:
            return Item("whole", tensor=tensor)
        block = self.block_of.get(tensor.node)
        return self._block_item(block) if block is not None else None

    def _last_item(self, node: Node) -> Item | None:
        loop = node.inputs[0].loop
        assert loop is not None
        origin = self._origin(node.inputs[0])
        positions = self.subject.positions(loop)
        if origin.kind != "value" or len(positions) <= origin.lag:
            return None
        block = self.part_of[origin.tensor.node].block
        return Item("state", block, tensor=origin.tensor, t=positions[-1 - origin.lag])

    def _draw_outside(self) -> None:
        """What is outside loops; which last values are read there is noted for later."""
        lines: dict[tuple[Item, Item], tuple[Tensor, list[Use]]] = {}
        for tensor in self.sequences.over:
            self.lattice.items[Item("whole", tensor=tensor)] = None
        for node, block in self.block_of.items():
            target = self._block_item(block)
            self.lattice.items[target] = None
            for i, tensor in enumerate(node.inputs):
                source = self._outside_item(tensor)
                if source is not None and source != target:
                    lines.setdefault((source, target), (tensor, []))[1].append((node, i))
                    self._note_final(tensor, (node, i))
        for (source, target), (tensor, uses) in lines.items():
            self.lattice.link(source, target, tensor, ((tuple(uses), None),))
        for tensor in self.sequences.over:
            maker = self.block_of.get(tensor.node)
            if maker is not None:
                slices = tuple((node, i) for node, i in self.uses[tensor] if isinstance(node.op, StepSlice))
                self.lattice.link(self._block_item(maker), Item("whole", tensor=tensor), tensor, ((slices, None),))

    def _note_final(self, tensor: Tensor, use: Use) -> None:
        """Remember a use of a last value; that value is then a state, if only at the end."""
        if isinstance(tensor.node.op, LastStep):
            origin = self._origin(tensor.node.inputs[0])
            if origin.kind == "value":
                self.finals.setdefault(origin.tensor, []).append(use)
                self.lattice.names.setdefault(origin.tensor, origin.tensor.name)
                self._add_state(origin.tensor)

    def _draw_loop(self, loop: Loop, positions: list[int]) -> None:
        reads = self._reads(loop)
        columns = self.lattice.stations[loop]
        for station in columns:
            for block, parts in self.lattice.parts.items():
                if block.loop is loop:
                    gap = [Item("gap", block, t=station.first)]
                    here = gap if station.gap else [Item("part", block, part, t=station.first) for part in parts]
                    self.lattice.items.update(dict.fromkeys(here))
        time = _Time(loop.over, positions, columns)
        self._draw_shared(reads, loop)
        for station in columns:
            self._draw_reads(reads, station, time)
            self._draw_states(loop, station, reads, time)
        for start in [item for item in self.lattice.items if item.role == "start"]:
            if start.tensor is not None and start.tensor.loop is loop:
                self._feed_start(start)

    def _draw_shared(self, reads: list[_Read], loop: Loop) -> None:
        """What comes from outside and is read by every step as it is."""
        for tensor in dict.fromkeys(read.origin.tensor for read in reads if read.origin.kind == "shared"):
            source = self._outside_item(tensor)
            uses = tuple(use for read in reads if read.origin.tensor is tensor for use in read.uses)
            whole = Item("whole", tensor=tensor, over=loop.over)
            self.lattice.items[whole] = None
            if source is not None:
                self.lattice.link(source, whole, tensor, ((uses, None),))

    def _reads(self, loop: Loop) -> list[_Read]:
        """Everything that a step reads of earlier steps, of other parts, of sequences and from outside."""
        found: dict[tuple[Part | Tensor, _Origin], list[Use]] = {}
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
                    origin = self._origin(tensor)
                    if origin.lag or self.part_of.get(origin.tensor.node) is not reader:
                        found.setdefault((reader, origin), []).append((node, i))
        reads = [_Read(reader, origin, tuple(uses)) for (reader, origin), uses in found.items()]
        for read in reads:
            if read.origin.lag and isinstance(read.reader, Part):
                incoming = self.lattice.incoming[read.reader.block]
                if self._lane(read.origin) not in incoming:
                    incoming.append(self._lane(read.origin))
        return reads

    def _lane(self, origin: _Origin) -> str:
        return self.lattice.names[origin.delays[0].output] if origin.delays else ""

    def _gathered(self, stack: Node) -> Tensor:
        """The sequence that a stack becomes part of."""
        return next(tensor for tensor, stacks in self.sequences.stacks.items() if stack in stacks)

    def _draw_reads(self, reads: list[_Read], station: Station, time: _Time) -> None:
        """What a column reads; of steps left out only what the first of them reads of earlier ones."""
        k = time.place[station.first]
        merged: dict[tuple[Item, Item, str], tuple[Tensor, list[Use]]] = {}
        for read in reads:
            if station.gap and not (read.origin.lag and isinstance(read.reader, Part)):
                continue
            source = self._source(read.origin, k, time, read.reader)
            target = read.item(station.first)
            if station.gap:
                target = Item("gap", target.block, t=station.first)
            if source is not None:
                key = (source, target, self._lane(read.origin))
                merged.setdefault(key, (read.origin.tensor, []))[1].extend(read.uses)
        for (source, target, lane), (tensor, uses) in merged.items():
            self.lattice.link(source, target, tensor, ((tuple(uses), station.first),), lane)

    def _source(self, origin: _Origin, k: int, time: _Time, reader: Part | Tensor) -> Item | None:
        """Where the value read at the k-th step stands."""
        home = self.part_of.get(origin.tensor.node)
        if k < origin.lag:
            near = reader.block if isinstance(reader, Part) else home.block if home is not None else None
            return Item("start", near, tensor=origin.delays[k].output, t=time.positions[0])
        if origin.kind == "shared":
            here = time.positions[k]
            return None if time.station(here).gap else Item("entry", tensor=origin.tensor, t=here, over=time.over)
        t = time.positions[k - origin.lag]
        station = time.station(t)
        if home is None:
            return None if station.gap else Item("entry", tensor=origin.tensor, t=t)
        if not origin.lag:
            return Item("part", home.block, home, t=t)
        if t != station.last:
            return Item("gap", home.block, t=station.first)
        return Item("state", home.block, tensor=origin.tensor, t=t)

    def _draw_states(self, loop: Loop, station: Station, reads: list[_Read], time: _Time) -> None:
        """What leaves a column towards later steps, or stands at the end."""
        k = time.place[station.last]
        last = k == len(time.positions) - 1
        for block, states in self.lattice.states.items():
            for tensor in states if block.loop is loop else ():
                if not last and tensor not in self.delayed:
                    continue
                flow = [
                    (read.uses, time.positions[k + read.origin.lag])
                    for read in reads
                    if read.origin.tensor is tensor and read.origin.lag and k + read.origin.lag < len(time.positions)
                ]
                if last and tensor in self.finals:
                    flow.append((tuple(self.finals[tensor]), None))
                source = Item("part", block, self.part_of[tensor.node], t=station.last)
                if station.gap:
                    source = Item("gap", block, t=station.first)
                self.lattice.link(source, Item("state", block, tensor=tensor, t=station.last), tensor, tuple(flow))

    def _feed_start(self, start: Item) -> None:
        """Draw what the first value of a state is computed from, if that is drawn."""
        assert start.tensor is not None
        delay = start.tensor.node
        source = self._outside_item(delay.inputs[0])
        if source is not None:
            self.lattice.link(source, start, delay.inputs[0], ((((delay, 0),), start.t),))


class _Time:
    """The positions of a loop in the order of processing, and the columns that they fall into."""

    def __init__(self, over: object, positions: list[int], columns: list[Station]) -> None:
        self.over = over
        self.positions = positions
        self.place = {t: k for k, t in enumerate(positions)}
        self._starts = [self.place[column.first] for column in columns]
        self._columns = columns

    def station(self, t: int) -> Station:
        """The column of a position."""
        return self._columns[bisect_right(self._starts, self.place[t]) - 1]
