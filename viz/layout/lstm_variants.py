"""Templates of LSTMs with peepholes or coupled gates: the LSTM as everybody draws it, with room for what they add."""

from __future__ import annotations

from dataclasses import replace

from viz.curves import rounded
from viz.layout.circuits import Circuit, Slot, Wire
from viz.layout.templates import TAP, TEMPLATES, Size, Template, lstm
from viz.scene import Point

_ROOM = 44.0  # to the left of the forget gate, for its peephole
_PEEP = (58.0, 26.0)
_NUMBER = 40.0  # what the number of a gradient needs


def variant(w: float = 0, t: float = 0) -> Circuit:
    """An LSTM with a place for a peephole of every gate, and a wire from i to f; sizes as for `lstm`."""
    base = moved(lstm(w, t), _ROOM)
    slots = dict(base.slots)
    f, i, o, act = (slots[name] for name in ("f", "i", "o", "c_act"))
    c, row = base.lanes["c"], slots["written"].y
    wide, high = _PEEP
    low = row + 0.4 * t  # leaves room for what is written beside c
    slots |= {
        "c_prev": Slot(24, c, TAP, TAP, "circle", "c"),
        "c_out": Slot(o.x, c, TAP, TAP, "circle", "c"),
        "f_c": Slot(f.x - 14 - wide / 2, row, wide, high, "round", "op"),
        "i_c": Slot(i.x - 14 - wide / 2, row, wide, high, "round", "op"),
        "o_c": Slot(o.x, low, wide, high, "round", "op"),
    }
    above, kept, add = (c + 11 + row - high / 2) / 2, slots["kept"], slots["c"]
    tap, out, right = 24 + TAP / 2, o.x + TAP / 2, base.width
    beside = (f.x + 32, above + 15) if row - high / 2 - above > 22 else None
    between = ((i.left + f.right) / 2, i.y + 17) if i.left - f.right > _NUMBER else None
    wires = {
        **base.wires,
        ("<c", "c_prev"): _wire((0, c), (24 - TAP / 2, c)),
        ("c_prev", "kept"): _wire((tap, c), (kept.left, c)),
        ("c_prev", "f_c"): _wire((24, c + 10), (24, row), (slots["f_c"].left, row)),
        ("c_prev", "i_c"): _wire((24, c + 10), (24, above), (slots["i_c"].x, above), (slots["i_c"].x, row - high / 2)),
        ("f_c", "f"): _wire((f.x - 22, row + high / 2), (f.x - 22, f.top)),
        ("i_c", "i"): _wire((i.x - 22, row + high / 2), (i.x - 22, i.top)),
        ("o_c", "o"): _wire((o.x, low + high / 2), (o.x, o.top)),
        ("c", "c_out"): _wire((add.right, c), (o.x - TAP / 2, c)),
        ("c_out", "o_c"): _wire((o.x, c + 10), (o.x, low - high / 2)),
        ("c_out", "c>"): _wire((out, c), (right, c)),
        ("c_out", "c_act"): _wire((out, c), (act.x, c), (act.x, act.top), label=(act.x - 32, c + 22)),
        ("f", "kept"): _wire((f.x, f.top), (f.x, kept.bottom), label=beside),
        ("written", "c"): _wire((add.x, row - 11), (add.x, c + 11), label=(add.x - 32, (c + row) / 2)),
        ("i", "f"): _wire((i.left, i.y), (f.right, f.y), label=between),
    }
    spots = {**base.spots, "c": ((slots["cproj"].x + o.x) / 2, c + 42)}
    return replace(base, slots=slots, wires=wires, spots=spots)


def moved(circuit: Circuit, dx: float) -> Circuit:
    """Return a circuit with all that stands in it moved to the right; what comes from the left begins at the border."""
    wires = {}
    for (source, target), wire in circuit.wires.items():
        curve = tuple((x + dx, y) for x, y in wire.curve)
        if source.startswith("<"):
            curve = _straight((0.0, curve[0][1]), curve[-1])
        label = None if wire.label is None else (wire.label[0] + dx, wire.label[1])
        wires[source, target] = replace(wire, curve=curve, label=label)
    return replace(
        circuit,
        width=circuit.width + dx,
        slots={name: replace(slot, x=slot.x + dx) for name, slot in circuit.slots.items()},
        wires=wires,
        spots={name: (x + dx, y) for name, (x, y) in circuit.spots.items()},
    )


def _straight(*corners: Point) -> tuple[Point, ...]:
    return rounded(corners, 7)


def _wire(*corners: Point, label: Point | None = None) -> Wire:
    return Wire(_straight(*corners), label)


_COUPLED = {
    "product": ("i_pre",), "i": ("i",), "f": ("f",), "cproj": ("cproj",), "o": ("o",), "kept": ("kept",),
    "written": ("written",), "c": ("c",), "c_act": ("c_act",), "h": ("h",),
}  # fmt: skip
_PEEPHOLES = {"i_c": ("i_c",), "o_c": ("o_c",)}
_SIZES: dict[Size, Circuit] = {"small": variant(8, 4), "medium": variant(40, 8), "large": variant(68, 36)}

VARIANTS = (
    Template({**_COUPLED, "product": ("f_pre",), "f_c": ("f_c",), **_PEEPHOLES}, _SIZES),
    Template({**_COUPLED, **_PEEPHOLES}, _SIZES),
    *TEMPLATES[:1],
    Template(_COUPLED, _SIZES),
    *TEMPLATES[1:],
)
