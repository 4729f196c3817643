"""Themes: which colours, dashes and arrow heads the kinds of a scene get.

The colours of c, h, input and gradient stay apart under the three colour blindnesses; lines stand out from their
background by 3 to 1 and text by 4.5 to 1 (WCAG 2.1). The print theme says everything without colour. Shares of time
(heat) step evenly in lightness (CIE L*) away from the background, so that no colour is needed to tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from viz.errors import SceneError
from viz.scene import Box, BoxKind, Edge, EdgeKind, FrameKind, Role

Dash: TypeAlias = Literal["solid", "dashed", "dotted"]
Head: TypeAlias = Literal["filled", "hollow"]


@dataclass(frozen=True, slots=True)
class BoxStyle:
    """How a kind of box looks; `stroke` None draws no outline, `double` a second one inside it."""

    fill: str | None
    stroke: str | None
    text: str
    width: float = 1.2
    dash: Dash = "solid"
    double: bool = False


@dataclass(frozen=True, slots=True)
class EdgeStyle:
    """How a kind of edge looks; its colour runs from `pale` at strength 0 to `stroke` at 1."""

    stroke: str
    pale: str
    dash: Dash = "solid"
    head: Head = "filled"
    weight: float = 1.0


@dataclass(frozen=True)
class Theme:
    """A named set of styles, one for every kind.

    Attributes:
        highlight: the colour of what is highlighted; `heavy` the least width of its lines, more than any other has.
    """

    name: str
    background: str
    highlight: str
    frames: Mapping[FrameKind, BoxStyle]
    boxes: Mapping[BoxKind, BoxStyle]
    edges: Mapping[EdgeKind, EdgeStyle]
    roles: Mapping[Role, str]
    heavy: float = 3.2

    def box(self, box: Box) -> BoxStyle:
        """Return the style of a box, its emphasis included."""
        style = self.boxes[box.kind]
        if box.emphasis == "highlight":
            width = max(self.heavy, 2 * style.width)
            return BoxStyle(style.fill, self.highlight, style.text, width, "solid", style.double)
        if box.emphasis == "faded":
            return BoxStyle(
                style.fill and self.fade(style.fill), style.stroke and self.fade(style.stroke), self.fade(style.text),
                style.width, style.dash, style.double,
            )
        return style

    def line(self, edge: Edge) -> tuple[str, float]:
        """Return the colour and the width of an edge's line."""
        style = self.edges[edge.kind]
        colour = mix(style.pale, style.stroke, edge.strength)
        width = edge.width * style.weight
        if edge.emphasis == "highlight":
            return self.highlight, max(self.heavy, 1.8 * width)
        return (self.fade(colour) if edge.emphasis == "faded" else colour), width

    def fade(self, colour: str) -> str:
        """Return a colour that recedes into the background."""
        return mix(self.background, colour, 0.3)

    def text(self, role: Role, box: BoxStyle | None = None) -> str:
        """Return the colour of a text, "auto" being that of the box around it."""
        return box.text if role == "auto" and box is not None else self.roles[role]


def head_length(width: float, head: Head = "filled") -> float:
    """Return the length of an arrow head on a line of some width; its half width is 0.35 of that."""
    return 6.0 + (2.4 if head == "hollow" else 1.6) * width


def mix(first: str, second: str, share: float) -> str:
    """Return the colour that lies a share of the way from one to another.

    >>> mix("#000000", "#FF8040", 0.5)
    '#804020'
    """
    if share >= 1 or first == second:
        return second
    one, other = (tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in (first, second))
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(one, other, strict=True))


def theme_named(theme: str | Theme) -> Theme:
    """Return a theme by its name: "light", "dark" or "print"."""
    if isinstance(theme, Theme):
        return theme
    if theme not in THEMES:
        raise SceneError(f"there is no theme {theme!r}; there are {', '.join(THEMES)}")
    return THEMES[theme]


