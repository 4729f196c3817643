"""The view of one cell: its gates, lanes and products, with values, shapes, and gradients under the article's names."""

from __future__ import annotations

from typing import Literal

from graphengine import Tensor, errors
from graphengine.spelling import norm
from layers.place import Place
from layers.readings import Reading, readings, rows
from viz import text
from viz.layout.grid import Spacing
from viz.model.blocks import Block, body_blocks
from viz.model.lattice import Item
from viz.model.one_cell import narrowed
from viz.model.subject import Subject, Subjectlike
from viz.model.taps import add_taps
from viz.model.unroll import unroll
from viz.scene import Box, Line
from viz.theme import Theme
from viz.view import View
from viz.views import content
from viz.views.board import Board
from viz.views.drawing import brings, draw_lines
from viz.views.flows import Scale
from viz.views.insides import Insides
from viz.views.stamps import draw_stage
from viz.views.words import Options

Show = Literal["forward", "gradient", "both"]

_SPACING = {True: Spacing(exit=46.0, entry=136.0, between=66.0), False: Spacing(exit=30.0, entry=40.0, between=40.0)}
_REACH = 3  # steps around the one drawn from which a state may come


def cell(
    what: Subjectlike,
    t: int | None = None,
    layer: int = 0,
    direction: Literal["fw", "bw"] = "fw",
    show: Show = "forward",
    *,
    path: str | None = None,
    theme: str | Theme = "light",
    title: str | None = None,
    scale: Scale = "log",
) -> View:
    """Draw one cell's inside.

    Args:
        what: a trace, for numbers and gradients; a graph or a plan, for the structure alone.
        t: the position in time; by default the last step that the loop runs.
        layer: which layer of a stack, 0 being the lowest.
        direction: which direction.
        show: the values on their way forward; the gradients, under the article's names (DHt, DOt, DCt, DCprojt, DFt,
            DIt, DHX → dxt and Dh_next, DCt_recur), with their shapes; or both.
        path: where the cell stands (`"encoder/layer0"`), where layer and direction leave it open.
        theme, title, scale: as for `unrolled`.

    Raises:
        UnknownPathError: no such cell, or no such position.
        GradientError: gradients are asked for, and there are none.

    >>> from graphengine import Graph
    >>> from layers import LSTMCell, dynamic_rnn
    >>> outputs, state = dynamic_rnn(LSTMCell(5), Graph().placeholder("x", ("batch", "time", 10)), over="time")
    >>> "cproj = tanh" in cell(outputs.graph).to_svg()
    True
    """
    subject = Subject(what)
    block = _found(subject, layer, direction, path)
    gradient = show in ("gradient", "both")
    if gradient and (subject.trace is None or not subject.trace.seeded):
        raise errors.GradientError(
            f'show="{show}" needs a trace with gradients: plan.trace(feeds){errors.at(errors.user_location())}'
        )
    position = _position(subject, block, t)
    insides = Insides("large" if gradient else "medium")
    near = set(range(position - _REACH, position + _REACH + 1))
    lattice = unroll(subject, insides.split, lambda positions: near & set(positions))
    add_taps(lattice)
    block = next(each for each in lattice.parts if each.nodes == block.nodes)
    lattice = narrowed(lattice, block, position)
    names = None if subject.trace is not None else _symbolic(position)
    options = Options(gradient, names=names, faded=show == "gradient")
    board = Board(lattice, options, insides.circuits(lattice, gradient), _SPACING[gradient])
    (stage,) = board.stages
    draw_stage(board, stage)
    named = _name_gradients(board, block, position) if gradient else set()
    draw_lines(board, unnumbered=named, handed=_handed(board, block, position) if gradient else None)
    shown = title if title is not None else _title(subject, block, position)
    return View(board.sketch.scene(shown, scale=scale), theme, subject)


def _cells(subject: Subject) -> list[Block]:
    return [block for loop in subject.loops for block in dict.fromkeys(body_blocks(subject, loop).values())]


def _found(subject: Subject, layer: int, direction: str, path: str | None) -> Block:
    cells = _cells(subject)
    way = {"fw": 0, "bw": 1}.get(direction, -1)
    fits = [
        block
        for block in cells
        if (block.path == path if path is not None else (block.layer or 0) == layer and block.direction == way)
    ]
    if not fits:
        known = ", ".join(
            f"{b.path} (layer={b.layer or 0}, direction={'fw' if not b.direction else 'bw'!r})" for b in cells
        )
        wanted = f"path {path!r}" if path is not None else f"layer {layer}, direction {direction!r}"
        raise errors.UnknownPathError(
            f"{subject.graph.name}: no cell at {wanted}; there are {known or 'none'}{errors.at(errors.user_location())}"
        )
    return fits[0]


