"""Text: how wide it is, what of a user's text may be drawn, and how numbers and indices are spelt.

Everything that a user named passes through `clean` before any writer sees it.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from graphengine.spelling import number as number
from viz import metrics
from viz.scene import Box, Text

LABEL = 200
TOOLTIP = 4000
LINE_HEIGHT = 1.25  # in font sizes, from one line's middle to the next


def _flat(table: Mapping[int, str]) -> Mapping[str, float]:
    return MappingProxyType({letter: width / 100 for width, letters in table.items() for letter in letters})


_WIDTHS = {False: _flat(metrics.REGULAR), True: _flat(metrics.BOLD)}


def width(content: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line of DejaVu Sans is, in points; italics are as wide as upright letters.

    >>> width("tanh", 10) < width("tanh", 10, bold=True) < width("tanh", 12, bold=True)
    True
    """
    table = _WIDTHS[bold]
    total = 0.0
    for letter in content:
        known = table.get(letter)
        total += _unknown(letter) if known is None else known
    return total * size


def _unknown(letter: str) -> float:
    """A letter outside the table: nothing for what combines, two columns for what is wide."""
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.75


def fit(content: str, size: float, room: float, *, bold: bool = False) -> str:
    """Return the text, or as much of its beginning as fits into a width, and an ellipsis.

    >>> fit("belling the cat", 10, 50)
    'belling…'
    """
    content = content[:LABEL]
    if width(content, size, bold=bold) <= room:
        return content
    while content and width(content + "…", size, bold=bold) > room:
        content = content[:-1]
    return content.rstrip() + "…"


def clean(content: str, limit: int = LABEL, *, lines: bool = False) -> str:
    r"""Return what may be drawn of a text: whoever named a node, it stays one text of bounded length.

    Control characters and lone surrogates become U+FFFD, invisible ones (among them those that turn the direction of
    writing) go, white space becomes a space; what is beyond the limit becomes an ellipsis.

    Args:
        lines: keep line breaks; tooltips have them.

    >>> clean("a\x00b\u202ec\td" + "!" * 300, 10)
    'a�bc d!!!…'
    """
    head = content[: 4 * limit]
    cut = len(head) < len(content)
    if not (head.replace("\n", " ") if lines else head).isprintable():
        head = "".join(_drawable(letter, lines) for letter in head)
    return head[: limit - 1] + "…" if cut or len(head) > limit else head


@functools.lru_cache(4096)
def _drawable(letter: str, lines: bool) -> str:
    if letter == "\n" and lines:
        return letter
    if letter.isspace():
        return " "
    kind = unicodedata.category(letter)
    if kind == "Cf":
        return ""
    return "\ufffd" if kind in ("Cc", "Cs") or ord(letter) & 0xFFFE == 0xFFFE else letter


def hint(item: Box | Text) -> str:
    """Return the tooltip of a box or text as it may be shown: its own, then what of its text was too long to draw."""
    contents = [line.content for line in item.lines] if isinstance(item, Box) else [item.content]
    long = [content for content in contents if len(content) > LABEL]
    return clean("\n".join(filter(None, [item.tooltip, *long])), TOOLTIP, lines=True)


def xml(content: str) -> str:
    """Escape a cleaned text for XML, attributes included."""
    if content.isalnum():
        return content
    content = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return content.replace('"', "&quot;").replace("'", "&#39;")


def vector(values: Any, *, limit: int = 3, digits: int = 3) -> str:
    """Spell an array shortly: a number, the one entry that repeats, the first few of a vector, or shape and norm.

    >>> vector(np.full((1, 5), 1 / 6)), vector([0.1, 0.2, 0.3, 0.4]), vector(np.eye(3))
    ('0.167 ×5', '[0.1 0.2 0.3 …]', '3×3, ‖·‖ 1.73')
    """
    array = np.asarray(values)
    flat = array.reshape(-1)
    if flat.size == 0:
        return "[ ]"
    if flat.size == 1:
        return number(flat[0], digits)
    if np.all(flat == flat[0]):
        return f"{number(flat[0], digits)} ×{flat.size}"
    if sum(size > 1 for size in array.shape) > 1:
        return f"{shape(array)}, ‖·‖ {number(np.linalg.norm(flat.astype(float)), digits)}"
    entries = " ".join(number(entry, digits) for entry in flat[:limit])
    return f"[{entries} …]" if flat.size > limit else f"[{entries}]"


def shape(value: Any) -> str:
    """Spell a shape, of an array or given as one: sizes and names.

    >>> shape(np.zeros((5, 3))), shape(("batch", 5)), shape(())
    ('5×3', 'batch×5', 'scalar')
    """
    sizes: Iterable[Any] = value if isinstance(value, tuple | list) else np.shape(value)
    return "×".join(str(size) for size in sizes) or "scalar"


_SUBSCRIPTS = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SUPERSCRIPTS = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ"
)


def indexed(symbol: str, below: object = "", above: object = "") -> str:
    """Return a symbol with a subscript and a superscript in Unicode; what has no such letters goes into brackets.

    >>> indexed("h", 1, "(2)"), indexed("c", "t-1"), indexed("W", "q")
    ('h₁⁽²⁾', 'cₜ₋₁', 'W[q]')
    """
    low, high = str(below), str(above)
    small, raised = low.translate(_SUBSCRIPTS), high.translate(_SUPERSCRIPTS)
    if any(letter in low for letter in small):
        small = f"[{low}]"
    if any(letter in high for letter in raised):
        raised = f"^({high})"
    return f"{symbol}{small}{raised}"
