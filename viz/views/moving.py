"""Moving: what a sketch holds goes to its place on the canvas, and edges go there with the tracks that they follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from viz.scene import Box, Edge, Text
from viz.track import Moved, Track, along


def reach(edges: Iterable[Edge]) -> tuple[list[float], list[float]]:
    """Return every x and y that lies outermost on a track, for the first and the last edge that follows it."""
    ends: dict[Track, tuple[float, float]] = {}
    for edge in edges:
        points = along(edge.points)
        low, high = ends.get(points.track, (points.x, points.x))
        if not low < points.x < high:
            ends[points.track] = min(low, points.x), max(high, points.x)
    xs: list[float] = []
    ys: list[float] = []
    for track, (low, high) in ends.items():
        across, down = [x for x, _ in track.curve], [y for _, y in track.curve]
        xs += (min(across) + low, max(across) + high)
        ys += (min(down), max(down))
    return xs, ys


def edges(old: Iterable[Edge], dx: float, dy: float) -> Iterator[Edge]:
    """Go through some edges, all moved by the same distance."""
    tracks: dict[Track, Track] = {}
    for edge in old:
        points = along(edge.points)
        track = tracks.get(points.track)
        if track is None:
            curve = tuple([(round(x + dx, 2), round(y + dy, 2)) for x, y in points.track.curve])
            track = tracks[points.track] = Track(curve)
        yield Edge(
            edge.source, edge.target, Moved(track, points.x), edge.kind, edge.width, edge.strength, edge.head,
            None if edge.label is None else label(edge.label, dx, dy), edge.tooltip, edge.emphasis, edge.about,
        )  # fmt: skip


def box(old: Box, dx: float, dy: float) -> Box:
    """Return a box that stands somewhere else."""
    return Box(
        old.id, round(old.x + dx, 2), round(old.y + dy, 2), old.width, old.height, old.shape, old.kind, old.lines,
        old.tooltip, old.path, old.emphasis, old.about,
    )  # fmt: skip


def label(old: Text, dx: float, dy: float) -> Text:
    """Return a text that stands somewhere else."""
    x, y = round(old.x + dx, 2), round(old.y + dy, 2)
    return Text(x, y, old.content, old.anchor, old.size, old.role, old.bold, old.italic, old.tooltip)
