"""Blocks: nodes gathered into what is drawn as one thing: a cell inside a loop, a layer or a single op outside."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from graphengine.graph import Node, Tensor
from graphengine.loop import LEAVING, Delay, Loop, StepSlice
from graphengine.parameter import Parameter
from graphengine.scope import Scope
from viz.model.subject import Subject

BORDER = (Delay, StepSlice, *LEAVING)


@dataclass(eq=False)
class Block:
    """Nodes that are drawn as one thing.

    Attributes:
        scope: where they stand; the innermost scope that holds them all.
        kind: what it is in the field's words: "LSTMCell", "Dense", or an op's kind.
        loop: the loop whose every step has one; None outside.
        layer: the coordinate, from the nearest scope of that role.
        direction: 0 forwards, 1 backwards.
    """

    scope: Scope
    kind: str
    nodes: list[Node] = field(default_factory=list)
    loop: Loop | None = None

    @property
    def path(self) -> str:
        """Where it stands: its scope's path, or the path of its only node."""
        return self.nodes[-1].path if self.single else self.scope.path

    @property
    def single(self) -> bool:
        """Whether it is one op outside loops."""
        return self.loop is None and len(self.nodes) == 1 and self.scope.kind != self.kind

    @property
    def layer(self) -> int | None:
        """Its layer, if it stands in one."""
        scope = self.scope.nearest("layer")
        return scope.index if scope is not None else None

    @property
    def direction(self) -> int:
        """0 for forwards, 1 for backwards."""
        return int(self.loop is not None and self.loop.reverse)

    def parameters(self, subject: Subject) -> dict[Parameter, None]:
        """The parameters that its nodes read, in order."""
        found: dict[Parameter, None] = {}
        for _, tensor in self.weights(subject):
            found.update(dict.fromkeys(subject.parameters(tensor)))
        return found

    def weights(self, subject: Subject) -> list[tuple[tuple[Node, int], Tensor]]:
        """Every place where a node reads something static, with what it reads there."""
        return [
            ((node, i), tensor)
            for node in self.nodes
            for i, tensor in enumerate(node.inputs)
            if tensor.node in subject.static
        ]


def body_blocks(subject: Subject, loop: Loop) -> dict[Node, Block]:
    """Gather the body of a loop into cells; layers, or the step as a whole, where nobody speaks of cells."""
    body = [node for node in subject.nodes if node.loop is loop]
    around = _common(node.scope for node in body)
    inner = [node for node in body if not isinstance(node.op, BORDER)]
    keys: dict[Node, Scope] = {}
    for role in ("cell", "layer"):
        for node in inner:
            scope = next((each for each in _inside(node.scope, around) if each.role == role), None)
            if scope is not None:
                keys[node] = scope
        if keys:
            break
    if not keys:
        keys = dict.fromkeys(inner, around)
    for node in inner:
        if node not in keys:
            near = [keys[tensor.node] for tensor in node.inputs if tensor.node in keys]
            if near:
                keys[node] = near[-1]
    readers: dict[Node, list[Node]] = {}
    for node in inner:
        for tensor in node.inputs:
            readers.setdefault(tensor.node, []).append(node)
    for node in reversed(inner):
        if node not in keys:
            near = [keys[reader] for reader in readers.get(node, ()) if reader in keys]
            keys[node] = near[0] if near else around
    found = _acyclic(inner, dict(keys), {scope: _depth(scope) for scope in keys.values()})
    return _made(inner, found, loop, around)


def outside_blocks(subject: Subject, hidden: set[Node]) -> dict[Node, Block]:
    """Gather what is outside loops: an outermost scope without a loop inside is one thing, other nodes stand alone."""
    outside = [
        node
        for node in subject.nodes
        if node.loop is None and node not in subject.static and node not in hidden and not isinstance(node.op, LEAVING)
    ]
    looping = {
        scope
        for node in subject.nodes
        if node.loop is not None or isinstance(node.op, LEAVING)
        for scope in node.scope.ancestry()
    }
    keys: dict[Node, Hashable] = {}
    for node in outside:
        closed = [scope for scope in node.scope.ancestry() if scope not in looping and scope.parent is not None]
        keys[node] = closed[-1] if closed and node.inputs else node
    depths = {key: _depth(key) for key in keys.values() if isinstance(key, Scope)}
    return _made(outside, _acyclic(outside, keys, depths), None, subject.graph.root)


def _made(nodes: list[Node], keys: dict[Node, Hashable], loop: Loop | None, around: Scope) -> dict[Node, Block]:
    blocks: dict[Hashable, Block] = {}
    for node in nodes:
        key = keys[node]
        if key not in blocks:
            if isinstance(key, Scope):
                name = key.kind or (key.name if key is not around or key.role != "driver" else "") or "step"
                blocks[key] = Block(key, name, loop=loop)
            else:
                blocks[key] = Block(node.scope, node.op.kind, loop=loop)
        blocks[key].nodes.append(node)
    return {node: blocks[keys[node]] for node in nodes}


def _acyclic(nodes: list[Node], keys: dict[Node, Hashable], depths: dict[Scope, int]) -> dict[Node, Hashable]:
    """Take groups apart until no two of them wait for each other; what is around the others goes first."""
    while True:
        waiting: dict[Hashable, set[Hashable]] = {}
        for node in nodes:
            mine = waiting.setdefault(keys[node], set())
            mine |= {keys[t.node] for t in node.inputs if t.node in keys and keys[t.node] != keys[node]}
        while True:
            ready = [key for key, before in waiting.items() if not before & waiting.keys()]
            if not ready:
                break
            for key in ready:
                del waiting[key]
        groups = [key for key in waiting if isinstance(key, Scope)]
        if not groups:
            return keys
        worst = min(groups, key=lambda scope: depths.get(scope, 0))
        keys = {node: node if key is worst else key for node, key in keys.items()}


def _inside(scope: Scope, around: Scope) -> Iterable[Scope]:
    for each in scope.ancestry():
        if each is around:
            return
        yield each


def _common(scopes: Iterable[Scope]) -> Scope:
    """The innermost scope that holds all of some scopes."""
    shared: list[Scope] | None = None
    for scope in scopes:
        chain = list(scope.ancestry())[::-1]
        if shared is None:
            shared = chain
        else:
            same = [a for a, b in zip(shared, chain, strict=False) if a is b]
            shared = shared[: len(same)]
    assert shared
    return shared[-1]


def _depth(scope: Scope) -> int:
    return sum(1 for _ in scope.ancestry())
