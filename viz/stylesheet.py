"""Style sheets: a theme as CSS, for pictures that are drawn by the page that shows them."""

from __future__ import annotations

from collections.abc import Iterator

from viz.theme import BoxStyle, Dash, EdgeStyle, Theme

_DASHES: dict[Dash, tuple[float, float]] = {"dashed": (5.0, 4.0), "dotted": (0.1, 3.6)}


def rules(theme: Theme, scope: str = "") -> Iterator[str]:
    """Go through the rules of a theme.

    Args:
        scope: a selector that goes before each, to have several themes in one page.
    """
    yield f"{scope or ':root'} {{ {_variables(theme)} }}"
    before = f"{scope} " if scope else ""
    for frame, style in theme.frames.items():
        yield f"{before}.frame.{frame} rect {{ {_outline(style)} }}"
        yield f"{before}.frame.{frame} text {{ fill: {style.text}; }}"
    for box, style in theme.boxes.items():
        yield f"{before}.box.{box} .shape {{ {_outline(style)} }}"
        yield f"{before}.box.{box} {{ color: {style.stroke or style.text}; }}"
        yield f"{before}.box.{box} .auto {{ fill: {style.text}; }}"
    for role, colour in theme.roles.items():
        if role != "auto":
            yield f"{before}text.{role} {{ fill: {colour}; }}"
    for edge, line in theme.edges.items():
        colour = _colour(line)
        head = colour if line.head == "filled" else theme.background
        yield f"{before}.edge.{edge} .line {{ stroke: {colour}; {_stroke(line)} }}"
        yield f"{before}.edge.{edge} .head {{ stroke: {colour}; fill: {head}; }}"
    yield f"{before}.box.highlight .shape {{ stroke: {theme.highlight}; stroke-width: {theme.heavy}px; }}"
    wide = f"max({theme.heavy}px, var(--w) * 1px)"
    yield f"{before}.edge.highlight .line {{ stroke: {theme.highlight}; stroke-width: {wide}; }}"
    yield f"{before}.edge.highlight .head {{ stroke: {theme.highlight}; fill: {theme.highlight}; }}"


def _variables(theme: Theme) -> str:
    frame, gradient = theme.frames["legend"], theme.edges["gradient"]
    colours = {
        "background": theme.background,
        "panel": frame.fill or theme.background,
        "line": frame.stroke or theme.roles["muted"],
        "hover": theme.boxes["gate"].fill or theme.background,
        "text": theme.roles["text"],
        "muted": theme.roles["muted"],
        "highlight": theme.highlight,
        "forward": theme.edges["forward"].pale,
        "gradient": gradient.stroke,
        "gradient-text": theme.roles["gradient"],
    }
    scheme = "dark" if _is_dark(theme.background) else "light"
    return " ".join([f"color-scheme: {scheme};", *(f"--{name}: {colour};" for name, colour in colours.items())])


def _is_dark(colour: str) -> bool:
    return sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) < 3 * 128


def _outline(style: BoxStyle) -> str:
    dash = "" if style.dash == "solid" else " stroke-dasharray: {} {};".format(*_DASHES[style.dash])
    cap = " stroke-linecap: round;" if style.dash == "dotted" else ""
    return f"fill: {style.fill or 'none'}; stroke: {style.stroke or 'none'}; stroke-width: {style.width}px;{dash}{cap}"


def _colour(style: EdgeStyle) -> str:
    """The colour of a line, pale or full as its strength says."""
    if style.pale == style.stroke:
        return style.stroke
    return f"color-mix(in srgb, {style.stroke} var(--s), {style.pale})"


def _stroke(style: EdgeStyle) -> str:
    width = f"stroke-width: calc(var(--w) * {style.weight}px);"
    if style.dash == "solid":
        return width
    stretched = (f"calc({length}px * max(1, var(--w) * {style.weight} / 1.5))" for length in _DASHES[style.dash])
    cap = " stroke-linecap: round;" if style.dash == "dotted" else ""
    return f"{width} stroke-dasharray: {' '.join(stretched)};{cap}"
