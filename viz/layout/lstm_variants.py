"""Templates of LSTMs with peepholes or coupled gates: the LSTM as everybody draws it, with room for what they add."""

from __future__ import annotations

from dataclasses import replace

from viz.curves import rounded
from viz.layout.circuits import Circuit, Slot, Wire
from viz.layout.templates import BEYOND, TEMPLATES, Size, Template, lstm
from viz.scene import Point

_ROOM = 88.0  # to the left of the forget gate, for its peephole and for what it looks at
_PEEP = (58.0, 26.0)
_C = (60.0, 32.0)  # of c where it branches
_NUMBER = 40.0  # what the number of a gradient needs


def variant(w: float = 0, t: float = 0) -> Circuit:
    """An LSTM with a place for a peephole of every gate, and a wire from i to f; sizes as for `lstm`."""
    base = moved(lstm(w, t), _ROOM)
    slots = dict(base.slots)
    f, i, o, act = (slots[name] for name in ("f", "i", "o", "c_act"))
    c, row = base.lanes["c"], slots["written"].y
    wide, high = _PEEP
    slots |= {
        "c_prev": Slot(40, c, *_C, "rect", "c"),
        "c_out": Slot(act.x, c, *_C, "rect", "c"),
        "f_c": Slot(f.x - 14 - wide / 2, row, wide, high, "round", "op"),
        "i_c": Slot(i.x - 14 - wide / 2, row, wide, high, "round", "op"),
        "o_c": Slot(o.x, row + 0.4 * t, wide, high, "round", "op"),
    }
    kept, add, before, after, f_c, i_c, o_c = (
        slots[name] for name in ("kept", "c", "c_prev", "c_out", "f_c", "i_c", "o_c")
    )
    above = (before.bottom + f_c.top) / 2
    upper, lower = (f_c.bottom + share * (f.top - f_c.bottom) for share in (0.28, 0.72))
    down, over = before.x - 14, before.x + 12
    left, straight = after.x - 22, after.x - 2
    between = ((i.left + f.right) / 2, i.y + (17 if i.left - f.right > _NUMBER else 27))
    beyond = (base.width + BEYOND, c + 17) if t > 20 else None
    wires = {
        **base.wires,
        ("<c", "c_prev"): _wire((0, c), (before.left, c)),
        ("c_prev", "kept"): _wire((before.right, c), (kept.left, c), label=((before.right + kept.left) / 2, c + 17)),
        ("c_prev", "f_c"): _wire((down, before.bottom), (down, row), (f_c.left, row), label=(down + 27, row + 17)),
        ("c_prev", "i_c"): _wire(
            (over, before.bottom), (over, above), (i_c.x, above), (i_c.x, i_c.top), label=(f.x + 35, above - 8)
        ),
        ("f_c", "f"): _wire((f.x - 22, f_c.bottom), (f.x - 22, f.top), label=(f.x - 53, upper)),
        ("i_c", "i"): _wire((i.x - 22, i_c.bottom), (i.x - 22, i.top), label=(i.x - 53, lower)),
        ("o_c", "o"): _wire((o.x, o_c.bottom), (o.x, o.top), label=(o.x - 32, (o_c.bottom + o.top) / 2)),
        ("c", "c_out"): _wire((add.right, c), (after.left, c), label=((add.right + after.left) / 2, c + 17)),
        ("c_out", "o_c"): _wire(
            (left, after.bottom), (left, above), (o.x, above), (o.x, o_c.top),
            label=((o_c.right + act.left) / 2, above + 17), side=1,
        ),
        ("c_out", "c>"): _wire((after.right, c), (base.width, c), label=beyond),
        ("c_out", "c_act"): _wire(
            (straight, after.bottom), (straight, act.top), label=(straight + 32, (after.bottom + act.top) / 2), side=1
        ),
        ("f", "kept"): _wire((f.x, f.top), (f.x, kept.bottom), label=(f.x + 33, upper)),
        ("written", "c"): _wire((add.x, row - 11), (add.x, c + 11), label=(add.x - 32, (c + row) / 2)),
        ("i", "f"): _wire((i.left, i.y), (f.right, f.y), label=between),
    }
    spots = {**base.spots, "c": ((slots["cproj"].x + o.x) / 2 + 4, c + 42)}
    return replace(base, slots=slots, wires=wires, spots=spots)


def moved(circuit: Circuit, dx: float, dy: float = 0) -> Circuit:
    """Return a circuit with all that stands in it moved, but for what comes from the left or leaves upwards."""
    wires = {}
    for (source, target), wire in circuit.wires.items():
        curve = tuple((x + dx, y + dy) for x, y in wire.curve)
        if source.startswith("<"):
            curve = _straight((0.0, curve[0][1]), curve[-1])
        if target == "^":
            curve = (*curve[:-3], *_straight(curve[-4], (curve[-1][0], 0.0))[1:])
        label = None if wire.label is None else (wire.label[0] + dx, wire.label[1] + dy)
        wires[source, target] = replace(wire, curve=curve, label=label)
    return replace(
        circuit,
        width=circuit.width + dx,
        height=circuit.height + dy,
        slots={name: replace(slot, x=slot.x + dx, y=slot.y + dy) for name, slot in circuit.slots.items()},
        lanes={name: y + dy for name, y in circuit.lanes.items()},
        wires=wires,
        spots={name: (x + dx, y + dy) for name, (x, y) in circuit.spots.items()},
    )


def _straight(*corners: Point) -> tuple[Point, ...]:
    return rounded(corners, 7)


def _wire(*corners: Point, label: Point | None = None, side: int = -1) -> Wire:
    return Wire(_straight(*corners), label, side)


_COUPLED = {
    "product": ("i_pre",), "i": ("i",), "f": ("f",), "cproj": ("cproj",), "o": ("o",), "kept": ("kept",),
    "written": ("written",), "c": ("c",), "c_act": ("c_act",), "h": ("h",),
}  # fmt: skip
_PEEPHOLES = {"i_c": ("i_c",), "o_c": ("o_c",)}
_SIZES: dict[Size, Circuit] = {"small": variant(14, 10), "medium": variant(40, 8), "large": variant(68, 36)}

VARIANTS = (
    Template({**_COUPLED, "product": ("f_pre",), "f_c": ("f_c",), **_PEEPHOLES}, _SIZES),
    Template({**_COUPLED, **_PEEPHOLES}, _SIZES),
    *TEMPLATES[:1],
    Template(_COUPLED, _SIZES),
    *TEMPLATES[1:],
)
