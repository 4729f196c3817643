"""Places: where a node stands by what its scopes are, so that variants of a model can be laid on top of each other.

A single cell is layer 0 of a stack of one and the forward direction of one; what is left are names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from graphengine.graph import Node
from graphengine.scope import Scope
from viz.model.subject import Subject

Group: TypeAlias = tuple[str, str]  # the path of a scope and what it is


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands.

    Attributes:
        around: the path of the driver, or outside drivers that of the scope.
        inside: names of the groups in a driver that are no layer and no direction.
        direction: 0 forwards, 1 backwards.
        layer: 0 is the lowest.
    """

    around: str = ""
    inside: tuple[str, ...] = ()
    direction: int = 0
    layer: int = 0


def place_of(scope: Scope) -> Place:
    """Return the place that a scope is.

    >>> birnn = Scope("birnn", "driver", parent=Scope("", "root"))
    >>> place_of(Scope("layer1", "layer", 1, Scope("fw", "direction", 0, birnn)))
    Place(around='birnn', inside=(), direction=0, layer=1)
    """
    driver = scope.nearest("driver")
    if driver is None:
        return Place(scope.path)
    direction, layer = scope.nearest("direction"), scope.nearest("layer")
    inside: list[str] = []
    for each in scope.ancestry():
        if each is driver:
            break
        if each.name and each.role not in ("direction", "layer"):
            inside.append(each.name)
    return Place(
        driver.path,
        tuple(reversed(inside)),
        (direction.index or 0) if direction is not None else 0,
        (layer.index or 0) if layer is not None else 0,
    )


def places(a: Subject, b: Subject) -> dict[Node, Place]:
    """Return the place of every node of two graphs, in the words of the first.

    A driver or a layer of the second that the first has not stands for the first such that only the first has: `birnn`
    for `rnn`, a Dense called `head` for one called `logits`.
    """
    found: dict[Node, Place] = {node: place_of(node.scope) for node in (*a.nodes, *b.nodes)}
    words = _words(_groups(a), _groups(b))
    for node in b.nodes:
        place = found[node]
        if place.around in words:
            found[node] = Place(words[place.around], place.inside, place.direction, place.layer)
    return found


def _groups(subject: Subject) -> list[Group]:
    """The drivers of a graph, and the layers outside of them, in order."""
    found: dict[Group, None] = {}
    for node in subject.nodes:
        driver = node.scope.nearest("driver")
        if driver is not None:
            found[driver.path, "driver"] = None
        elif node.scope.path:
            found[node.scope.path, node.scope.kind] = None
    return list(found)


def _words(ours: Iterable[Group], theirs: Iterable[Group]) -> dict[str, str]:
    """The names of the first graph for those of the second that it does not have."""
    known, others = list(ours), list(theirs)
    mine = {path for path, _ in known}
    yours = {path for path, _ in others}
    free = [group for group in known if group[0] not in yours]
    words: dict[str, str] = {}
    for path, kind in others:
        fit = next((group for group in free if group[1] == kind and kind), None) if path not in mine else None
        if fit is not None:
            free.remove(fit)
            words[path] = fit[0]
    return words
