"""Unrolling: a graph with loops becomes what a lattice shows, at the positions in time that it shows.

A delay is no thing of its own here: it is the line from a state to the next step. A slice is the line from a sequence
to its step, a last value the state that stands at the end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from graphengine.graph import Tensor
from graphengine.loop import Loop, StepSlice
from viz.model.lattice import Item, Lattice, Part, Station, stations
from viz.model.reader import Read, Reader, Split
from viz.model.subject import Subject, Use, Uses

Choose: TypeAlias = Callable[[list[int]], Iterable[int]]


class Sight(NamedTuple):
    """What stands where a step looks back, and at which position."""

    what: str
    t: int


class Stamp(NamedTuple):
    """What columns read that see the same when they look back.

    Attributes:
        items: the ends of lines as they are in one column, each with how many steps back it stands; and their numbers.
        links: by the numbers of source and target, with tensor, uses and lane.
    """

    items: dict[tuple[Item, int], int]
    links: list[tuple[int, int, Tensor, Uses, str]]


def unroll(subject: Subject, split: Split, choose: Choose) -> Lattice:
    """Unroll a subject.

    Args:
        split: cuts a cell into the parts that it is drawn as.
        choose: picks the positions to draw from those that a loop runs over.
    """
    reader = Reader(subject, split)
    draw_outside(reader)
    for loop in subject.loops:
        positions = subject.positions(loop)
        reader.lattice.stations[loop] = stations(positions, choose(positions))
        _Unrolling(reader, loop, positions).draw()
    return reader.lattice


def draw_outside(reader: Reader) -> None:
    """Draw what is outside loops, and the lines between that and sequences and last states."""
    lattice = reader.lattice
    lines: dict[tuple[Item, Item], tuple[Tensor, list[Use]]] = {}
    for tensor in reader.sequences.over:
        lattice.items[Item("whole", tensor=tensor)] = None
    for node, block in reader.block_of.items():
        target = reader.block_item(block)
        lattice.items[target] = None
        for i, tensor in enumerate(node.inputs):
            source = reader.outside_item(tensor)
            if source is not None and source != target:
                lines.setdefault((source, target), (tensor, []))[1].append((node, i))
    for (source, target), (tensor, uses) in lines.items():
        lattice.link(source, target, tensor, ((tuple(uses), None),))
    for tensor in reader.sequences.over:
        maker = reader.block_of.get(tensor.node)
        if maker is not None:
            slices = tuple((node, i) for node, i in reader.uses[tensor] if isinstance(node.op, StepSlice))
            lattice.link(reader.block_item(maker), Item("whole", tensor=tensor), tensor, ((slices, None),))


class _Unrolling:
    """One loop, column by column."""

    def __init__(self, reader: Reader, loop: Loop, positions: list[int]) -> None:
        self.reader = reader
        self.lattice = reader.lattice
        self.loop = loop
        self.reads = reader.reads(loop)
        self.positions = positions
        self.columns = self.lattice.stations[loop]
        self.place = {t: k for k, t in enumerate(positions)}
        self.firsts = [self.place[column.first] for column in self.columns]
        self.lags = sorted({0, *(read.origin.lag for read in self.reads)})
        self.later: dict[Tensor, list[Read]] = {}
        for read in self.reads:
            if read.origin.lag:
                self.later.setdefault(read.origin.tensor, []).append(read)
        self.stamps: dict[tuple[object, ...], Stamp] = {}

    def draw(self) -> None:
        """Draw everything."""
        for station in self.columns:
            for block, parts in self.lattice.parts.items():
                if block.loop is self.loop:
                    gap = [Item("gap", block, t=station.first)]
                    here = gap if station.gap else [Item("part", block, part, t=station.first) for part in parts]
                    self.lattice.items.update(dict.fromkeys(here))
        self._draw_shared()
        for station in self.columns:
            self._draw_reads(station)
            self._draw_states(station)
        for item in list(self.lattice.items):
            if item.role == "start" and item.tensor is not None and item.tensor.loop is self.loop:
                self._feed(item)

    def _station(self, t: int) -> Station:
        """The column of a position."""
        return self.columns[bisect_right(self.firsts, self.place[t]) - 1]

    def _draw_shared(self) -> None:
        """What comes from outside and is read by every step as it is."""
        for tensor in dict.fromkeys(read.origin.tensor for read in self.reads if read.origin.kind == "shared"):
            source = self.reader.outside_item(tensor)
            uses = tuple(use for read in self.reads if read.origin.tensor is tensor for use in read.uses)
            whole = Item("whole", tensor=tensor, over=self.loop.over)
            self.lattice.items[whole] = None
            if source is not None:
                self.lattice.link(source, whole, tensor, ((uses, None),))

    def _draw_reads(self, station: Station) -> None:
        """What a column reads: a stamp for all columns that see the same when they look back."""
        k = self.place[station.first]
        sights = {lag: self._sight(k, lag) for lag in self.lags}
        view = (station.gap, *(sight.what for sight in sights.values()))
        if view not in self.stamps:
            self.stamps[view] = self._reads(station, k)
        stamp = self.stamps[view]
        items = [item.at(sights[lag].t) for item, lag in stamp.items]
        for source, target, tensor, uses, lane in stamp.links:
            self.lattice.link(items[source], items[target], tensor, ((uses, station.first),), lane)

    def _sight(self, k: int, lag: int) -> Sight:
        """What the k-th step sees some steps back."""
        if k < lag:
            return Sight(f"start {k}", self.positions[0])
        t = self.positions[k - lag]
        station = self._station(t)
        if not station.gap:
            return Sight("step", t)
        if t == station.last:
            return Sight("end of gap", t)
        return Sight(f"gap {k - self.place[station.first]}", station.first)

    def _reads(self, station: Station, k: int) -> Stamp:
        """Everything that a column reads; of steps left out only what the first of them reads of earlier ones."""
        merged: dict[tuple[Item, Item, str], tuple[int, Tensor, list[Use]]] = {}
        for read in self.reads:
            if station.gap and not (read.origin.lag and isinstance(read.reader, Part)):
                continue
            source = self._source(read, k)
            target = read.item(station.first)
            if station.gap:
                target = Item("gap", target.block, t=station.first)
            if source is not None:
                key = (source, target, self.reader.lane(read.origin))
                lag = 0 if source.role == "entry" and source.over is not None else read.origin.lag
                merged.setdefault(key, (lag, read.origin.tensor, []))[2].extend(read.uses)
        stamp = Stamp({}, [])
        for (source, target, lane), (lag, tensor, uses) in merged.items():
            a, b = (stamp.items.setdefault(end, len(stamp.items)) for end in ((source, lag), (target, 0)))
            stamp.links.append((a, b, tensor, tuple(uses), lane))
        return stamp

    def _source(self, read: Read, k: int) -> Item | None:
        """Where the value read at the k-th step stands."""
        origin, reader = read.origin, read.reader
        home = self.reader.part_of.get(origin.tensor.node)
        if k < origin.lag:
            near = reader.block if isinstance(reader, Part) else home.block if home is not None else None
            first = Item("start", near, tensor=origin.delays[k].output, t=self.positions[0])
            return first if near is not None else None
        if origin.kind == "shared":
            here = self.positions[k]
            return None if self._station(here).gap else Item("entry", tensor=origin.tensor, t=here, over=self.loop.over)
        t = self.positions[k - origin.lag]
        station = self._station(t)
        if home is None:
            return None if station.gap else Item("entry", tensor=origin.tensor, t=t)
        if not origin.lag:
            return Item("part", home.block, home, t=t)
        if t != station.last:
            return Item("gap", home.block, t=station.first)
        return Item("state", home.block, tensor=origin.tensor, t=t)

    def _draw_states(self, station: Station) -> None:
        """What leaves a column towards later steps, or stands at the end."""
        k = self.place[station.last]
        last = k == len(self.positions) - 1
        for block, states in self.lattice.states.items():
            for tensor in states if block.loop is self.loop else ():
                if not last and tensor not in self.reader.delayed:
                    continue
                flow: list[tuple[Uses, int | None]] = [
                    (read.uses, self.positions[k + read.origin.lag])
                    for read in self.later.get(tensor, ())
                    if k + read.origin.lag < len(self.positions)
                ]
                if last and tensor in self.reader.finals:
                    flow.append((tuple(self.reader.finals[tensor]), None))
                source = Item("part", block, self.reader.part_of[tensor.node], t=station.last)
                if station.gap:
                    source = Item("gap", block, t=station.first)
                self.lattice.link(source, Item("state", block, tensor=tensor, t=station.last), tensor, tuple(flow))

    def _feed(self, start: Item) -> None:
        """Draw what the first value of a state is computed from, if that is drawn."""
        assert start.tensor is not None
        delay = start.tensor.node
        source = self.reader.outside_item(delay.inputs[0])
        if source is not None:
            self.lattice.link(source, start, delay.inputs[0], ((((delay, 0),), start.t),))