LIGHT = Theme(
    name="light",
    background="#FFFFFF",
    highlight="#B0307A",
    frames=MappingProxyType({
        "layer": BoxStyle("#F2F5F8", None, "#5B646E", 0.0),
        "direction": BoxStyle("#FAFBFC", "#C5CCD3", "#5B646E", 0.8),
        "cell": BoxStyle("#FFFFFF", "#7A848E", "#3D444B", 1.2),
        "scope": BoxStyle("#F7F9FB", "#A9B2BC", "#3D444B", 0.8, "dashed"),
        "legend": BoxStyle("#FFFFFF", "#C5CCD3", "#3D444B", 0.8),
    }),
    boxes=MappingProxyType({
        "cell": BoxStyle("#FFFFFF", "#5B646E", "#1F2328", 1.4),
        "scope": BoxStyle("#F2F5F8", "#5B646E", "#1F2328", 1.2),
        "c": BoxStyle("#E69F00", "#9A6700", "#1F2328", 1.2),
        "h": BoxStyle("#0072B2", "#00507D", "#FFFFFF", 1.2),
        "state": BoxStyle("#D6EFE6", "#00795A", "#1F2328", 1.2),
        "input": BoxStyle("#E3E6E9", "#4D4D4D", "#1F2328", 1.2),
        "output": BoxStyle("#FFFFFF", "#4D4D4D", "#1F2328", 1.2),
        "op": BoxStyle("#FFFFFF", "#4D4D4D", "#1F2328", 1.2),
        "gate": BoxStyle("#E8EEF4", "#5B646E", "#1F2328", 1.2),
        "weights": BoxStyle("#F1ECF7", "#6F4E9B", "#4F3475", 1.0),
        "source": BoxStyle("#FFFFFF", "#767E87", "#3D444B", 1.0, "dashed"),
        "loss": BoxStyle("#2B3138", "#1F2328", "#FFFFFF", 1.2),
        "delay": BoxStyle("#FFFFFF", "#0072B2", "#1F2328", 1.2),
        "gradient": BoxStyle("#FCEFE6", "#A84300", "#8A3700", 1.0),
        "ellipsis": BoxStyle(None, None, "#5B646E", 0.0),
        "bad": BoxStyle("#FDE8EA", "#C00020", "#A0001A", 1.4),
        "plain": BoxStyle(None, None, "#1F2328", 0.0),
        "anchor": BoxStyle(None, None, "#1F2328", 0.0),
        "added": BoxStyle("#E4F0F8", "#0072B2", "#004D78", 2.8),
        "removed": BoxStyle("#FDF1E9", "#D55E00", "#8A3700", 1.8, "dashed"),
        "changed": BoxStyle("#FFFFFF", "#000000", "#000000", 1.3, double=True),
        "same": BoxStyle("#FFFFFF", "#B5BCC4", "#5B646E", 1.0),
        "heat0": BoxStyle("#FFEFD8", "#5B646E", "#1F2328", 1.4),
        "heat1": BoxStyle("#FDC891", "#5B646E", "#1F2328", 1.4),
        "heat2": BoxStyle("#FD9661", "#5B646E", "#1F2328", 1.4),
        "heat3": BoxStyle("#EF6548", "#5B646E", "#1F2328", 1.4),
        "heat4": BoxStyle("#D73120", "#5B646E", "#FFFFFF", 1.4),
        "heat5": BoxStyle("#AE0000", "#5B646E", "#FFFFFF", 1.4),
    }),
    edges=MappingProxyType({
        "forward": EdgeStyle("#4D4D4D", "#767E87"),
        "c": EdgeStyle("#C27C00", "#C27C00", weight=1.6),
        "h": EdgeStyle("#0072B2", "#3F8FC0", weight=1.3),
        "state": EdgeStyle("#00795A", "#3A9478", weight=1.3),
        "input": EdgeStyle("#4D4D4D", "#767E87"),
        "weights": EdgeStyle("#6F4E9B", "#8F74B3"),
        "gradient": EdgeStyle("#A84300", "#CF7035", "dashed", "hollow"),
        "delay": EdgeStyle("#0072B2", "#3F8FC0", weight=1.3),
        "zero": EdgeStyle("#767E87", "#767E87", "dotted", "hollow"),
        "bad": EdgeStyle("#C00020", "#C00020", "dashed", "hollow", 1.4),
        "added": EdgeStyle("#0072B2", "#0072B2", weight=2.2),
        "removed": EdgeStyle("#D55E00", "#D55E00", "dashed", weight=1.4),
        "same": EdgeStyle("#B5BCC4", "#B5BCC4", weight=0.9),
    }),
    roles=MappingProxyType({
        "auto": "#1F2328", "text": "#1F2328", "muted": "#5B646E", "c": "#8A5C00", "h": "#00619A", "state": "#006A4E",
        "input": "#4D4D4D", "weights": "#5E3F8A", "gradient": "#A84300", "bad": "#C00020",
        "added": "#00619A", "removed": "#A84300",
    }),
)

