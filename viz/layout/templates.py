"""Templates: the insides of the cells that everybody draws, placed by hand the way papers draw them.

Each comes in three sizes: small for a lattice, medium for a picture of one cell, large with room for named gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from viz.curves import rounded
from viz.layout.circuits import Circuit, Slot, Wire
from viz.scene import BoxKind, Point

Size: TypeAlias = Literal["small", "medium", "large"]

BEYOND = 22.0  # behind the border of a cell alone: there stands the number of what leaves it
TAP = 20.0  # the size of the point where a state branches


@dataclass(frozen=True)
class Template:
    """How a cell is drawn whose parts carry these names.

    Attributes:
        anchors: by part, the names that its value may have in the graph.
        sizes: where everything stands.
    """

    anchors: Mapping[str, tuple[str, ...]]
    sizes: Mapping[Size, Circuit]


def _ball(x: float, y: float) -> Slot:
    return Slot(x, y, 22, 22, "circle", "op")


def _gate(x: float, y: float, width: float = 62, height: float = 36) -> Slot:
    return Slot(x, y, width, height, "round", "gate")


def _op(left: float, right: float, y: float, height: float = 40) -> Slot:
    return Slot((left + right) / 2, y, right - left, height, "round", "op")


def _tap(x: float, y: float, kind: BoxKind) -> Slot:
    return Slot(x, y, TAP, TAP, "circle", kind)


def _wire(*corners: Point, label: Point | None = None, side: int = -1) -> Wire:
    return Wire(rounded(corners, 7), label, side)


def _up(x: float, start: float, end: float, at: float = 0.5) -> Wire:
    """Straight up, its gradient and number on the right."""
    return _wire((x, start), (x, end), label=(x + 32, start + (end - start) * at))


def _down(x: float, start: float, end: float) -> Wire:
    """Straight down, its gradient and number on the left."""
    return _wire((x, start), (x, end), label=(x - 32, (start + end) / 2))


def _right(start: float, end: float, y: float, *, numbered: bool = True) -> Wire:
    """Straight to the right, its gradient and number below."""
    return _wire((start, y), (end, y), label=((start + end) / 2, y + 17) if numbered else None)


def lstm(w: float = 0, t: float = 0) -> Circuit:
    """An LSTM, `w` wider from gate to gate and `t` taller from row to row."""
    f, i, cproj, o, act, tap = 66.0, 142 + w, 226 + 2 * w, 308 + 3 * w, 396 + 3.6 * w, 436 + 4.4 * w
    c, written, gate, product = 42.0, 88 + t, 138 + 2 * t, 210 + 3 * t
    right = tap + 24
    mid = (c + gate) / 2 + 2
    return Circuit(
        right, product + 40 + 1.6 * t,
        slots={
            "product": _op(34, o + 32, product, 42), "f": _gate(f, gate), "i": _gate(i, gate),
            "cproj": _gate(cproj, gate, 78), "o": _gate(o, gate), "kept": _ball(f, c), "written": _ball(cproj, written),
            "c": _ball(cproj, c), "c_out": _tap(act, c, "c"), "c_act": Slot(act, mid, 56, 32, "round", "op"),
            "h": _ball(act, gate), "h_out": _tap(tap, gate, "h"),
        },
        lanes={"c": c, "h": product},
        wires={
            ("<c", "kept"): _right(0, f - 11, c, numbered=False),
            ("kept", "c"): _right(f + 11, cproj - 11, c),
            ("c", "c_out"): _right(cproj + 11, act - 10, c),
            ("c", "c>"): _right(cproj + 11, right, c),
            ("c_out", "c>"): _wire((act + 10, c), (right, c), label=(act + 29, c + 17) if w > 20 else None),
            ("c_out", "c_act"): _down(act, c + 10, mid - 16),
            ("c", "c_act"): _wire((cproj + 11, c), (act, c), (act, mid - 16), label=(act - 32, c + 22)),
            ("c_act", "h"): _down(act, mid + 16, gate - 11),
            ("f", "kept"): _up(f, gate - 18, c + 11, 0.35),
            ("i", "written"): _wire(
                (i, gate - 18), (i, written), (cproj - 11, written), label=((i + cproj) / 2 - 4, written + 17)
            ),
            ("cproj", "written"): _up(cproj, gate - 18, written + 11),
            ("written", "c"): _up(cproj, written - 11, c + 11),
            ("o", "h"): _right(o + 31, act - 11, gate),
            ("product", "f"): _up(f, product - 21, gate + 18),
            ("product", "i"): _up(i, product - 21, gate + 18),
            ("product", "cproj"): _up(cproj, product - 21, gate + 18),
            ("product", "o"): _up(o, product - 21, gate + 18),
            ("<h", "product"): _right(0, 34, product, numbered=False),
            ("h", "h_out"): _right(act + 11, tap - 10, gate, numbered=False),
            ("h_out", "^"): _wire((tap, gate - 10), (tap, 0)),
            ("h_out", "h>"): _wire((tap, gate + 10), (tap, product), (right, product), label=(tap - 31, gate + 36)),
            ("h", "h>"): _wire((act + 11, gate), (tap, gate), (tap, product), (right, product)),
            ("h", "^"): _wire((act + 11, gate), (tap, gate), (tap, 0)),
        },
        spots={
            "f_pre": (f + 74, (gate + product) / 2), "i_pre": (i + 74, (gate + product) / 2),
            "cproj_pre": (cproj + 74, (gate + product) / 2), "o_pre": (o + 74, (gate + product) / 2),
            "c": ((cproj + act) / 2, c + 42), "h": (act + 18, product + 20), "pair": (110, product + 54),
        },
        framed=True,
    )  # fmt: skip


def gru(w: float = 0, t: float = 0, room: float = 0) -> Circuit:
    """A gated recurrent unit; its reset may stand behind the product or before it. `room` for the gradient of h."""
    r, u, n, h, tap = 142.0, 266 + w, 420 + 2 * w, 472 + 3 * w, 526 + 3 * w + room
    lane, written, reset, gate, product = 46.0, 106.0, 122.0, 178.0, 244 + t
    down, up, right = 26.0, 76.0, tap + 28
    return Circuit(
        right, product + 40 + t,
        slots={
            "h_prev": Slot(44, lane, 72, 32, "pill", "h"), "product": _op(60, n + 50, product, 42),
            "r": _gate(r, gate, 92, 48), "u": _gate(u, gate, 92, 48), "n": _gate(n, gate, 96, 48),
            "reset": _ball(r, reset), "kept": _ball(u, lane), "written": _ball(n, written), "h": _ball(h, lane),
            "h_out": _tap(tap, lane, "h"),
        },
        lanes={"h": lane},
        wires={
            ("<h", "h_prev"): _right(0, 8, lane, numbered=False),
            ("h_prev", "kept"): _right(80, u - 11, lane),
            ("h_prev", "product"): _wire(
                (down, lane + 16), (down, product), (60, product), label=(down + 25, gate + 4)
            ),
            ("h_prev", "reset"): _wire((56, lane + 16), (56, reset), (r - 11, reset), label=(98, reset - 19), side=1),
            ("product", "reset"): _wire(
                (up, product - 21), (up, reset), (r - 11, reset), label=(up + 32, reset - 17), side=1
            ),
            ("kept", "h"): _right(u + 11, h - 11, lane),
            ("h", "h_out"): _right(h + 11, tap - 10, lane, numbered=False),
            ("h_out", "h>"): _right(tap + 10, right, lane, numbered=False),
            ("h_out", "^"): _wire((tap, lane - 10), (tap, 0)),
            ("h", "h>"): _right(h + 11, right, lane, numbered=False),
            ("h", "^"): _wire((h + 11, lane), (tap, lane), (tap, 0)),
            ("r", "reset"): _up(r, gate - 24, reset + 11, 0.35),
            ("u", "kept"): _up(u, gate - 24, lane + 11, 0.8),
            ("u", "written"): _wire(
                (u + 46, gate), (u + 64, gate), (u + 64, written), (n - 11, written), label=(u + 104, written - 17),
                side=1,
            ),
            ("n", "written"): _up(n, gate - 24, written + 11),
            ("written", "h"): _wire((n + 11, written), (h, written), (h, lane + 11), label=(h + 32, written - 22)),
            ("reset", "n"): _wire(
                (r + 11, reset), (u + 88, reset), (u + 88, gate), (n - 48, gate), label=(u - 34, reset + 17)
            ),
            ("product", "r"): _up(r, product - 21, gate + 24),
            ("product", "u"): _up(u, product - 21, gate + 24),
            ("product", "n"): _up(n, product - 21, gate + 24),
        },
        spots={
            "r_pre": (r + 76, (gate + product) / 2 + 2), "u_pre": (u + 76, (gate + product) / 2 + 2),
            "n_pre": (n + 76, (gate + product) / 2 + 2), "h": (h + 118, lane + 54), "pair": (140, product + 52),
        },
        framed=True,
    )  # fmt: skip


def rnn(w: float = 0, t: float = 0) -> Circuit:
    """A plain recurrent cell."""
    tap, h, product = 244 + w, 62.0, 134 + t
    right = tap + 40
    return Circuit(
        right, product + 38 + 0.9 * t,
        slots={"product": _op(34, 204 + w / 2, product, 42), "h": _gate(119, h, 72), "h_out": _tap(tap, h, "h")},
        lanes={"h": product},
        wires={
            ("<h", "product"): _right(0, 34, product, numbered=False),
            ("product", "h"): _up(119, product - 21, h + 18),
            ("h", "h_out"): _right(155, tap - 10, h),
            ("h_out", "^"): _wire((tap, h - 10), (tap, 0)),
            ("h_out", "h>"): _wire((tap, h + 10), (tap, product), (right, product)),
            ("h", "h>"): _wire((155, h), (tap, h), (tap, product), (right, product), label=(190, h + 17)),
            ("h", "^"): _wire((155, h), (tap, h), (tap, 0), label=(190, h + 17)),
        },
        spots={"h_pre": (197, (h + product) / 2 + 14), "h": (tap - 76, h + 44), "pair": (110, product +
        54)}, framed=True,
    )  # fmt: skip


_GRU = {
    "product": (), "r": ("r",), "u": ("u",), "reset": ("q_reset", "h_reset"), "n": ("n",), "kept": ("kept",),
    "written": ("written",), "h": ("h",),
}
_GRU_SIZES: dict[Size, Circuit] = {"small": gru(), "medium": gru(30, 10), "large": gru(44, 48, 132)}

TEMPLATES = (
    Template(
        {
            "product": ("f_pre",), "f": ("f",), "i": ("i",), "cproj": ("cproj",), "o": ("o",), "kept": ("kept",),
            "written": ("written",), "c": ("c",), "c_act": ("c_act",), "h": ("h",),
        },
        {"small": lstm(), "medium": lstm(40, 8), "large": lstm(68, 36)},
    ),
    Template({**_GRU, "product": ("r_x", "r_h")}, _GRU_SIZES),
    Template({**_GRU, "product": ("ru_pre", "r_pre", "Wx_n", "Wx_b_n")}, _GRU_SIZES),
    Template(
        {"product": ("h_pre", "pre"), "h": ("h",)},
        {"small": rnn(), "medium": rnn(20, 8), "large": rnn(156, 62)},
    ),
)  # fmt: skip