def _position(subject: Subject, block: Block, t: int | None) -> int:
    assert block.loop is not None
    positions = subject.positions(block.loop)
    if not positions:
        raise errors.UnknownPathError(f"{block.loop} has no steps{errors.at(errors.user_location())}")
    if t is None:
        return positions[-1] if subject.trace is not None else positions[len(positions) // 2]
    total = max(positions) + 1
    if t % total not in positions or not -total <= t < total:
        raise errors.UnknownPathError(
            f"{block.loop} has no position {t}; there are {min(positions)} to {max(positions)}"
            f"{errors.at(errors.user_location())}"
        )
    return t % total


def _symbolic(position: int) -> dict[int, str]:
    """Names of positions where there are no numbers: t, t-1, and so on."""
    return {position + k: f"t{k:+d}" if k else "t" for k in range(-_REACH, _REACH + 1)}


def _title(subject: Subject, block: Block, position: int) -> str:
    where = [content.named(block.kind), block.path, f"t = {position}" if subject.trace is not None else ""]
    return " · ".join(filter(None, where))


def _name_gradients(board: Board, block: Block, t: int) -> set[tuple[str, str]]:
    """Put named gradients beside the wires that carry them; returns these wires, whose numbers then stand there."""
    trace = board.subject.trace
    assert trace is not None
    found = readings(trace, block.scope, t)
    taken: set[tuple[str, str]] = set()
    where = Place(trace, block.scope)
    for row in rows(where):
        place = _spot(board, block, t, row.kind, row.of)
        if row.name not in found or place is None:
            continue
        (x, y), ends = place
        array = found[row.name]
        head = f"{row.name} = [dxt, D{row.of}_next]" if row.kind == "pair" else row.name
        lines = (
            Line(head, 10, bold=True),
            Line(text.shape(array), 8.5, "muted"),
            *(Line(each, 8.5) for each in content.spelt(array) if each != text.shape(array)),
        )
        width, height = content.size_of(lines, 7)
        about = Item("state", block, tensor=_value_of(where, row), t=t)
        tip = f"{row.name}: {row.meaning}"
        board.sketch.box(Box("", x, y, width, height, "round", "gradient", lines, tip, block.path, about=about))
        taken |= ends
    return taken


def _value_of(place: Place, row: Reading) -> Tensor | None:
    """The value that a named gradient is of."""
    if row.kind == "input":
        return place.scope.ports.get("x")
    return (place.named if row.kind == "gradient" else place.before).get(row.of)


def _handed(board: Board, block: Block, t: int) -> tuple[Tensor, float] | None:
    """The cell's input and the norm of what the cell hands to it, whether or not the plan needs that."""
    trace = board.subject.trace
    x = block.scope.ports.get("x")
    array = Place(trace, block.scope).handed_to_input(t) if trace is not None else None
    return None if array is None or x is None else (x, norm(array))


def _spot(
    board: Board, block: Block, t: int, kind: str, of: str
) -> tuple[tuple[float, float], set[tuple[str, str]]] | None:
    """Where a named gradient stands, and the wires whose gradient it is; None where the picture has no place for it."""
    circuit = board.circuits[block]
    (stage,) = board.stages
    row = stage.rows[block]
    anchor = Item("part", block, board.lattice.parts[block][0], t=t)
    x, y = board.corner(anchor)
    turned = row.backwards
    if kind in ("gradient", "pair"):
        spot = circuit.spots.get("pair" if kind == "pair" else of)
        if spot is None:
            return None
        across = circuit.width - spot[0] if turned else spot[0]
        return (x + across, y + spot[1]), _carriers(board, block, of) if kind == "gradient" else set()
    if kind == "before" and of in circuit.lanes:
        start = next(board.boxes[link.source] for link in board.lattice.links if link.lane == of)
        border = x + circuit.width if turned else x
        middle = ((start.left if turned else start.right) + border) / 2
        return (middle, y + circuit.lanes[of] + 40), {(f"<{of}", "")}
    if kind == "input" and "x_live" in circuit.spots:
        across, down = circuit.spots["x_live"]
        return (x + (circuit.width - across if turned else across), y + down), {("x_live", "product"), ("v", "product")}
    if kind == "input":
        port = block.scope.ports.get("x")
        below = [link.source for link in board.lattice.links if port is not None and brings(link, port)]
        if below and below[0].role == "entry":
            return (board.boxes[below[0]].x + 76, y + circuit.height + 33), {("v", "")}
    return None


def _carriers(board: Board, block: Block, of: str) -> set[tuple[str, str]]:
    """The wires that carry the whole gradient of a value: on which it leaves its part, or else that lead there."""
    home = next(
        (part for part in board.lattice.parts[block] for node in part.nodes for tensor in node.outputs
         if content.bare(tensor.name) == of), None,
    )  # fmt: skip
    if home is None:
        return set()
    parts = [(link.source.part, link.target.part, content.bare(link.tensor.name)) for link in board.lattice.links]
    leaving = {(a.name, b.name if b is not None else "") for a, b, name in parts if a is home and name == of}
    return leaving or {(a.name, home.name) for a, b, _ in parts if b is home and a is not None and a.name == "product"}