DARK = Theme(
    name="dark",
    background="#14181D",
    highlight="#F08CC8",
    frames=MappingProxyType({
        "layer": BoxStyle("#1B2128", None, "#A9B2BC", 0.0),
        "direction": BoxStyle("#181D23", "#3A434D", "#A9B2BC", 0.8),
        "cell": BoxStyle("#1F262E", "#7F8B98", "#D5DBE1", 1.2),
        "scope": BoxStyle("#1B2128", "#5F6B78", "#D5DBE1", 0.8, "dashed"),
        "legend": BoxStyle("#14181D", "#3A434D", "#D5DBE1", 0.8),
    }),
    boxes=MappingProxyType({
        "cell": BoxStyle("#232B34", "#93A0AD", "#F0F3F6", 1.4),
        "scope": BoxStyle("#1F262E", "#93A0AD", "#F0F3F6", 1.2),
        "c": BoxStyle("#F0C040", "#FFE08A", "#14181D", 1.2),
        "h": BoxStyle("#56B4E9", "#A5DAF7", "#0B1116", 1.2),
        "state": BoxStyle("#17423A", "#5CCBA5", "#F0F3F6", 1.2),
        "input": BoxStyle("#3A434D", "#B8C1CA", "#F0F3F6", 1.2),
        "output": BoxStyle("#14181D", "#B8C1CA", "#F0F3F6", 1.2),
        "op": BoxStyle("#14181D", "#B8C1CA", "#F0F3F6", 1.2),
        "gate": BoxStyle("#2E3944", "#93A0AD", "#F0F3F6", 1.2),
        "weights": BoxStyle("#2B2440", "#B39DDB", "#D6C9F0", 1.0),
        "source": BoxStyle("#14181D", "#93A0AD", "#D5DBE1", 1.0, "dashed"),
        "loss": BoxStyle("#F0F3F6", "#F0F3F6", "#14181D", 1.2),
        "delay": BoxStyle("#14181D", "#56B4E9", "#F0F3F6", 1.2),
        "gradient": BoxStyle("#3A2316", "#FF8A4C", "#FFB48C", 1.0),
        "ellipsis": BoxStyle(None, None, "#A9B2BC", 0.0),
        "bad": BoxStyle("#3D171C", "#FF6B7A", "#FF9AA5", 1.4),
        "plain": BoxStyle(None, None, "#F0F3F6", 0.0),
        "anchor": BoxStyle(None, None, "#F0F3F6", 0.0),
        "added": BoxStyle("#12303F", "#56B4E9", "#B9E2F8", 2.8),
        "removed": BoxStyle("#33210F", "#F0813A", "#FFC09A", 1.8, "dashed"),
        "changed": BoxStyle("#14181D", "#F0F3F6", "#FFFFFF", 1.3, double=True),
        "same": BoxStyle("#14181D", "#4F5A66", "#A9B2BC", 1.0),
        "heat0": BoxStyle("#502319", "#93A0AD", "#F0F3F6", 1.4),
        "heat1": BoxStyle("#85341B", "#93A0AD", "#F0F3F6", 1.4),
        "heat2": BoxStyle("#B64C1E", "#93A0AD", "#F0F3F6", 1.4),
        "heat3": BoxStyle("#DE6F2C", "#93A0AD", "#0B1116", 1.4),
        "heat4": BoxStyle("#F6A050", "#93A0AD", "#0B1116", 1.4),
        "heat5": BoxStyle("#FDD494", "#93A0AD", "#0B1116", 1.4),
    }),
    edges=MappingProxyType({
        "forward": EdgeStyle("#C5CCD3", "#7F8B98"),
        "c": EdgeStyle("#F0C040", "#B8912A", weight=1.6),
        "h": EdgeStyle("#56B4E9", "#3E86B0", weight=1.3),
        "state": EdgeStyle("#5CCBA5", "#3F957A", weight=1.3),
        "input": EdgeStyle("#C5CCD3", "#7F8B98"),
        "weights": EdgeStyle("#B39DDB", "#8672AD"),
        "gradient": EdgeStyle("#FF8A4C", "#B5623C", "dashed", "hollow"),
        "delay": EdgeStyle("#56B4E9", "#3E86B0", weight=1.3),
        "zero": EdgeStyle("#7F8B98", "#7F8B98", "dotted", "hollow"),
        "bad": EdgeStyle("#FF6B7A", "#FF6B7A", "dashed", "hollow", 1.4),
        "added": EdgeStyle("#56B4E9", "#56B4E9", weight=2.2),
        "removed": EdgeStyle("#F0813A", "#F0813A", "dashed", weight=1.4),
        "same": EdgeStyle("#4F5A66", "#4F5A66", weight=0.9),
    }),
    roles=MappingProxyType({
        "auto": "#F0F3F6", "text": "#F0F3F6", "muted": "#A9B2BC", "c": "#F0C040", "h": "#7CC6F0", "state": "#5CCBA5",
        "input": "#C5CCD3", "weights": "#C5B3E6", "gradient": "#FF9D68", "bad": "#FF8A96",
        "added": "#7CC6F0", "removed": "#FF9D68",
    }),
)

