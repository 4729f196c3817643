"""Groups: the nodes of any graph gathered by scope, by name, or, where there are too many, by what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from graphengine.graph import Node, Tensor
from graphengine.scope import Scope

Key: TypeAlias = object
KeyOf: TypeAlias = Callable[[Node], Key]


@dataclass
class Group:
    """Nodes that are drawn as one box.

    Attributes:
        path: the scope that they share; empty for nodes gathered by what they do at the top.
        kind: what that scope is, or the kind of their op.
        count: how many there are; `first` is one of them.
        inner: how many edges run among them.
        nodes: all of them.
    """

    path: str
    kind: str
    first: Node
    count: int = 0
    inner: int = 0
    nodes: list[Node] = field(default_factory=list)


@dataclass
class Grouped:
    """A graph of groups.

    Attributes:
        edges: by (source, target), whether all go through delays, and the tensors that flow, at most a few of them.
    """

    groups: dict[Key, Group] = field(default_factory=dict)
    edges: dict[tuple[Key, Key], tuple[list[Tensor], bool]] = field(default_factory=dict)


def grouped(nodes: Iterable[Node], key_of: KeyOf, name: Callable[[Node, Key], tuple[str, str]]) -> Grouped:
    """Gather nodes by key, in one pass.

    Args:
        name: path and kind of a new group, from its first node.
    """
    found = Grouped()
    keys: dict[Node, Key] = {}
    feeds: list[tuple[Tensor, Key]] = []
    for node in nodes:
        key = keys[node] = key_of(node)
        group = found.groups.get(key)
        if group is None:
            group = found.groups[key] = Group(*name(node, key), node)
        group.count += 1
        group.nodes.append(node)
        for tensor in node.inputs:
            source = keys.get(tensor.node)
            if source == key:
                group.inner += 1
            elif source is not None:
                _join(found, source, key, tensor, delayed=False)
        if node.feeds is not None:
            feeds.append((node.feeds, key))
    for tensor, key in feeds:
        source = keys.get(tensor.node)
        if source == key:
            found.groups[key].inner += 1
        elif source is not None:
            _join(found, source, key, tensor, delayed=True)
    return found


def _join(found: Grouped, source: Key, target: Key, tensor: Tensor, *, delayed: bool) -> None:
    tensors, all_delayed = found.edges.get((source, target), ([], True))
    if len(tensors) < 4 and tensor not in tensors:
        tensors.append(tensor)
    found.edges[source, target] = (tensors, all_delayed and delayed)


def by_depth(depth: int) -> KeyOf:
    """Gather what stands deeper than some scopes deep: 0 everything that has a scope at all, as its outermost one."""
    known: dict[Scope, Key] = {}

    def key(node: Node) -> Key:
        scope = node.scope
        if scope not in known:
            parts = [part for part in scope.path.split("/") if part]
            known[scope] = "/".join(parts[:depth]) if len(parts) >= depth and depth else None
        return known[scope] if known[scope] is not None else node

    return key


def by_paths(paths: Iterable[str]) -> KeyOf:
    """Gather what stands at or below some paths."""
    wanted = sorted((path.rstrip("/") for path in paths), key=len)
    known: dict[Scope, Key] = {}

    def key(node: Node) -> Key:
        scope = node.scope
        if scope not in known:
            known[scope] = next((path for path in wanted if f"{scope.path}/".startswith(f"{path}/")), None)
        return known[scope] if known[scope] is not None else node

    return key


def by_kind(*, scopes: bool) -> KeyOf:
    """Gather what does the same, in each outermost scope or (without `scopes`) anywhere."""
    known: dict[Scope, str] = {}

    def key(node: Node) -> Key:
        scope = node.scope
        if scope not in known:
            known[scope] = scope.path.partition("/")[0] if scopes else ""
        return known[scope], node.op.kind

    return key
