"""DOT with every position written in, for `neato -n2`: Graphviz draws, it lays nothing out.

Node ids are numbers of ours; what users named stands in labels and tooltips only, and the attributes are the few
that are written here. y grows upward in DOT. Graphviz paints edges in an order of its own, by where they start.
"""

from __future__ import annotations

from collections.abc import Iterator

from viz import text
from viz.curves import shortened
from viz.scene import Box, Edge, Frame, Line, Point, Scene, Shape, Text
from viz.svg import box_lines, frame_title, inside_outline
from viz.theme import BoxStyle, Theme, head_length

_SHAPES: dict[Shape, str] = {
    "rect": "box", "round": "box", "pill": "box", "circle": "ellipse", "diamond": "diamond", "none": "box",
}
_FACES = {
    (False, False): "DejaVu Sans", (True, False): "DejaVu Sans Bold",
    (False, True): "DejaVu Sans Oblique", (True, True): "DejaVu Sans Bold Oblique",
}
_NO_NODE = "width=0.01 height=0.01 style=invis"
_MITRE = 1.514  # Graphviz pulls a head back until its outline's point touches the tip: so many line widths
_SPECK = 0.5  # half the side of such a node, which Graphviz rounds to whole points


def to_dot(scene: Scene, theme: Theme, dpi: float | None = None) -> str:
    """Return the scene as DOT; draw it with `neato -n2`.

    Args:
        dpi: how many dots Graphviz paints per inch into a bitmap; its own default otherwise.
    """
    numbers = {box.id: f"n{i}" for i, box in enumerate(scene.boxes)}
    resolution = f" dpi={_number(dpi)}" if dpi is not None else ""
    lines = [
        "// draw with: neato -n2 -Tpng -O FILE",
        "digraph {",
        f'graph [bgcolor="{theme.background}" outputorder=edgesfirst pad=0 margin=0 splines=true notranslate=true '
        f'bb="0,0,{_number(scene.width)},{_number(scene.height)}"{resolution}];',
        'node [label="" fixedsize=true margin=0 shape=box fontname="DejaVu Sans"];',
        "edge [dir=forward];",
        f'corner0 [pos="{_SPECK},{_SPECK}" {_NO_NODE}];',
        f'corner1 [pos="{_number(scene.width - _SPECK)},{_number(scene.height - _SPECK)}" {_NO_NODE}];',
        *(_frame(i, frame, scene, theme) for i, frame in enumerate(scene.frames)),
        *(_box(numbers[box.id], box, scene, theme) for box in scene.boxes),
        *(f"t{i} {label}" for i, label in enumerate(_texts(scene, theme))),
        *(_edge(numbers, edge, scene, theme) for edge in scene.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def quote(content: str, limit: int = text.LABEL, *, lines: bool = False) -> str:
    r"""Return a user's text as a DOT string that says exactly this text and nothing else.

    Backslashes would call up node names, ampersands letters; both are escaped once more than DOT itself asks for.

    >>> print(quote('say "\\N" & <b>'))
    "say \"\\N\" &amp; <b>"
    """
    cleaned = text.clean(content, limit, lines=lines)
    escaped = cleaned.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _frame(i: int, frame: Frame, scene: Scene, theme: Theme) -> str:
    """A cluster of nothing: Graphviz paints clusters before all else, in the order in which they stand."""
    style = theme.frames[frame.kind]
    corners = "" if frame.kind == "layer" else ",rounded"
    low, high = scene.height - frame.bottom, scene.height - frame.top
    bounds = f"{_number(frame.left)},{_number(low)},{_number(frame.right)},{_number(high)}"
    hint = text.clean(frame.tooltip, text.TOOLTIP, lines=True)
    tooltip = f" tooltip={quote(hint, text.TOOLTIP, lines=True)}" if hint else ""
    return f'subgraph cluster_{i} {{ graph [bb="{bounds}" label="" {_paint(style, corners)}{tooltip}]; }}'


def _paint(style: BoxStyle, extra: str = "") -> str:
    """Fill, outline and dashes; `extra` names further styles."""
    look = ("filled" if style.fill else "") + extra + ("" if style.dash == "solid" else f",{style.dash}")
    fill = f' fillcolor="{style.fill}"' if style.fill else ""
    stroke = f'color="{style.stroke}" penwidth={_number(style.width)}' if style.stroke else 'color="transparent"'
    return f'style="{look.strip(",")}"{fill} {stroke}'


def _box(name: str, box: Box, scene: Scene, theme: Theme) -> str:
    if box.kind == "anchor":
        return f"{name} [pos={_at((box.x, box.y), scene)} {_NO_NODE}];"
    style = theme.box(box)
    corners = ",rounded" if box.shape in ("round", "pill") else ""
    if box.shape == "none":
        style = BoxStyle(None, None, style.text)
    hint = text.hint(box)
    tooltip = f" tooltip={quote(hint, text.TOOLTIP, lines=True)}" if hint else ""
    double = ""
    if style.double:  # Graphviz puts the second outline around the first
        box, double = inside_outline(box), " peripheries=2"
    return (
        f"{name} [pos={_at((box.x, box.y), scene)} shape={_SHAPES[box.shape]} "
        f"width={_inches(box.width)} height={_inches(box.height)} {_paint(style, corners)}{double}{tooltip}];"
    )


def _texts(scene: Scene, theme: Theme) -> Iterator[str]:
    """Every line of text is a node of its own, which puts it where the scene has it, whatever its size."""
    for label, colour in _labels(scene, theme):
        # An empty line in a label makes Graphviz 14 free what it never allocated.
        if text.clean(label.content):
            yield _label(label, colour, scene)


def _labels(scene: Scene, theme: Theme) -> Iterator[tuple[Text, str]]:
    for frame in scene.frames:
        yield frame_title(frame), theme.frames[frame.kind].text
    for box in scene.boxes:
        if box.kind == "anchor":
            continue
        style = theme.box(box)
        for line, y in box_lines(box):
            yield _free(line, box.x, y), theme.text(line.role, style)
    for label in scene.labels():
        yield label, theme.text(label.role)


def _free(line: Line, x: float, y: float) -> Text:
    return Text(x, y, line.content, size=line.size, bold=line.bold, italic=line.italic)


def _label(label: Text, colour: str, scene: Scene) -> str:
    content = text.clean(label.content)
    wide = text.width(content, label.size, bold=label.bold)
    side = {"start": scene.width - label.x, "middle": 0.0, "end": label.x}[label.anchor]
    room = max(wide, min(2 * wide, side))  # a painter whose letters are wider would push the text out
    x = label.x + {"start": room / 2, "middle": 0.0, "end": -room / 2}[label.anchor]
    hint = text.hint(label)
    tooltip = f" tooltip={quote(hint, text.TOOLTIP, lines=True)}" if hint else ""
    ragged = {"start": "\\l", "middle": "", "end": "\\r"}[label.anchor]  # where the painter's letters are narrower
    return (
        f"[pos={_at((x, label.y), scene)} shape=plaintext fixedsize=shape width={_inches(room)} height=0.01 "
        f'label={quote(label.content)[:-1]}{ragged}" fontname="{_FACES[label.bold, label.italic]}" '
        f'fontsize={_number(label.size)} fontcolor="{colour}"{tooltip}];'
    )


def _edge(numbers: dict[str, str], edge: Edge, scene: Scene, theme: Theme) -> str:
    style = theme.edges[edge.kind]
    colour, width = theme.line(edge)
    hollow = style.head == "hollow"
    body = head_length(width, style.head) - (0.5 if hollow else 1.5) * width
    curve = shortened(edge.points, body + (_MITRE * width if hollow else 0.0)) if edge.head else edge.points
    points = " ".join(_coordinates(point, scene) for point in curve)
    if edge.head:
        points = f"e,{_coordinates(edge.points[-1], scene)} {points}"
        head = f'arrowhead={"normal" if style.head == "filled" else "empty"} arrowsize={_number(body / 10)}'
    else:
        head = "arrowhead=none"
    dash = "" if style.dash == "solid" else f" style={style.dash}"
    hint = text.clean(edge.tooltip, text.TOOLTIP, lines=True)
    tooltip = f" tooltip={quote(hint, text.TOOLTIP, lines=True)}" if hint else ""
    return (
        f'{numbers[edge.source]} -> {numbers[edge.target]} [pos="{points}" '
        f'color="{colour}" penwidth={_number(width)}{dash} {head}{tooltip}];'
    )


def _at(point: Point, scene: Scene) -> str:
    return f'"{_coordinates(point, scene)}"'


def _coordinates(point: Point, scene: Scene) -> str:
    return f"{_number(point[0])},{_number(scene.height - point[1])}"


def _inches(points: float) -> str:
    return f"{max(points, 0.1) / 72:.4f}"


def _number(value: float) -> str:
    """Two decimals at most, and no minus zero."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
