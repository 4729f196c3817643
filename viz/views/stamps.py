"""Stamps: the boxes and frames of a stage, put on every crossing of its rows and columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from viz import text
from viz.layout.grid import GAP_WIDTH, PAD, TITLE
from viz.model.blocks import Block
from viz.model.lattice import Item
from viz.scene import Box, BoxKind, Frame, Line, Shape, Text
from viz.views import content
from viz.views.blocks import block_box
from viz.views.board import Board
from viz.views.stage import Key, Shared, Stage, key_of

Place: TypeAlias = tuple[float, float, float, float, Shape, BoxKind]  # x, y, width, height, and how it looks


def draw_stage(board: Board, stage: Stage) -> None:
    """Draw the boxes of a stage; it must have its x and y."""
    _draw_frames(board, stage)
    _draw_open_cells(board, stage)
    for item in board.lattice.items:
        if item.role != "whole" and board.home(item) is stage:
            board.boxes[item] = board.sketch.box(_box(board, stage, item))
    gaps = {s.first: s.steps for loop in stage.loops for s in board.lattice.stations[loop] if s.gap}
    for k, t in enumerate(stage.times):
        name = f"⋯ {gaps[t]} steps" if t in gaps else f"t = {t}"
        x, y = stage.x + stage.grid.columns[k] + stage.middle, stage.y + stage.grid.height + 13
        words = board.options.captions.get(stage.over)
        if words is not None and t not in gaps:
            board.sketch.texts.append(Text(x, y + 1, content.short(words[t], 18), size=10.5, tooltip=words[t]))
            y += 14
        if t in gaps or board.options.names is None:
            board.sketch.texts.append(Text(x, y, name, size=9, role="muted"))


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
            tip = board.words.weight_tip(block)
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
    height = stage.rows[item.block].height
    return Box(
        board.sketch.free(), x, y, GAP_WIDTH, height, "rect", "ellipsis", lines, "", item.block.path, about=item
    )


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
    return _value(board, item, (x, y, row.width, row.height, "round", kind), path)


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
    return _value(board, item, (stage.x + x, y, *board.pill, shape, kind), f"{tensor.path}@{item.t}")


def _value(board: Board, item: Item, place: Place, path: str) -> Box:
    words = board.words
    emphasis = words.emphasis(item.tensor, item.t)
    return Box(board.sketch.free(), *place, board.lines[item], words.tip(item), path, emphasis, item)


def _wide(board: Board, stage: Stage, item: Item) -> Box:
    """A block between two sequences stands across all columns, and beside them, where its lines run."""
    assert item.block is not None
    row = stage.rows[item.block]
    left = stage.rail - 16
    right = stage.x + stage.grid.columns[-1] + row.offset + row.width / 2
    box = block_box(board.words, item)
    return replace(
        box, id=board.sketch.free(), x=(left + right) / 2, y=stage.y + row.y, width=right - left, height=row.height,
        about=item,
    )  # fmt: skip


def _part(board: Board, item: Item) -> Box:
    block, part, words = item.block, item.part, board.words
    assert block is not None
    assert part is not None
    slot = board.slot(part)
    x, y = board.corner(item)
    path = f"{block.path}@{item.t}"
    if not board.circuits[block].framed:
        lines, tip = words.cell_lines(block, item.t), words.weight_tip(block)
    else:
        lines, tip = words.part_lines(part, item.t, slot.shape == "circle"), ""
        if part.nodes:
            output = part.nodes[-1].output
            path, tip = f"{output.path}@{item.t}", words.tip_of(output, item.t)
    return Box(
        board.sketch.free(), x + slot.x, y + slot.y, slot.width, slot.height, slot.shape, slot.kind, lines, tip, path,
        words.made(item), item,
    )  # fmt: skip
