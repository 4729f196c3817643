"""The unrolled view: time × layer × direction, the states in their lanes, the gradient against the flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from graphengine import errors
from graphengine.depth import Measure
from viz import text
from viz.model.bright import Highlight, bright
from viz.model.lattice import Lattice
from viz.model.layers_only import layers_only
from viz.model.reader import whole_cell
from viz.model.subject import Subject, Subjectlike
from viz.model.taps import add_taps
from viz.model.unroll import unroll
from viz.model.witness import lit
from viz.theme import Theme
from viz.view import View
from viz.views.board import Board
from viz.views.captions import Captions
from viz.views.captions import captions as spoken
from viz.views.drawing import draw_line, draw_lines
from viz.views.flows import Scale
from viz.views.insides import Insides
from viz.views.regions import Region, draw, head_level, regions, size, ways
from viz.views.stamps import draw_stage
from viz.views.words import Options

MOST = 8  # so many steps are drawn without leaving any out
OPEN = 2  # so many cells are drawn with their inside unless told otherwise
BUDGET = 40_000


def unrolled(
    what: Subjectlike,
    *,
    detail: Literal["auto", "cell", "op"] = "auto",
    steps: Iterable[int] | Literal["all"] | None = None,
    layers: Iterable[int] | None = None,
    gradient: bool = False,
    highlight: Highlight = None,
    theme: str | Theme = "light",
    title: str | None = None,
    captions: Captions | None = None,
    time: int | None = None,
    scale: Scale = "log",
    budget: int = BUDGET,
) -> View:
    """Draw a network unrolled in time.

    Time runs to the right, layers stand on top of each other, states run in lanes between the cells: c square, above
    h, round. A backward direction runs from right to left. What follows the loops stands at the right, what
    feeds them below and at the left. With a trace, everything shows its numbers.

    Args:
        what: a trace, for numbers and gradients; a graph or a plan, for the structure alone.
        detail: "cell" draws cells as boxes, "op" their inside; "auto" opens one or two cells, not more.
        steps: the positions in time to draw, or "all"; by default the first and the last three where there are many.
            Steps left out are a gap that says how many.
        layers: the layers of stacks to draw; by default all.
        gradient: draw the gradient against every line that carries one, dashed, with its norm: that line's own
            contribution.
        highlight: "outputs" or "states", which is what a driver returns; or paths, each alone or with a position;
            or a measure of `graphengine.depth`, for the cycle or path that attains it, as it runs through the steps.
        theme: "light", "dark", "print", or a theme of your own.
        title: instead of the graph's name.
        captions: a word for every position in time, `["the", "mice", "had"]`; where there are several axes of time, by
            axis, `{"source": [...]}`.
        time: how many steps to draw of a loop whose length nothing says; by default 3, or as many as a highlighted
            cycle needs to come round.
        scale: of the gradients' widths and shades: "log" for a fixed range of norms, "relative" for the range that
            occurs.
        budget: how many things a picture may have.

    Raises:
        BudgetError: there would be more things to draw than the budget.
        GradientError: gradients are asked for, and there are none.
        UnknownPathError: there is nothing to highlight at a path, no such layer, or none of the steps.
        StructureError: nothing can be highlighted by such a thing, or the captions do not fit the positions.
        GraphMismatchError: the measure to highlight is of another graph.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell, dynamic_rnn
    >>> outputs, state = dynamic_rnn(LSTMCell(5), Graph().placeholder("x", ("batch", "time", 10)), over="time")
    >>> view = unrolled(outputs.graph, time=4)
    >>> sum(box.kind == "cell" for box in view.to_scene().boxes)
    4
    >>> from graphengine import depth
    >>> marked = unrolled(outputs.graph, highlight=depth.recurrent(outputs.graph))
    >>> [box.path for box in marked.to_scene().boxes if box.emphasis == "highlight" and box.kind == "h"]
    ['rnn/h@0', 'rnn/h@1']
    >>> "recurrent depth 1 = 1 layer / 1 step of time" in marked.to_svg()
    True
    """
    measure = highlight if isinstance(highlight, Measure) else None
    subject = Subject(what, time or max(3, measure.steps + 1 if measure is not None else 0))
    if gradient and (subject.trace is None or not subject.trace.seeded):
        raise errors.GradientError(
            f"gradient=True needs a trace with gradients: plan.trace(feeds){errors.at(errors.user_location())}"
        )
    chosen = steps if steps == "all" or steps is None else frozenset(steps)
    wanted = None if layers is None else frozenset(layers)
    open_cells = detail == "op" or (detail == "auto" and _count(subject, chosen) <= OPEN)
    insides = Insides()
    lattice = unroll(subject, insides.split if open_cells else whole_cell, lambda positions: _chosen(positions, chosen))
    _check(subject, lattice, wanted, budget)
    if wanted is not None:
        layers_only(lattice, wanted)
    if open_cells:
        add_taps(lattice)
    circuits = insides.circuits(lattice, gradient) if open_cells else None
    words = spoken(captions, subject)
    board = Board(lattice, Options(gradient, bright(subject, highlight), captions=words), circuits)
    _lay_out(board)
    if measure is not None:
        along = lit(lattice, measure)
        board.sketch.light(along)
        board.sketch.name(measure.title, bool(along))
    shown = subject.graph.name if title is None else title

    def other() -> View:
        return unrolled(
            what, detail="cell" if open_cells else "op", steps=chosen, layers=wanted, gradient=gradient,
            highlight=highlight, title=title, captions=captions, time=time, scale=scale, budget=budget,
        )  # fmt: skip

    return View(board.sketch.scene(shown, _subtitle(subject, gradient), scale=scale), theme, subject, other)


def _chosen(positions: list[int], steps: frozenset[int] | str | None) -> Iterable[int]:
    if steps == "all":
        return positions
    if steps is not None:
        total = max(positions, default=-1) + 1
        return {t for t in positions if t in steps or t - total in steps}
    ordered = sorted(positions)
    return positions if len(positions) <= MOST else [*ordered[:3], *ordered[-3:]]


def _count(subject: Subject, steps: frozenset[int] | str | None) -> int:
    """At least how many cells would be drawn: one in every loop's step."""
    return sum(len(list(_chosen(positions, steps))) for positions in map(subject.positions, subject.loops))


