"""Guards: what a driver puts around a cell where rows end early, drawn at the border of the cell's own circuit.

Every state leaves through a hold, which takes the new value or, past a row's end, the old one; that one passes the
cell above or below. The input and the output are masked. The mask comes from below and runs up at the right.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from viz.curves import Curve, rounded, straight
from viz.layout.circuits import Circuit, Slot, Wire
from viz.layout.lstm_variants import moved
from viz.layout.templates import BEYOND
from viz.scene import BoxKind, Point, Shape

MASK, INPUT, OUTPUT = "live", "x_live", "output"

_LEFT = 88.0  # for the old states, where a cell has no place for them
_UP = 38.0  # for an old state that passes above
_STRIP = 44.0  # from the cell to its holds
_HOLD = (100.0, 36.0)
_STATE = (60.0, 32.0)
_LOOKS: dict[str, tuple[Shape, BoxKind]] = {"c": ("rect", "c"), "h": ("pill", "h")}


def held(lane: str) -> str:
    """What the part is called that holds a state."""
    return f"{lane}_held"


def guarded(base: Circuit, present: Collection[str], spacious: bool = False) -> Circuit:
    """Return a circuit with guards around it.

    Args:
        present: which there are: holds by the name of their part, and what masks the input and the output.
        spacious: whether the cell stands alone, with room for the gradient of the input and of what leaves it.
    """
    inside = moved(base, 0.0 if any(f"{lane}_prev" in base.slots for lane in base.lanes) else _LEFT, _UP)
    return _Guards(inside, present, spacious).circuit()


class _Guards:
    """The circuit in the making.

    Attributes:
        bus: the x where the mask runs up; `out` where the output does.
        low: the y of what passes below.
    """

    def __init__(self, base: Circuit, present: Collection[str], spacious: bool) -> None:
        self.base, self.present, self.spacious = base, present, spacious
        self.slots, self.wires, self.spots = dict(base.slots), dict(base.wires), dict(base.spots)
        product = base.slots["product"]
        self.strip = base.width + _STRIP + _HOLD[0] / 2
        self.bus = self.strip + _HOLD[0] / 2 + 16
        self.out = self.bus + 18
        self.width = self.bus + 56
        masked = product.bottom + (58 if INPUT in present else 0)
        pair = base.spots.get("pair")
        right = pair[0] + 150 if spacious and pair is not None else 0.0
        self.input = Slot(max(product.right - 60, right), masked - 16, 100, 34, "round", "op")
        self.mask = Slot(self.bus - 16, masked + (62 if spacious else 26), 122, 36, "round", "op")
        self.low = max(self.mask.bottom + 16, base.height)
        self.height = self.low + 30

    def circuit(self) -> Circuit:
        """Add everything."""
        for lane, y in self.base.lanes.items():
            self._hold(lane, y)
        if OUTPUT in self.present:
            self._output()
        if INPUT in self.present:
            self._input()
        else:
            product = self.slots["product"]
            x = product.right - 24
            self.wires["v", "product"] = _wire((x, self.height), (x, product.bottom))
            self.spots[INPUT] = self._beside(x - 8, x + 16, product.bottom + 46)
        self.slots[MASK] = self.mask
        self.wires[MASK, "^"] = _wire((self.bus, self.mask.top), (self.bus, 0))
        return replace(
            self.base, width=self.width, height=self.height, slots=self.slots, wires=self.wires, spots=self.spots
        )

    def _hold(self, lane: str, y: float) -> None:
        name, before = held(lane), f"{lane}_prev"
        hold = self.slots[name] = Slot(self.strip, y, *_HOLD, "round", "gate")
        self._branch(lane, y)
        for source in (lane, f"{lane}_out"):
            self.wires[source, name] = Wire(
                _led(self.wires.pop((source, f"{lane}>")).curve, (hold.left, y)), (hold.left - 22, y + 17)
            )
        number = (self.width + BEYOND, y + 17) if self.spacious else None
        self.wires[name, f"{lane}>"] = _wire((hold.right, y), (self.width, y), label=number)
        old = self.slots[before]
        if 2 * y < self.base.height:
            passing = y - _UP - 8
            corners = [(old.x, old.top), (old.x, passing), (hold.x, passing), (hold.x, hold.top)]
        else:
            passing, x = self.low, hold.left + 12
            corners = [(old.x, old.bottom), (old.x, passing), (x, passing), (x, hold.bottom)]
        self.wires[before, name] = _wire(*corners, label=(old.x + 140, passing + 17))
        self._masked(name, hold)

    def _branch(self, lane: str, y: float) -> None:
        """A place for the old state, where the cell has none."""
        before = f"{lane}_prev"
        if before in self.slots:
            return
        old = self.slots[before] = Slot(40, y, *_STATE, *_LOOKS.get(lane, ("pill", "state")))
        for source, target in [wire for wire in self.wires if wire[0] == f"<{lane}"]:
            end = self.wires.pop((source, target)).curve[-1]
            self.wires[before, target] = _wire((old.right, y), end, label=((old.right + end[0]) / 2, y + 17))
        self.wires[f"<{lane}", before] = _wire((0, y), (old.left, y))

    def _output(self) -> None:
        lane = "h"
        tap, level = self.slots[f"{lane}_out"], self.base.lanes[lane]
        y = tap.y if abs(tap.y - level) > _HOLD[1] + 20 else tap.y + 100
        box = self.slots[OUTPUT] = Slot(self.strip, y, *_HOLD, "round", "op")
        start = (tap.right, y) if y == tap.y else (tap.x, tap.bottom)
        self.wires[f"{lane}_out", OUTPUT] = _wire(start, (start[0], y), (box.left, y), label=(box.left - 22, y + 17))
        self.wires[lane, OUTPUT] = _wire((self.slots[lane].right, tap.y), (tap.x, tap.y), (tap.x, y), (box.left, y))
        self.wires[OUTPUT, "^"] = _wire((box.right, y), (self.out, y), (self.out, 0))
        foot = (box.right - 14, box.bottom + 16)
        self.wires[MASK, OUTPUT] = _wire(
            (self.bus, self.mask.top), (self.bus, foot[1]), foot, (foot[0], box.bottom)
        )  # from below: on either side of the line that leaves, its gradient may run

    def _input(self) -> None:
        box, product = self.input, self.slots["product"]
        x = min(box.x, product.right - 12)
        self.slots[INPUT] = box
        self.wires[INPUT, "product"] = _wire(
            (x, box.top), (x, product.bottom), label=(x + 32, (box.top + product.bottom) / 2)
        )
        self.spots[INPUT] = self._beside(box.left, box.right, box.y + 6)
        foot = (box.right - 16, self.mask.y)
        self.wires[MASK, INPUT] = _wire((self.mask.left, self.mask.y), foot, (foot[0], box.bottom))

    def _beside(self, left: float, right: float, y: float) -> Point:
        """Where the gradient of the input stands: at the left, where there is room for it."""
        pair = self.base.spots.get("pair", (0.0, 0.0))[0] + 92
        return (left - 72, y) if left - 144 > pair else (right + 72, y)

    def _masked(self, name: str, box: Slot) -> None:
        """The mask's way to what it guards."""
        y = box.y - 11
        self.wires[MASK, name] = _wire((self.bus, self.mask.top), (self.bus, y), (box.right, y))
        self.wires["v", name] = _wire((self.bus, self.height), (self.bus, y), (box.right, y))


def _wire(*corners: Point, label: Point | None = None) -> Wire:
    kept = [corner for k, corner in enumerate(corners) if not k or corner != corners[k - 1]]
    return Wire(rounded(kept, 7), label)


def _led(curve: Curve, end: Point) -> Curve:
    """A curve whose last straight piece ends elsewhere."""
    return (*curve[:-3], *straight(curve[-4], end)[1:])
