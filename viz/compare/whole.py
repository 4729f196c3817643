"""The picture of two whole models: every cell and every layer of either, folded, and how they hang together."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from graphengine import errors
from graphengine.graph import Node, Tensor
from graphengine.op import Elementwise
from viz import text
from viz.compare import pen
from viz.compare.changes import SIGNS, Aspect, Change, Comparison, Status, operands, parameters
from viz.compare.match import nameless, twin
from viz.compare.pen import joint
from viz.compare.sheet import Loopback, Thing, Tie, draw
from viz.compare.summary import counted, reading
from viz.compare.union import serving
from viz.model.fold import Folded, Return, fold
from viz.model.lattice import Item
from viz.model.subject import Subject
from viz.scene import Line
from viz.views import content
from viz.views.sketch import Sketch

Key: TypeAlias = Hashable
Sides: TypeAlias = list[Item | None]  # a thing in a and in b

_NAMES = 6  # so many names stand in one line of a box


def whole(comparison: Comparison, budget: int) -> Sketch:
    """Draw two models as one.

    Raises:
        BudgetError: there are more boxes than the budget.
    """
    found = _Whole(comparison)
    if len(found.things) > budget:
        raise errors.BudgetError(
            f"{comparison.name}: {len(found.things):,} boxes, beyond the budget of {budget:,}; take fewer steps, draw "
            f"the inside of one cell (layer=0), or raise budget={errors.at(errors.user_location())}"
        )
    return found.drawn()


@dataclass
class _Side:
    """One of the two models: its folded form, and the key of everything in it."""

    subject: Subject
    folded: Folded
    keys: dict[Item, Key] = field(default_factory=dict)


class _Whole:
    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.sides = [_Side(each, fold(each)) for each in (comparison.a, comparison.b)]
        self.known: dict[Node, Key] = {}
        self.things: dict[Key, Sides] = {}
        for which, side in enumerate(self.sides):
            taken: set[Key] = set()
            for item in side.folded.lattice.items:
                key = self._key(side, item, taken)
                taken.add(key)
                side.keys[item] = key
                self.things.setdefault(key, [None, None])[which] = item
        blocks = [item.block for side in self.sides for item in side.keys if item.role == "part" and item.block]
        self.deep = len({block.layer or 0 for block in blocks}) > 1
        self.both = len({block.direction for block in blocks}) > 1

    def drawn(self) -> Sketch:
        """Everything of either model."""
        loops: dict[Key, dict[tuple[str, int], list[Return | None]]] = {}
        far: dict[tuple[Key, Key, str, int], list[bool]] = {}
        for which, side in enumerate(self.sides):
            for each in side.folded.returns:
                source, target = side.keys[each.source], side.keys[each.target]
                if source == target:
                    loops.setdefault(source, {}).setdefault((each.name, each.lag), [None, None])[which] = each
                else:
                    far.setdefault((source, target, each.name, each.lag), [False, False])[which] = True
        things = [self._thing(key, sides) for key, sides in self.things.items()]
        for thing in things:
            found = sorted(loops.get(thing.key, {}).items(), key=lambda each: self._height(thing.key, each[0][0]))
            thing.loops = [self._loop(*each) for each in found]
        ties = list(self._ties())
        for (source, target, name, lag), (in_a, in_b) in far.items():
            status = joint(in_a, in_b)
            line = Line(f"{name} {text.indexed('z', above=f'-{lag}')}", 10, bold=True)
            delay = (source, target, name, lag)
            things.append(Thing(delay, status, pen.signed(status, (line,))))
            ties += [Tie(source, delay, status), Tie(delay, target, status, back=True)]
        return draw(things, ties)

    def _key(self, side: _Side, item: Item, taken: set[Key]) -> Key:
        """What a thing of one model shares with its counterpart: its place, or for a single node the node."""
        nodes = self._nodes(side, item)
        if item.block is not None and not item.block.single:
            place = replace(self.comparison.places[item.block.nodes[-1]], inside=())
            key: Key = (place, item.role)
            while key in taken:
                key = (key, "again")
            return key
        for node in nodes:
            first = self.comparison.pairs.get(node, node)
            if first in self.known and self.known[first] not in taken:
                return self.known[first]
        self.known.update(dict.fromkeys(nodes, nodes[0]))
        return nodes[0]

    def _nodes(self, side: _Side, item: Item) -> list[Node]:
        """The nodes that a thing stands for; of a sequence also those that gather it."""
        if item.block is not None:
            return item.block.nodes
        assert item.tensor is not None
        return [item.tensor.node, *side.folded.lattice.sequences.stacks.get(item.tensor, ())]

    def _changes(self, sides: Sides) -> list[Change]:
        found: dict[int, Change] = {}
        for side, item in zip(self.sides, sides, strict=True):
            if item is not None:
                for node in serving(side.subject, self._nodes(side, item)):
                    change = self.comparison.change(node)
                    found[id(change)] = change
        return list(found.values())

    def _thing(self, key: Key, sides: Sides) -> Thing:
        changes = self._changes(sides)
        status = joint(sides[0] is not None, sides[1] is not None)
        if status == "same" and any(change.status != "same" for change in changes):
            status = "changed"
        item = sides[1] if sides[1] is not None else sides[0]
        assert item is not None
        lines = self._cell_lines(sides, changes, status) if item.block is not None else self._sequence_lines(sides)
        paths = [self._nodes(side, each)[-1].path for side, each in zip(self.sides, sides, strict=True) if each]
        left = self.both and item.role == "part" and item.block is not None and not item.block.direction
        return Thing(key, status, pen.signed(status, lines), "\n".join(dict.fromkeys(paths)), paths[-1], left=left)

    def _sequence_lines(self, sides: Sides) -> tuple[Line, ...]:
        names = dict.fromkeys(each.tensor.name for each in sides if each is not None and each.tensor is not None)
        shapes = [text.shape(each.tensor.shape) if each and each.tensor is not None else "" for each in sides]
        rest = [Line(_arrow(*shapes), 8.5)] if all(shapes) and shapes[0] != shapes[1] else []
        return (Line(_arrow(*names), 11, bold=True), *rest)

    def _cell_lines(self, sides: Sides, changes: list[Change], status: Status) -> tuple[Line, ...]:
        """What stands in a cell or a layer: its kind, its place, its weights, and in short what differs in it."""
        blocks = [each.block for each in sides if each is not None and each.block is not None]
        titles = [content.block_title(block)[0] if not block.loop else content.named(block.kind) for block in blocks]
        block = blocks[-1]
        lines = [Line(_arrow(*dict.fromkeys(titles)), 12, bold=True)]
        where = []
        if block.loop is not None:
            where += [f"layer {block.layer or 0}"] if self.deep else []
            where += [("forward →", "← backward")[block.direction]] if self.both else []
        lines += [Line(" ".join(where), 8.5)] if where else []
        sizes = [
            sum(each.size for each in parameters(serving(side.subject, self._nodes(side, item))))
            for side, item in zip(self.sides, sides, strict=True)
            if item is not None
        ]
        if any(sizes):
            alike = sizes[0] == sizes[-1]
            lines.append(Line(f"{sizes[0]:,} weights" if alike else f"weights {counted(sizes[0], sizes[-1])}", 8.5))
        if status == "changed":
            lines += brief(changes)
        return tuple(lines)

    def _height(self, key: Key, name: str) -> int:
        """How far from the top a state stands: c above h."""
        lanes: dict[str, None] = {}
        for side, item in zip(self.sides, self.things[key], strict=True):
            if item is not None and item.block in side.folded.lattice.parts:
                lanes.update(dict.fromkeys(side.folded.lattice.lanes(item.block)))
        return list(lanes).index(name)

    def _loop(self, what: tuple[str, int], sides: list[Return | None]) -> Loopback:
        name, lag = what
        each = sides[1] if sides[1] is not None else sides[0]
        assert each is not None
        backwards = each.target.block is not None and bool(each.target.block.direction)
        shapes = dict.fromkeys(text.shape(side.tensor.shape) for side in sides if side is not None)
        mark = text.indexed("z", above=f"{'+' if backwards else '-'}{lag}")
        return Loopback(f"{name} {_arrow(*shapes)}", mark, joint(sides[0] is not None, sides[1] is not None))

    def _ties(self) -> Iterator[Tie]:
        """The lines of either model, each once: those of a value that both have are one."""
        found: dict[tuple[Key, Key, Tensor], list[Tensor | None]] = {}
        for which, side in enumerate(self.sides):
            for link in side.folded.lattice.links:
                other = twin(link.tensor, self.comparison.pairs) if which else link.tensor
                value = link.tensor if other is None else other
                key = (side.keys[link.source], side.keys[link.target], value)
                found.setdefault(key, [None, None])[which] = link.tensor
        for (source, target, _), tensors in found.items():
            shapes = dict.fromkeys(text.shape(each.shape) for each in tensors if each is not None)
            yield Tie(source, target, joint(tensors[0] is not None, tensors[1] is not None), _arrow(*shapes))


def _arrow(*words: str) -> str:
    return " → ".join(words)


def brief(changes: list[Change]) -> list[Line]:
    """Tell in a few short lines what differs in a cell: its gates, what reads what, and what came and went."""
    lines: list[Line] = []
    reads: dict[Aspect, list[str]] = {}
    for change in changes:
        for aspect in change.aspects:
            if aspect.what == "reads":
                short = replace(aspect, before=_bare(aspect.before), after=_bare(aspect.after))
                if short.before != short.after:  # else the paths told them apart, and the lines of the picture do
                    reads.setdefault(short, []).append(change.name)
            elif aspect.what == "op" and change.a is not None and change.b is not None:
                before, after = _short(change.a), _short(change.b)
                if before != after:
                    lines.append(Line(f"~ {change.name}: {before} → {after}", 8.5))
    lines += [Line(f"~ {_listed(names)} {reading(aspect, len(names))}", 8.5) for aspect, names in reads.items()]
    for status in ("removed", "added"):
        names = [change.name for change in changes if change.status == status and _telling(change.node)]
        if names:
            lines.append(Line(f"{SIGNS[status]} {_listed(names)}", 8.5, pen.role(status)))
    return lines


def _short(node: Node) -> str:
    """What a node does, in a few signs: σ, or 1 − i."""
    sign = content.glyph(node)
    return f" {sign} ".join(map(_bare, operands(node))) if len(sign) == 1 and len(node.inputs) == 2 else sign


def _bare(names: str) -> str:
    """Names without the paths that lead to them."""
    return re.sub(r"[^\s,]*/", "", names)


def _telling(node: Node) -> bool:
    """Whether a node is worth a word in a box: weights, and what an activation makes."""
    squashes = len(node.inputs) == 1 and isinstance(node.op, Elementwise)
    return not nameless(node) and (bool(parameters([node])) or squashes)


def _listed(names: list[str]) -> str:
    return ", ".join(names if len(names) <= _NAMES else [*names[: _NAMES - 1], "…"])