def _check(subject: Subject, lattice: Lattice, layers: frozenset[int] | None, budget: int) -> None:
    where = errors.at(errors.user_location())
    name = subject.graph.name
    if len(lattice.items) > budget:
        raise errors.BudgetError(
            f"{name}: {len(lattice.items):,} things to draw, beyond the budget of {budget:,}; draw fewer steps "
            '(steps=[…], or None for the first and the last), fewer layers (layers=[…]), cells without their inside '
            f'(detail="cell"), the loops as they were written (viz.folded), or raise budget={where}'
        )
    known = {block.layer or 0 for block in lattice.parts}
    if layers is not None and not layers <= known:
        raise errors.UnknownPathError(f"{name}: no layer {sorted(layers - known)}; there are {sorted(known)}{where}")
    for loop, columns in lattice.stations.items():
        if not columns:
            raise errors.UnknownPathError(f"{name}: {loop} has no steps, so there is nothing to unroll{where}")
    shown = [station for columns in lattice.stations.values() for station in columns]
    if shown and all(station.gap for station in shown):
        raise errors.UnknownPathError(f"{name}: none of the steps is there{where}")


def _subtitle(subject: Subject, gradient: bool) -> str:
    trace = subject.trace
    if trace is None:
        return ""
    counts = {str(loop.over): trace.count(loop) for loop in subject.loops}
    sizes = [f"{name} {count}" for name, count in counts.items()]
    sizes += [f"{name} {number}" for name, number in trace.context.sizes.items() if name not in counts]
    for each in subject.targets:
        value = subject.value(each)
        if value is not None and not each.shape:
            sizes.append(f"{each.name.replace('_', ' ')} {text.number(value)}")
    return " · ".join([*sizes, "values and gradients" if gradient else "values"])


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
        draw_stage(board, stage)
        x = stage.span()[1] + 12
    if after.items:
        places.append((after, x + 34, head_level(board, after)))
    for region, left, level in places:
        draw(board, region, left, level)
    draw_lines(board)
    for region, left, level in places:
        for link, way in ways(board, region, left, level):
            draw_line(board, link, way)
