"""Interactive pages: pictures, their cards and their story in one HTML file that asks nobody for anything.

All that comes from a graph goes into the page as JSON, whose `<` and `&` are escaped, and the page's script brings it
to the screen as text. A content policy allows the page's own style and script, by their hashes, and nothing else: no
request, no other script, no form.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from viz import text
from viz.cards import Card, Cards, plain_card
from viz.explained import Value, chosen
from viz.json_writer import plain
from viz.model.fold import Return
from viz.model.groups import Group
from viz.model.lattice import Item
from viz.outline import corner
from viz.packing import packed
from viz.scene import Box, Edge, Line, Scene, Text
from viz.story import Step, story
from viz.stylesheet import rules
from viz.svg import edge_paths
from viz.theme import DARK, LIGHT, PRINT, Theme, head_length

SCRIPTS = ("unpack.js", "draw.js", "look.js", "story.js", "card.js", "unfold.js", "search.js", "controls.js")
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def picture(scene: Scene, cards: Cards | None = None, inside: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return all that a page needs to draw a scene and to tell of it.

    Args:
        cards: of what the scene is about; without them there are no numbers but those drawn, and no steps.
        inside: by box, the name of the picture of its inside.
    """
    steps = [] if cards is None else story(scene, cards.subject)
    told = set() if cards is None else chosen(scene.boxes)
    opens = inside or {}
    return {
        "title": text.clean(scene.title),
        "description": text.clean(scene.description, text.TOOLTIP),
        "width": scene.width,
        "height": scene.height,
        "frames": [{"title": "", "kind": "cell", "size": 11.0, **plain(frame)} for frame in scene.frames],
        "boxes": [_box(box, cards, told, opens.get(box.id)) for box in scene.boxes],
        "edges": [_edge(edge, cards) for edge in scene.edges],
        "texts": [_text(each) for each in scene.texts],
        "story": [_step(step, scene) for step in steps],
    }


def page(pictures: Mapping[str, Any], theme: Theme, *, opened: bool = False) -> str:
    """Return the page.

    Args:
        pictures: by name, as `picture` makes them: the "main" one; an "other" of the same in another detail; insides.
        theme: where to start; the light one means whatever the reader's system prefers.
        opened: whether the main picture is the one with open cells.
    """
    themes = [LIGHT, DARK] if theme in (LIGHT, DARK) else [LIGHT, DARK, theme]
    data = {
        "pictures": pictures, "open": opened,
        "themes": [each.name for each in themes], "theme": "" if theme == LIGHT else theme.name,
    }  # fmt: skip
    style, script = _style(themes), "".join(_source(name) for name in SCRIPTS)
    filled = {
        "STYLE": style, "STYLE_HASH": _hash(style), "SCRIPT": script, "SCRIPT_HASH": _hash(script),
        "DATA": escaped(packed(data)),
    }  # fmt: skip
    parts = _source("page.html").split("@")
    return "".join(filled.get(part, part) if i % 2 else part for i, part in enumerate(parts))


def escaped(data: str) -> str:
    r"""Return JSON that no browser reads as anything else, whatever it says.

    >>> escaped('"</script><!-- & \u2028"')
    '"\\u003c/script\\u003e\\u003c!-- \\u0026 \\u2028"'
    """
    return data.translate(_ESCAPES)


def _source(name: str) -> str:
    return (files("viz") / "interactive" / name).read_text(encoding="utf-8")


def _style(themes: list[Theme]) -> str:
    """The page's own style after those of its themes; the first of them holds before the script runs."""
    lines = [*rules(themes[0])]
    for theme in themes:
        lines += rules(theme, f"[data-theme={json.dumps(theme.name)}]")
    return "\n".join(["", *lines, "@media print {", *rules(PRINT, ":root[data-theme]"), "}", _source("style.css")])


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _box(box: Box, cards: Cards | None, told: set[Value], inside: str | None) -> dict[str, Any]:
    found = {
        "shape": "rect", "kind": "op", **plain(box), "lines": [_line(line) for line in box.lines],
        "corner": round(corner(box), 2), "double": LIGHT.boxes[box.kind].double, "inside": inside,
    }  # fmt: skip
    card = cards.box(box, told) if cards is not None and box.about is not None else _told(box)
    return _with_card(found, card)


def _edge(edge: Edge, cards: Cards | None) -> dict[str, Any]:
    style = LIGHT.edges[edge.kind]
    _, width = LIGHT.line(edge)
    line, head = edge_paths(tuple(edge.points), head_length(width, style.head) if edge.head else None)
    found = {
        "source": edge.source, "target": edge.target, "kind": edge.kind, "width": edge.width,
        "strength": edge.strength, "emphasis": edge.emphasis if edge.emphasis != "normal" else "",
        "line": line.moved(0.0), "head": None if head is None else head.moved(0.0),
        "label": None if edge.label is None else _text(edge.label),
    }  # fmt: skip
    card = cards.edge(edge) if cards is not None and edge.about is not None else plain_card("", edge.tooltip)
    return _with_card(found, card)


def _with_card(found: dict[str, Any], card: Card | None) -> dict[str, Any]:
    """An item with its card, without what says nothing."""
    spoken = {
        name: value for name, value in found.items()
        if (value or type(value) in (int, float)) and name not in ("tooltip", "path")
    }  # fmt: skip
    return spoken if card is None else {**spoken, "card": card}


def _told(box: Box) -> Card | None:
    hint = text.hint(box)
    return plain_card(box.lines[0].content if box.lines else "", hint) if hint else None


def _line(line: Line) -> dict[str, Any]:
    return {"role": "auto", "size": 11.0, **plain(line), "content": text.clean(line.content)}


def _text(label: Text) -> dict[str, Any]:
    found = {"anchor": "middle", "size": 10.0, "role": "text", **plain(label), "content": text.clean(label.content)}
    found.pop("tooltip", None)
    return found


def _step(step: Step, scene: Scene) -> dict[str, Any]:
    boxes = sorted((scene.box(identity) for identity in step.boxes), key=_second)
    names = list(dict.fromkeys(filter(None, (_name(box, step) for box in boxes))))
    says = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return {"phase": step.phase, "says": says, "boxes": step.boxes, "edges": step.edges}


def _second(box: Box) -> bool:
    """What computes comes before what only shows a value."""
    about = box.about
    return isinstance(about, Return) or (isinstance(about, Item) and about.role in ("state", "start", "entry"))


def _name(box: Box, step: Step) -> str:
    """What a box is called where there is no picture: its title, and its place in the graph and in time."""
    about = box.about
    title = text.clean(box.lines[0].content) if box.lines else ""
    if isinstance(about, Group):
        path = text.clean(box.path)
        return words(title if title.replace(" ", "_") != path else "", path, at(step.t))
    if isinstance(about, Item) and about.role == "gap":
        return "the steps between"
    if isinstance(about, Item) and about.role == "part" and about.block is not None:
        whole = about.part is not None and about.part.nodes == about.block.nodes
        return words(title, text.clean(about.block.path) if whole else "", at(step.t if about.t is None else about.t))
    return "" if isinstance(about, Return) else title


def words(*parts: str) -> str:
    """Join what is there of some words."""
    return " ".join(filter(None, parts))


def at(t: int | None) -> str:
    """Say where in time."""
    return "" if t is None else f"at t = {t}"
