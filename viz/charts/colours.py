"""Colours of charts: a ramp of shades made from a theme, even to the eye from its palest to its strongest."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from graphengine.spec import Array
from viz.theme import Theme, mix

Kind: TypeAlias = Literal["gradient", "value"]


def luminance(colour: str) -> float:
    """The relative luminance of a colour, 0 for black and 1 for white (WCAG 2.1)."""
    linear = [_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """How much two colours stand out from each other, from 1 to 21 (WCAG 2.1).

    >>> round(contrast("#FFFFFF", "#000000"))
    21
    """
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def ink(theme: Theme, ground: str) -> str:
    """Return what can be read on a colour: the theme's text, or its background."""
    return max(theme.roles["text"], theme.background, key=lambda colour: contrast(colour, ground))


def named(theme: Theme, name: str) -> str:
    """Return the colour in which a value's name is written: that of its lane where it has one."""
    return {str(role): colour for role, colour in theme.roles.items()}.get(name, theme.roles["text"])


def ramp(theme: Theme, kind: Kind) -> Array:
    """Return 256 shades, `[256, 3]` in bytes, from small to large: away from the background.

    Lightness (CIE L*) runs evenly along it, so that equal steps of a scale look equal.
    """
    edge = theme.edges["gradient" if kind == "gradient" else "h"]
    pale = edge.pale if edge.pale != edge.stroke else mix(theme.background, edge.stroke, 0.5)
    strong = mix(edge.stroke, theme.roles["text"], 0.55)
    stops = list(dict.fromkeys((mix(theme.background, pale, 0.32), pale, edge.stroke, strong)))
    light = np.array([luminance(stop) ** (1 / 3) for stop in stops])
    places = (light - light[0]) / (light[-1] - light[0])
    parts = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], np.float64)
    shades = np.linspace(0, 1, 256)
    return np.stack([np.interp(shades, places, part) for part in parts.T], axis=-1).round().astype(np.uint8)


def spelt(colour: Array) -> str:
    """Return a colour of three bytes as themes spell it.

    >>> spelt(np.array([168, 67, 0]))
    '#A84300'
    """
    return "#" + "".join(f"{int(part):02X}" for part in colour)


def bytes_of(colour: str) -> list[int]:
    """Return a colour's three bytes."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
