"""Stamps: the boxes and frames of a stage, put on every crossing of its rows and columns."""

from __future__ import annotations

from dataclasses import replace

from graphengine.graph import Tensor
from viz import text
from viz.layout.grid import GAP_WIDTH, PAD, TITLE
from viz.model.blocks import Block
from viz.model.lattice import Item
from viz.scene import Box, BoxKind, Frame, Line, Text
from viz.views import content
from viz.views.blocks import block_box
from viz.views.board import Board
from viz.views.insides import part_lines
from viz.views.stage import Key, Shared, Stage, key_of


def draw_stage(board: Board, stage: Stage) -> None:
    """Draw the boxes of a stage; it must have its x and y."""
    _draw_frames(board, stage)
    _draw_open_cells(board, stage)
    for item in board.lattice.items:
        if item.role != "whole" and board.home(item) is stage:
            board.boxes[item] = board.sketch.box(replace(_box(board, stage, item), about=item))
    gaps = {s.first: s.steps for loop in stage.loops for s in board.lattice.stations[loop] if s.gap}
    for k, t in enumerate(stage.times):
        name = f"⋯ {gaps[t]} steps" if t in gaps else f"t = {t}"
        if t in gaps or board.options.names is None:
            x = stage.x + stage.grid.columns[k] + stage.middle
            board.sketch.texts.append(Text(x, stage.y + stage.grid.height + 13, name, size=9, role="muted"))


def _draw_frames(board: Board, stage: Stage) -> None:
    left, right = stage.span()
    for key, row in stage.rows.items():
        if row.framed:
            top = stage.y + row.y - row.height / 2 - TITLE
            title = _row_title(board, key)
            frame = Frame(left - 12, top, right - left + 24, row.height + TITLE + PAD, title, "layer", 9.5)
            board.frames[key] = frame
            board.sketch.frames.append(frame)


def _row_title(board: Board, key: Key) -> str:
    if isinstance(key, Block):
        return board.words.row_title(key)
    tensor = key.tensor if isinstance(key, Shared) else key
    rows = [each.tensor if isinstance(each, Shared) else each for each in board.stage_of if not isinstance(each, Block)]
    alike = sum(each.name == tensor.name for each in rows) > 1
    name = "/".join(tensor.path.split("/")[-2:]) if alike else tensor.name
    return f"{content.short(name)}  {text.shape(board.subject.shape(tensor))}"


def _draw_open_cells(board: Board, stage: Stage) -> None:
    """The frames of cells that show their inside, each once."""
    drawn: set[tuple[Block, int | None]] = set()
    for item in board.lattice.items:
        block = item.block
        if item.role != "part" or block not in stage.rows or block is None or (block, item.t) in drawn:
            continue
        drawn.add((block, item.t))
        circuit = board.circuits[block]
        if circuit.framed:
            x, y = board.corner(item)
            title = content.cell_title(block, board.subject)
            tip = content.weight_tooltip(block, board.subject)
            turned = stage.rows[block].backwards
            size = (circuit.width, circuit.height)
            board.sketch.frames.append(Frame(x, y, *size, "" if turned else title, "cell", 9.5, tip, block.path))
            if turned:  # its title is mirrored too: on the left its output leaves
                board.sketch.texts.append(Text(x + circuit.width - 8, y + 11, title, "end", 9.5, bold=True))


def _box(board: Board, stage: Stage, item: Item) -> Box:
    if item.role == "entry":
        return _entry(board, stage, item)
    if item.role in ("state", "start"):
        return _state(board, stage, item)
    if item.role == "block":
        return _wide(board, stage, item)
    if item.role == "part":
        return _part(board, item)
    assert item.block is not None
    x, y = stage.crossing(item)
    lines = (Line("⋯", 16),)
    return Box("", x, y, GAP_WIDTH, stage.rows[item.block].height, "rect", "ellipsis", lines, "", item.block.path)


def _entry(board: Board, stage: Stage, item: Item) -> Box:
    tensor = item.tensor
    assert tensor is not None
    x, y = stage.crossing(item)
    row = stage.rows[key_of(item)]
    kind: BoxKind = "input"
    if item.over is not None:
        kind = "h" if board.lattice.names.get(tensor) == "h" else "state"
    elif board.lattice.sequences.stacks[tensor]:
        kind = "output"
    path = tensor.path if item.over is not None and tensor.loop is None else f"{tensor.path}@{item.t}"
    return Box(
        "",
        x,
        y,
        row.width,
        row.height,
        "round",
        kind,
        board.lines[item],
        board.words.tip(item),
        path,
        board.words.emphasis(tensor, item.t),
    )


def _state(board: Board, stage: Stage, item: Item) -> Box:
    block, tensor = item.block, item.tensor
    assert block is not None
    assert tensor is not None
    assert item.t is not None
    row = stage.rows[block]
    early = item.role == "start" or item.t not in stage.column
    x = stage.grid.start(row) if early else stage.grid.after(row, stage.column[item.t])
    y = stage.y + row.y - row.height / 2 + board.circuits[block].lanes[board.lattice.lane(item)]
    kind, shape = content.looks(board.lattice.names[tensor])
    return Box(
        "",
        stage.x + x,
        y,
        *board.pill,
        shape,
        kind,
        board.lines[item],
        board.words.tip(item),
        f"{tensor.path}@{item.t}",
        board.words.emphasis(tensor, item.t),
    )


def _wide(board: Board, stage: Stage, item: Item) -> Box:
    """A block between two sequences stands across all columns, and beside them, where its lines run."""
    assert item.block is not None
    row = stage.rows[item.block]
    left = stage.rail - 16
    right = stage.x + stage.grid.columns[-1] + row.offset + row.width / 2
    box = block_box(board.words, item)
    return Box(
        "",
        (left + right) / 2,
        stage.y + row.y,
        right - left,
        row.height,
        "round",
        box.kind,
        box.lines,
        box.tooltip,
        box.path,
        box.emphasis,
    )


def _part(board: Board, item: Item) -> Box:
    block, part = item.block, item.part
    assert block is not None
    assert part is not None
    slot = board.slot(item)
    place = (slot.x, slot.y, slot.width, slot.height, slot.shape, slot.kind)
    made = board.words.made(item)
    if not board.circuits[block].framed:
        tip = content.weight_tooltip(block, board.subject)
        return Box("", *place, board.words.cell_lines(block, item.t), tip, f"{block.path}@{item.t}", made)
    lines = part_lines(board.subject, part, item.t, board.options.gradient, slot.shape == "circle" or None)
    if not part.nodes:
        return Box("", *place, lines, "", f"{block.path}@{item.t}", made)
    output: Tensor = part.nodes[-1].output
    value, gradient = board.subject.value(output, item.t), board.subject.gradient(output, item.t)
    tip = content.statistics(output, value, gradient, item.t)
    return Box("", *place, lines, tip, f"{output.path}@{item.t}", made)
