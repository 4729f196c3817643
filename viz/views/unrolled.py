"""The unrolled view: time × layer × direction, the states in their lanes, the gradient against the flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from viz.model.subject import Subject, Subjectlike
from viz.model.taps import add_taps
from viz.model.reader import whole_cell
from viz.model.unroll import unroll
from viz.theme import Theme
from viz.view import View
from viz.views.board import Board, Options
from viz.views.drawing import draw_line, draw_lines
from viz.views.flows import Scale
from viz.views.insides import Insides
from viz.views.regions import Region, draw, head_level, regions, size, ways

MOST = 8  # columns that are drawn without leaving any out


def unrolled(
    what: Subjectlike,
    *,
    detail: Literal["auto", "cell", "op"] = "auto",
    steps: Iterable[int] | Literal["all"] | None = None,
    gradient: bool = False,
    highlight: Any = None,
    theme: str | Theme = "light",
    title: str | None = None,
    time: int = 3,
    scale: Scale = "log",
) -> View:
    """Draw a network unrolled in time."""
    subject = Subject(what, time)
    insides = Insides()
    lattice = unroll(subject, insides.split if detail == "op" else whole_cell, lambda positions: _chosen(positions, steps))
    circuits = None
    if detail == "op":
        add_taps(lattice)
        circuits = insides.circuits(lattice, gradient)
    board = Board(lattice, Options(gradient), circuits)
    _lay_out(board)
    return View(board.sketch.scene(subject.graph.name if title is None else title, scale=scale), theme)


def _lay_out(board: Board) -> None:
    """Put lattices and what stands beside them from left to right, and draw everything."""
    *before, after = regions(board)
    high = max((stage.grid.height for stage in board.stages), default=0.0)
    x = 0.0
    places: list[tuple[Region, float, float]] = []
    for region, stage in zip(before, board.stages, strict=True):
        if region.items:
            places.append((region, x, high / 2))
            x += size(region)[0] + 56
        elif x:
            x += 60
        left, _ = stage.span()
        stage.x = x - left
        stage.y = high - stage.grid.height
        board.draw(stage)
        x = stage.span()[1] + 12
    if after.items:
        places.append((after, x + 34, head_level(board, after)))
    for region, left, level in places:
        draw(board, region, left, level)
    draw_lines(board)
    for region, left, level in places:
        for link, way in ways(board, region, left, level):
            draw_line(board, link, way)


def _chosen(positions: list[int], steps: Iterable[int] | Literal["all"] | None) -> list[int]:
    if steps == "all":
        return positions
    if steps is not None:
        wanted = set(steps)
        return [t for t in positions if t in wanted]
    ordered = sorted(positions)
    return positions if len(positions) <= MOST else [*ordered[:3], *ordered[-3:]]
