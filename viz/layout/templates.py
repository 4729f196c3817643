"""Templates: the insides of the cells that everybody draws, placed by hand the way papers draw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from viz.curves import Curve, rounded
from viz.layout.circuits import Circuit, Slot, Wire
from viz.scene import Point


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


def _gate(x: float, y: float, width: float = 58, height: float = 36) -> Slot:
    return Slot(x, y, width, height, "round", "gate")


def _dot(x: float, y: float, state: str) -> Slot:
    return Slot(x, y, 7, 7, "circle", "c" if state == "c" else "h")


def _product(left: float, right: float, y: float) -> Slot:
    return Slot((left + right) / 2, y, right - left, 36, "round", "op")


def _wire(*corners: Point, label: Point | None = None, side: int = -1) -> Wire:
    curve: Curve = rounded(corners, 7)
    return Wire(curve, label, side)


_C, _H = 40.0, 194.0

LSTM = Template(
    anchors={
        "product": ("f_pre",), "f": ("f",), "i": ("i",), "cproj": ("cproj",), "o": ("o",), "kept": ("kept",),
        "written": ("written",), "c": ("c",), "c_act": ("c_act",), "h": ("h",),
    },
    circuit=Circuit(
        388, 232,
        slots={
            "product": _product(38, 296, _H), "f": _gate(70, 132), "i": _gate(136, 132), "cproj": _gate(202, 132),
            "o": _gate(268, 132), "kept": _ball(70, _C), "written": _ball(202, 84), "c": _ball(202, _C),
            "c_out": _dot(336, _C, "c"), "c_act": Slot(336, 84, 44, 26, "round", "op"), "h": _ball(336, 132),
            "h_out": _dot(366, 132, "h"),
        },
        lanes={"c": _C, "h": _H},
        wires={
            ("<c", "kept"): _wire((0, _C), (59, _C), label=(30, _C + 17)),
            ("kept", "c"): _wire((81, _C), (191, _C), label=(136, _C + 17)),
            ("c", "c_out"): _wire((213, _C), (332.5, _C), label=(270, _C + 17)),
            ("c_out", "c>"): _wire((339.5, _C), (388, _C)),
            ("c", "c>"): _wire((213, _C), (388, _C), label=(270, _C + 17)),
            ("c_out", "c_act"): _wire((336, _C + 3.5), (336, 71), label=(322, 60), side=-1),
            ("c", "c_act"): _wire((213, _C), (336, _C), (336, 71)),
            ("c_act", "h"): _wire((336, 97), (336, 121), label=(322, 109), side=-1),
            ("f", "kept"): _wire((70, 114), (70, 51), label=(85, 84)),
            ("i", "written"): _wire((136, 114), (136, 84), (191, 84), label=(166, 101)),
            ("cproj", "written"): _wire((202, 114), (202, 95), label=(217, 104)),
            ("written", "c"): _wire((202, 73), (202, 51), label=(217, 64)),
            ("o", "h"): _wire((297, 132), (325, 132), label=(311, 149)),
            ("product", "f"): _wire((70, 176), (70, 150), label=(84, 163)),
            ("product", "i"): _wire((136, 176), (136, 150), label=(150, 163)),
            ("product", "cproj"): _wire((202, 176), (202, 150), label=(216, 163)),
            ("product", "o"): _wire((268, 176), (268, 150), label=(282, 163)),
            ("<h", "product"): _wire((0, _H), (38, _H), label=(18, _H + 17)),
            ("h", "h_out"): _wire((347, 132), (362.5, 132)),
            ("h_out", "^"): _wire((366, 128.5), (366, 0)),
            ("h_out", "h>"): _wire((366, 135.5), (366, _H), (388, _H)),
            ("h", "h>"): _wire((336, 143), (336, _H), (388, _H)),
            ("h", "^"): _wire((347, 132), (366, 132), (366, 0)),
        },
        framed=True,
    ),
)

TEMPLATES = (LSTM,)