PRINT = Theme(
    name="print",
    background="#FFFFFF",
    highlight="#000000",
    frames=MappingProxyType({
        "layer": BoxStyle(None, "#B0B0B0", "#4D4D4D", 0.5, "dotted"),
        "direction": BoxStyle(None, "#8C8C8C", "#4D4D4D", 0.6),
        "cell": BoxStyle("#FFFFFF", "#000000", "#000000", 1.2),
        "scope": BoxStyle(None, "#6E6E6E", "#000000", 0.8, "dashed"),
        "legend": BoxStyle("#FFFFFF", "#8C8C8C", "#000000", 0.6),
    }),
    boxes=MappingProxyType({
        "cell": BoxStyle("#FFFFFF", "#000000", "#000000", 1.4),
        "scope": BoxStyle("#FFFFFF", "#000000", "#000000", 1.2),
        "c": BoxStyle("#CFCFCF", "#000000", "#000000", 2.0),
        "h": BoxStyle("#FFFFFF", "#000000", "#000000", 1.0),
        "state": BoxStyle("#E8E8E8", "#000000", "#000000", 1.0, "dashed"),
        "input": BoxStyle("#FFFFFF", "#4D4D4D", "#000000", 0.7),
        "output": BoxStyle("#FFFFFF", "#4D4D4D", "#000000", 0.7),
        "op": BoxStyle("#FFFFFF", "#000000", "#000000", 1.0),
        "gate": BoxStyle("#EDEDED", "#000000", "#000000", 1.0),
        "weights": BoxStyle("#FFFFFF", "#000000", "#000000", 1.0, "dotted"),
        "source": BoxStyle("#FFFFFF", "#4D4D4D", "#000000", 0.8, "dashed"),
        "loss": BoxStyle("#000000", "#000000", "#FFFFFF", 1.2),
        "delay": BoxStyle("#FFFFFF", "#000000", "#000000", 1.0),
        "gradient": BoxStyle("#FFFFFF", "#000000", "#000000", 1.0, "dashed"),
        "ellipsis": BoxStyle(None, None, "#4D4D4D", 0.0),
        "bad": BoxStyle("#FFFFFF", "#000000", "#000000", 2.4),
        "plain": BoxStyle(None, None, "#000000", 0.0),
        "anchor": BoxStyle(None, None, "#000000", 0.0),
        "added": BoxStyle("#FFFFFF", "#000000", "#000000", 3.2),
        "removed": BoxStyle("#FFFFFF", "#000000", "#000000", 1.4, "dashed"),
        "changed": BoxStyle("#FFFFFF", "#000000", "#000000", 1.2, double=True),
        "same": BoxStyle("#FFFFFF", "#A6A6A6", "#4D4D4D", 0.8),
        "heat0": BoxStyle("#F3F3F3", "#000000", "#000000", 1.4),
        "heat1": BoxStyle("#D1D1D1", "#000000", "#000000", 1.4),
        "heat2": BoxStyle("#B0B0B0", "#000000", "#000000", 1.4),
        "heat3": BoxStyle("#919191", "#000000", "#000000", 1.4),
        "heat4": BoxStyle("#6A6A6A", "#000000", "#FFFFFF", 1.4),
        "heat5": BoxStyle("#474747", "#000000", "#FFFFFF", 1.4),
    }),
    edges=MappingProxyType({
        "forward": EdgeStyle("#4D4D4D", "#767676", weight=0.8),
        "c": EdgeStyle("#000000", "#000000", weight=2.1),
        "h": EdgeStyle("#000000", "#000000", weight=1.1),
        "state": EdgeStyle("#000000", "#000000", weight=1.6),
        "input": EdgeStyle("#4D4D4D", "#767676", weight=0.8),
        "weights": EdgeStyle("#4D4D4D", "#767676", "dotted"),
        "gradient": EdgeStyle("#000000", "#767676", "dashed", "hollow"),
        "delay": EdgeStyle("#000000", "#000000", weight=1.1),
        "zero": EdgeStyle("#767676", "#767676", "dotted", "hollow"),
        "bad": EdgeStyle("#000000", "#000000", "dashed", "hollow", 2.4),
        "added": EdgeStyle("#000000", "#000000", weight=2.4),
        "removed": EdgeStyle("#000000", "#000000", "dashed", weight=1.2),
        "same": EdgeStyle("#A6A6A6", "#A6A6A6", weight=0.8),
    }),
    roles=MappingProxyType({
        "auto": "#000000", "text": "#000000", "muted": "#4D4D4D", "c": "#000000", "h": "#000000", "state": "#000000",
        "input": "#333333", "weights": "#000000", "gradient": "#000000", "bad": "#000000",
        "added": "#000000", "removed": "#000000",
    }),
    heavy=4.2,
)

THEMES: Mapping[str, Theme] = MappingProxyType({theme.name: theme for theme in (LIGHT, DARK, PRINT)})
