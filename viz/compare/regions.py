"""Regions: the layers, directions and other scopes of two graphs, each with what differs in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from graphengine.graph import Node
from viz.compare.changes import Change, Comparison, Status, parameters
from viz.compare.places import Place
from viz.views import content


@dataclass
class Region:
    """A layer in one direction, or a scope outside drivers.

    Attributes:
        name: where that is, in few words: "layer 1, backward", "dense".
        kinds: what stands there in a and in b: "LSTM", "Dense"; empty where nothing has a name of its own.
        sizes: how many numbers its parameters have in a and in b.
    """

    place: Place
    name: str
    changes: list[Change] = field(default_factory=list)
    kinds: tuple[str, str] = ("", "")
    sizes: tuple[int, int] = (0, 0)

    @property
    def status(self) -> Status:
        """Whether it is in one graph only, or in both and alike or not."""
        found = {change.status for change in self.changes}
        if len(found) == 1:
            return found.pop()
        return "changed"


def regions(comparison: Comparison) -> list[Region]:
    """Return the regions of two graphs, in order."""
    found: dict[Place, Region] = {}
    cells = {replace(place, inside=()) for place in comparison.places.values()}
    split = {place.around for place in cells if place.layer or place.direction}
    for change in comparison.changes:
        place = replace(change.place, inside=())
        if place.around in split and change.status in ("added", "removed") and change.node.scope.role == "driver":
            place = Place(place.around, direction=-1)  # what merges directions belongs to neither
        if place not in found:
            found[place] = Region(place, "")
        found[place].changes.append(change)
    for place, region in found.items():
        region.name = named(place, cells)
        first = [change.a for change in region.changes if change.a is not None]
        second = [change.b for change in region.changes if change.b is not None]
        region.kinds = (_kind(first), _kind(second))
        region.sizes = (_size(first), _size(second))
    return sorted(found.values(), key=_first)


def _first(region: Region) -> tuple[bool, int]:
    """Where the first thing stands that differs."""
    differ = [change.node.index for change in region.changes if change.status != "same"]
    return not differ, min(differ, default=0)


def named(place: Place, others: Iterable[Place]) -> str:
    """Name a place so that it is told from some others."""
    others = set(others)
    near = [each for each in others if each.around == place.around]
    words = []
    if place.direction < 0:
        return place.around
    if len({each.layer for each in near}) > 1:
        words.append(f"layer {place.layer}")
    if len({each.direction for each in near}) > 1:
        words.append(("forward", "backward")[place.direction])
    several = len({each.around for each in others if each.direction or each.layer or each.inside}) > 1
    return ", ".join([place.around, *words] if several or not words else words)


def _kind(nodes: list[Node]) -> str:
    """What most nodes stand in, innermost."""
    kinds = [next((scope.kind for scope in node.scope.ancestry() if scope.kind), "") for node in nodes]
    cells = [kind for kind, node in zip(kinds, nodes, strict=True) if node.scope.nearest("cell") is not None]
    pool = cells or kinds
    return content.named(max(dict.fromkeys(pool), key=pool.count)) if pool else ""


def _size(nodes: list[Node]) -> int:
    return sum(each.size for each in parameters(nodes))
