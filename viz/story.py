"""The story of a run: which box is computed when on the way forward, and when its backward runs on the way back.

The engine runs units in order: a circle step by step and in each step node by node, everything else once for all steps.
The way back is the same in reverse. So the place of a node in this order is all that a story needs: a box has its turn
when the last of what it stands for is computed, and on the way back when the first of it hands its gradient on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from graphengine.graph import Node, Tensor
from graphengine.loop import Delay, Loop
from graphengine.passes.split import split
from viz.model.fold import Return
from viz.model.groups import Group
from viz.model.lattice import Item, Link
from viz.model.subject import Subject
from viz.scene import Box, Edge, Scene

Moment: TypeAlias = tuple[int, int, int]  # the unit, the step of a circle, the node's place in the step
FINEST = 600  # beyond so many moments, all that a circle does in a step is one
GRADIENTS = ("gradient", "zero", "bad")


@dataclass(frozen=True)
class Step:
    """Something that happens in a run.

    Attributes:
        boxes: the ids of those whose turn it is; `edges`: the numbers of the edges along which something flows then.
        t: the position in time, where it is one step of a circle.
    """

    phase: Literal["forward", "backward"]
    boxes: tuple[str, ...]
    edges: tuple[int, ...]
    t: int | None = None


class Order:
    """When the engine computes what: moments that compare as they follow each other.

    Attributes:
        circular: the nodes that run step by step.
    """

    def __init__(self, subject: Subject) -> None:
        units = subject.trace.plan.units if subject.trace is not None else split(subject.nodes)
        self._place: dict[Node, tuple[int, int]] = {}
        self.circular: set[Node] = set()
        self._step: dict[Loop, dict[int, int]] = {
            loop: {t: k for k, t in enumerate(subject.positions(loop))} for loop in subject.loops
        }
        self._loops: dict[int, Loop] = {}
        for number, unit in enumerate(units):
            self._place.update((node, (number, place)) for place, node in enumerate(unit.nodes))
            if unit.stepwise and unit.loop is not None:
                self.circular.update(unit.nodes)
                self._loops[number] = unit.loop

    def when(self, node: Node, t: int | None) -> Moment:
        """The moment at which a node is computed for a position; what is outside circles, for all positions at once."""
        unit, place = self._place[node]
        if node not in self.circular:
            return unit, 0, 0
        assert node.loop is not None
        assert t is not None
        return unit, self._step[node.loop][t], place

    def done(self, nodes: Iterable[Node], t: int | None) -> Moment:
        """The moment at which the last of some nodes is computed."""
        return max(self.when(node, t) for node in nodes)

    def every(self, nodes: Iterable[Node]) -> list[Moment]:
        """The moments at which some nodes are done: one for each unit, one for each step of a circle."""
        found: dict[tuple[int, int], Moment] = {}
        for node in nodes:
            for t in self.positions(node):
                moment = self.when(node, t)
                found[moment[:2]] = max(moment, found.get(moment[:2], moment))
        return sorted(found.values())

    def positions(self, node: Node) -> Iterable[int | None]:
        """The positions at which a node is computed one by one; None for all at once."""
        return self._step[node.loop] if node in self.circular and node.loop is not None else (None,)

    def position(self, moment: Moment) -> int | None:
        """The position in time of a moment in a circle."""
        loop = self._loops.get(moment[0])
        return None if loop is None else next(t for t, k in self._step[loop].items() if k == moment[1])

    def following(self, loop: Loop, t: int) -> Iterator[int]:
        """The position that is processed after another, if there is one."""
        wanted = self._step[loop][t] + 1
        yield from (position for position, k in self._step[loop].items() if k == wanted)


def story(scene: Scene, subject: Subject) -> list[Step]:
    """Return the steps of the forward pass and, where the subject has gradients, of the backward pass."""
    return _Telling(scene, subject).steps()


class _Telling:
    def __init__(self, scene: Scene, subject: Subject) -> None:
        self.scene = scene
        self.subject = subject
        self.order = Order(subject)
        self.uses = subject.uses()
        self.home = self._homes()
        self.turns: dict[str, list[Moment]] = {}
        for box in scene.boxes:
            if box.kind not in ("gradient", "ellipsis"):
                self.turns[box.id] = self._turns(box.about)
        self._pass_on()

    def _homes(self) -> dict[tuple[Node, int | None], Moment]:
        """By node and position, the moment at which the box that it is drawn in is done."""
        found: dict[tuple[Node, int | None], Moment] = {}
        for box in self.scene.boxes:
            item = box.about
            part = item.part if isinstance(item, Item) and item.role == "part" and item.t is not None else None
            if isinstance(item, Item) and part is not None and part.nodes:
                done = self.order.done(part.nodes, item.t)
                found.update(((node, item.t), done) for node in part.nodes)
        return found

    def _turns(self, about: object) -> list[Moment]:
        if isinstance(about, Group):
            return self.order.every(about.nodes)
        if isinstance(about, Return):
            return self._turns(about.source)
        return self._turns_of_item(about) if isinstance(about, Item) else []

    def _turns_of_item(self, item: Item) -> list[Moment]:
        """The moments at which a thing of a lattice is computed: one, or in a folded picture one for every step."""
        order, tensor = self.order, item.tensor
        if item.role in ("part", "gap", "block"):
            nodes = item.part.nodes if item.part is not None else item.block.nodes if item.block is not None else []
            return [order.done(nodes, t) for t in self._positions(nodes, item.t)]
        assert tensor is not None
        if item.role == "start" and tensor.node in order.circular:
            unit, step, _ = order.when(tensor.node, item.t)
            return [(unit, step, -1)]  # delays come first, all together
        return [self._when(tensor, item)]

    def _positions(self, nodes: list[Node], t: int | None) -> Iterable[int | None]:
        """The positions that a thing stands for: its own, or all those of its loop."""
        if t is not None or not nodes:
            return (t,) if nodes else ()
        loop = nodes[0].loop
        return (None,) if loop is None else self.subject.positions(loop)

    def _when(self, tensor: Tensor, item: Item) -> Moment:
        """The moment at which a value is there: when the box that makes it is done, or the cell of a state."""
        node, block = tensor.node, item.block
        t = item.t if tensor.loop is not None else None
        if (node, t) in self.home:
            return self.home[node, t]
        if block is not None and node in block.nodes:
            return self.order.done(block.nodes, t)
        return self.order.when(node, t)

    def _pass_on(self) -> None:
        """Steps left out are done when their states are; a point where a value branches has it when its source has."""
        for edge in self.scene.edges:
            source, target = self.scene.box(edge.source), self.scene.box(edge.target)
            if edge.kind in GRADIENTS:
                continue
            if source.kind == "ellipsis" and isinstance(edge.about, Link) and edge.about.target.role == "state":
                self.turns[source.id] = max(self.turns.get(source.id, []), self.turns[target.id])
            if target.about is not None and not self.turns.get(target.id, ()) and target.kind != "ellipsis":
                self.turns[target.id] = self.turns.get(source.id, [])
        for box in self.scene.boxes:
            if box.kind == "ellipsis" and box.id not in self.turns:
                self.turns[box.id] = self._turns(box.about)

    def steps(self) -> list[Step]:
        """Put everything in order."""
        boxes, edges = self._by_moment(coarse=False)
        if len(boxes) > FINEST:
            boxes, edges = self._by_moment(coarse=True)
        moments = self._merged(sorted(boxes), boxes)
        self.plain = not any(edge.kind in GRADIENTS for edge in self.scene.edges)
        forward = [self._step("forward", group, boxes, edges) for group in moments]
        backward = self._backward(moments, boxes, edges) if _has_gradients(self.subject) else []
        return [*forward, *backward]

    def _merged(self, moments: list[Moment], boxes: Mapping[Moment, list[str]]) -> list[list[Moment]]:
        """Moments that follow each other in the same group of nodes are one."""
        groups = {box.id for box in self.scene.boxes if isinstance(box.about, Group) and box.about.count > 1}
        found: list[list[Moment]] = []
        for moment in moments:
            same = found and boxes[found[-1][-1]] == boxes[moment]
            if same and len(boxes[moment]) == 1 and groups.issuperset(boxes[moment]):
                found[-1].append(moment)
            else:
                found.append([moment])
        return found

    def _by_moment(self, *, coarse: bool) -> tuple[dict[Moment, list[str]], dict[Moment, list[int]]]:
        boxes: dict[Moment, list[str]] = {}
        edges: dict[Moment, list[int]] = {}
        for identity, turns in self.turns.items():
            for moment in dict.fromkeys(_blunt(each, coarse) for each in turns):
                boxes.setdefault(moment, []).append(identity)
        for number, edge in enumerate(self.scene.edges):
            for moment in dict.fromkeys(_blunt(each, coarse) for each in self._flows_at(edge)):
                edges.setdefault(moment, []).append(number)
        return boxes, edges

    def _flows_at(self, edge: Edge) -> list[Moment]:
        """A value flows along an edge when what it leads to is computed, a gradient when that hands its own back."""
        target = self.scene.box(edge.source if edge.kind in GRADIENTS else edge.target)
        if target.kind == "anchor" and isinstance(edge.about, Link):
            return self._turns(edge.about.target)
        return self.turns.get(target.id, [])

    def _backward(
        self, moments: list[list[Moment]], boxes: Mapping[Moment, list[str]], edges: Mapping[Moment, list[int]]
    ) -> list[Step]:
        """The way back: the same in reverse, as far as there are gradients; and when named gradients are complete."""
        arriving = self._arriving([group[0] for group in moments])
        found = []
        for group in reversed(moments):
            step = self._step("backward", group, boxes, edges)
            carrying = [identity for identity in step.boxes if self._carries(self.scene.box(identity))]
            named = arriving.get(group[0], [])
            if carrying or named:
                found.append(replace(step, boxes=(*carrying, *named)))
        return found

    def _step(
        self, phase: Literal["forward", "backward"], group: list[Moment], boxes: Mapping[Moment, list[str]],
        edges: Mapping[Moment, list[int]],
    ) -> Step:  # fmt: skip
        back = phase == "backward"
        flowing = dict.fromkeys(i for moment in group for i in edges.get(moment, ()))
        kept = tuple(i for i in flowing if self._flows(self.scene.edges[i], back=back))
        return Step(phase, tuple(boxes[group[0]]), kept, self.order.position(group[0]))

    def _flows(self, edge: Edge, *, back: bool) -> bool:
        """Whether something flows along an edge in a phase; gradients without edges of their own take the others."""
        if back and self.plain:
            return self._carries(self.scene.box(edge.source))
        return (edge.kind in GRADIENTS) == back

    def _carries(self, box: Box) -> bool:
        """Whether a box takes part in the way back."""
        trace = self.subject.trace
        assert trace is not None
        return any(tensor in trace.plan.active for tensor in made(box.about))

    def _arriving(self, moments: list[Moment]) -> dict[Moment, list[str]]:
        """By moment, the named gradients that are complete then: all that reads their value has run backward."""
        found: dict[Moment, list[str]] = {}
        for box in self.scene.boxes:
            item = box.about
            if box.kind == "gradient" and isinstance(item, Item) and item.tensor is not None:
                complete = min(self._readers(item.tensor, item.t), default=(-1, 0, 0))
                moment = max((each for each in moments if each <= complete), default=moments[0])
                found.setdefault(moment, []).append(box.id)
        return found

    def _readers(self, tensor: Tensor, t: int | None) -> Iterator[Moment]:
        for node, i in self.uses.get(tensor, ()):
            if node.loop is None or t is None:
                yield self.order.done([node], t) if node.loop is None else min(self.order.every([node]))
            elif isinstance(node.op, Delay) and i:
                for position in self.order.following(node.loop, t):
                    yield self.home.get((node, position), self.order.when(node, position))
            else:
                yield self.home.get((node, t), self.order.when(node, t))


def made(about: object) -> list[Tensor]:
    """The tensors that something drawn stands for: what it computes, or the value that it shows."""
    if isinstance(about, Group):
        return [tensor for node in about.nodes for tensor in node.outputs]
    if isinstance(about, Return):
        return [about.tensor]
    if not isinstance(about, Item):
        return []
    if about.role in ("part", "gap", "block"):
        nodes = about.part.nodes if about.part is not None else about.block.nodes if about.block is not None else []
        return [tensor for node in nodes for tensor in node.outputs]
    return [about.tensor] if about.tensor is not None else []


def _has_gradients(subject: Subject) -> bool:
    return subject.trace is not None and subject.trace.seeded


def _blunt(moment: Moment, coarse: bool) -> Moment:
    return (*moment[:2], 0) if coarse else moment
