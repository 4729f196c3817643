"""What cells differ in: the LSTM laid on other cells, as pictures and in words."""

from __future__ import annotations

from collections.abc import Callable

import viz
from demos.pictures import Pictures
from graphengine import Graph

CELL = "LSTMCell"
OTHERS = ("PeepholeLSTMCell", "CoupledLSTMCell", "GRUCell", "RNNCell")
TOLD = 8  # lines of each summary


def differences(build: Callable[[str], Graph], pictures: Pictures) -> str:
    """Draw an LSTM and every other cell on one lattice; return what differs, line by line."""
    told = []
    for name in OTHERS:
        found = viz.diff(build(CELL), build(name), layer=0)
        pictures.view(f"{CELL}_{name}", found)
        _, _, *lines = found.summary.splitlines()
        more = len(lines) - TOLD + 1
        told += ["", *(lines if more < 2 else [*lines[: TOLD - 1], f"… and {more} more lines"])]
    return "\n".join(["What differs between cells, “+” only in the second, “−” only in the first:", *told])
