"""Templates: the insides of the cells that everybody draws, placed by hand the way papers draw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from viz.curves import rounded
from viz.layout.circuits import Circuit, Slot, Wire
from viz.scene import BoxKind, Point


TAP = 20.0  # the size of the point where a state branches


@dataclass(frozen=True)
class Template:
    """How a cell is drawn whose parts carry these names.

    Attributes:
        anchors: by part, the names that its value may have in the graph.
        circuit: where everything stands.
    """

    anchors: Mapping[str, tuple[str, ...]]
    circuit: Circuit


def _ball(x: float, y: float) -> Slot:
    return Slot(x, y, 22, 22, "circle", "op")


def _gate(x: float, y: float, width: float = 62, height: float = 36) -> Slot:
    return Slot(x, y, width, height, "round", "gate")


def _op(left: float, right: float, y: float, height: float = 40) -> Slot:
    return Slot((left + right) / 2, y, right - left, height, "round", "op")


def _tap(x: float, y: float, kind: BoxKind) -> Slot:
    return Slot(x, y, TAP, TAP, "circle", kind)


def _wire(*corners: Point, label: Point | None = None, side: int = -1) -> Wire:
    """A wire along some corners; without a label of its own its number stands beside its middle, if it has one."""
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


LSTM = Template(
    anchors={
        "product": ("f_pre",), "f": ("f",), "i": ("i",), "cproj": ("cproj",), "o": ("o",), "kept": ("kept",),
        "written": ("written",), "c": ("c",), "c_act": ("c_act",), "h": ("h",),
    },
    circuit=Circuit(
        452, 250,
        slots={
            "product": _op(34, 340, 210, 42), "f": _gate(66, 138), "i": _gate(142, 138), "cproj": _gate(226, 138, 78),
            "o": _gate(308, 138), "kept": _ball(66, 42), "written": _ball(226, 88), "c": _ball(226, 42),
            "c_out": _tap(388, 42, "c"), "c_act": Slot(388, 93, 56, 32, "round", "op"), "h": _ball(388, 138),
            "h_out": _tap(428, 138, "h"),
        },
        lanes={"c": 42, "h": 210},
        wires={
            ("<c", "kept"): _right(0, 55, 42, numbered=False),
            ("kept", "c"): _right(77, 215, 42),
            ("c", "c_out"): _right(237, 378, 42),
            ("c", "c>"): _right(237, 452, 42),
            ("c_out", "c>"): _right(398, 452, 42, numbered=False),
            ("c_out", "c_act"): _down(388, 52, 77),
            ("c", "c_act"): _wire((237, 42), (388, 42), (388, 77), label=(356, 64)),
            ("c_act", "h"): _down(388, 109, 127),
            ("f", "kept"): _up(66, 120, 53, 0.35),
            ("i", "written"): _wire((142, 120), (142, 88), (215, 88), label=(180, 105)),
            ("cproj", "written"): _up(226, 120, 99),
            ("written", "c"): _up(226, 77, 53),
            ("o", "h"): _right(339, 377, 138),
            ("product", "f"): _up(66, 189, 156),
            ("product", "i"): _up(142, 189, 156),
            ("product", "cproj"): _up(226, 189, 156),
            ("product", "o"): _up(308, 189, 156),
            ("<h", "product"): _right(0, 34, 210, numbered=False),
            ("h", "h_out"): _right(399, 418, 138, numbered=False),
            ("h_out", "^"): _wire((428, 128), (428, 0)),
            ("h_out", "h>"): _wire((428, 148), (428, 210), (452, 210)),
            ("h", "h>"): _wire((399, 138), (428, 138), (428, 210), (452, 210)),
            ("h", "^"): _wire((399, 138), (428, 138), (428, 0)),
        },
        framed=True,
    ),
)

GRU = Template(
    anchors={
        "product": ("r_x",), "r": ("r",), "u": ("u",), "reset": ("q_reset", "h_reset"), "n": ("n",), "kept": ("kept",),
        "written": ("written",), "h": ("h",),
    },
    circuit=Circuit(
        524, 284,
        slots={
            "h_prev": Slot(44, 46, 64, 22, "pill", "h"), "product": _op(66, 440, 244, 42), "r": _gate(112, 178, 92, 48),
            "u": _gate(236, 178, 92, 48), "n": _gate(390, 178, 96, 48), "reset": _op(62, 162, 114), "kept": _ball(236, 46),
            "written": _ball(390, 114), "h": _ball(442, 46), "h_out": _tap(496, 46, "h"),
        },
        lanes={"h": 46},
        wires={
            ("<h", "h_prev"): _right(0, 12, 46, numbered=False),
            ("h_prev", "kept"): _right(76, 225, 46),
            ("h_prev", "reset"): _wire((46, 57), (46, 114), (62, 114), label=(84, 88), side=1),
            ("h_prev", "r"): _wire((28, 55), (28, 178), (66, 178), label=(44, 195)),
            ("h_prev", "u"): _wire((66, 56), (66, 80), (176, 80), (176, 178), (190, 178), label=(206, 102), side=1),
            ("kept", "h"): _right(247, 431, 46),
            ("h", "h_out"): _right(453, 486, 46, numbered=False),
            ("h_out", "h>"): _right(506, 524, 46, numbered=False),
            ("h_out", "^"): _wire((496, 36), (496, 0)),
            ("h", "h>"): _right(453, 524, 46, numbered=False),
            ("h", "^"): _wire((453, 46), (496, 46), (496, 0)),
            ("r", "reset"): _wire((130, 154), (130, 134), label=(101, 144), side=1),
            ("u", "kept"): _up(236, 154, 57, 0.8),
            ("u", "written"): _wire((282, 178), (300, 178), (300, 114), (379, 114), label=(340, 97), side=1),
            ("n", "written"): _up(390, 154, 125),
            ("written", "h"): _wire((401, 114), (442, 114), (442, 57), label=(472, 88)),
            ("reset", "n"): _wire((162, 124), (324, 124), (324, 178), (342, 178), label=(206, 141)),
            ("product", "r"): _up(112, 223, 202),
            ("product", "u"): _up(236, 223, 202),
            ("product", "n"): _up(390, 223, 202),
        },
        framed=True,
    ),
)

RNN = Template(
    anchors={"product": ("h_pre", "pre"), "h": ("h",)},
    circuit=Circuit(
        284, 172,
        slots={"product": _op(34, 204, 134, 42), "h": _gate(119, 62, 72), "h_out": _tap(244, 62, "h")},
        lanes={"h": 134},
        wires={
            ("<h", "product"): _right(0, 34, 134, numbered=False),
            ("product", "h"): _up(119, 113, 80),
            ("h", "h_out"): _right(155, 234, 62),
            ("h_out", "^"): _wire((244, 52), (244, 0)),
            ("h_out", "h>"): _wire((244, 72), (244, 134), (284, 134)),
            ("h", "h>"): _wire((155, 62), (244, 62), (244, 134), (284, 134), label=(190, 79)),
            ("h", "^"): _wire((155, 62), (244, 62), (244, 0), label=(190, 79)),
        },
        framed=True,
    ),
)

TEMPLATES = (LSTM, GRU, RNN)
