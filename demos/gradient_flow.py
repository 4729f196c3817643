"""What vanishes where: the gradient on its way back through an RNN, and through LSTMs with forget bias 0, 1 and 5.

Nothing is trained. All networks read the same random input; the loss is the part of the last h that points in one
random direction, so that the gradient on the last h has norm 1 in each of them. What is shown is what is left of it,
step by step, on h and on c, and by which of two ways it came back to c: along c, where each step multiplies it by the
forget gate, or through h, where each step multiplies it by the gates' derivatives and the recurrent weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import viz
from demos import plots
from demos.arguments import at_least, parser
from demos.arrivals import arrivals
from demos.pictures import Pictures
from demos.tables import table
from graphengine import Graph, Plan, Trace, ops
from graphengine.spec import Array
from layers import Cell, LSTMCell, RNNCell, dynamic_rnn

FEATURES = 8
BATCH = 16
FORGET_BIASES = (0, 1, 5)


@dataclass
class Flow:
    """The gradient of one network on its way back.

    Attributes:
        h, c: the norm of the gradient on h and on c at every step; `c` is empty where there is none.
        lane, through_h: the norms of the two parts of the gradient on c, what came along c and what came from h.
        forget: the mean of the forget gate.
    """

    name: str
    trace: Trace
    h: Array
    c: Array
    lane: Array
    through_h: Array
    forget: float

    @property
    def left(self) -> float:
        """How much of the gradient on the last h is left on the first."""
        return float(self.h[0] / self.h[-1])

    @property
    def rate(self) -> float:
        """By how much a step multiplies the gradient on h, on average; the first one, away from the loss, left out."""
        return float((self.h[0] / self.h[-2]) ** (1 / (len(self.h) - 2)))

    @property
    def share(self) -> float:
        """How much of what reaches c from later steps comes along c, on average."""
        lane, through_h = self.lane[:-1], self.through_h[:-1]
        return float(np.mean(lane / (lane + through_h)))


def flow(name: str, cell: Cell, length: int, seed: int) -> Flow:
    """Trace the gradient through one cell."""
    trace = traced(name, cell, length, seed)
    h = norms(trace.grad("rnn/h"))
    if "rnn/c" not in trace.graph:
        empty = np.empty(0)
        return Flow(name, trace, h, empty, empty, empty, float("nan"))
    parts = [arrivals(trace, trace.find("rnn/c"), t) for t in range(length)]
    lane = [part.pop("rnn/c_prev", np.zeros(1)) for part in parts]
    rest = [sum(part.values()) for part in parts]
    forget = float(trace.value("rnn/f").mean())
    return Flow(name, trace, h, norms(trace.grad("rnn/c")), norms(lane), norms(rest), forget)


def traced(name: str, cell: Cell, length: int, seed: int) -> Trace:
    """Return the trace of a cell over the input that all of them get."""
    rng = np.random.default_rng(seed)
    g = Graph(name, dtype="float64", seed=seed)
    x = g.placeholder("x", ("batch", "time", FEATURES))
    _, state = dynamic_rnn(cell, x, over="time")
    direction = rng.standard_normal(state.h.shape[-1])
    direction /= np.linalg.norm(direction) * np.sqrt(BATCH)
    loss = ops.sum(state.h * g.constant(direction, name="direction"), name="loss")
    return Plan(loss).trace({x: rng.standard_normal((BATCH, length, FEATURES))})


def norms(steps: Iterable[Any]) -> Array:
    """Return the norm of every step's gradient."""
    return np.array([np.linalg.norm(step) for step in steps])


def flows_table(flows: Sequence[Flow], rows: int = 8) -> str:
    """Return what is left of the gradient at some distances, and by which way it came to c."""
    length = len(flows[0].h)
    back = sorted({round(distance) for distance in np.linspace(0, length - 1, rows)})
    head = ("network", "gradient", *(f"{distance} back" for distance in back))
    named = (("on h", "h"), ("on c", "c"), ("… along c", "lane"), ("… through h", "through_h"))
    return table(head, (
        (found.name, label, *(f"{getattr(found, part)[length - 1 - distance]:.1e}" for distance in back))
        for found in flows
        for label, part in named
        if len(getattr(found, part))
    ))  # fmt: skip


def explained(flows: Sequence[Flow]) -> str:
    """Say what one sees, from the numbers."""
    steps = len(flows[0].h) - 1
    kept = sorted(flows, key=lambda found: found.left)
    left = ", ".join(f"{found.left:.1e} in the {found.name} (× {found.rate:.2f} a step)" for found in kept)
    gated = [found for found in flows if len(found.c)]
    shares = ", ".join(f"{found.share:.0%} in the {found.name} (× {found.forget:.2f} a step)" for found in gated)
    return (
        f"Of the gradient on h at the last step, this much is left {steps} steps back: {left}.\n"
        f"Of what comes back to c, this much comes along c, where only the forget gate multiplies it: {shares}."
    )


def plot(flows: Sequence[Flow]) -> Figure:
    """Plot the norms against the distance from the loss, one panel per network."""
    with plots.panels([found.name for found in flows], width=3.4) as (figure, axes):
        for panel, found in zip(axes, flows, strict=True):
            panel.sharey(axes[0])
            _plot_flow(panel, found)
            panel.set(xlabel="steps back from the loss", yscale="log")
        axes[0].set_ylabel("norm of the gradient")
    return figure


def _plot_flow(panel: Any, found: Flow) -> None:
    """The norms of one network; the last step has no step after it, so nothing comes along c there."""
    blue, orange = plots.COLOURS["h"], plots.COLOURS["c"]
    lines = (
        ("on h", found.h, {"color": blue}),
        ("on c", found.c, {"color": orange, "linewidth": 5, "alpha": 0.35}),
        ("of it along c", found.lane[:-1], {"color": orange, "linestyle": "--"}),
        ("of it through h", found.through_h, {"color": blue, "linestyle": ":"}),
    )
    for label, values, style in lines:
        if len(values):
            panel.plot(len(found.h) - 1 - np.arange(len(values)), values, label=label, **style)


def main(argv: Sequence[str]) -> None:
    """Trace the networks, print the table, draw the pictures."""
    arguments = parser(__name__)
    arguments.add_argument("--length", type=at_least(3), default=50, help="how many steps the networks read")
    arguments.add_argument("--hidden", type=at_least(1), default=24, help="size of the state")
    arguments.add_argument("--seed", type=at_least(0), default=0, help="of weights and input")
    chosen = arguments.parse_args(argv)
    cells: dict[str, Cell] = {"RNN": RNNCell(chosen.hidden)}
    cells |= {f"LSTM, forget bias {bias}": LSTMCell(chosen.hidden, forget_bias=bias) for bias in FORGET_BIASES}
    flows = [flow(name, cell, chosen.length, chosen.seed) for name, cell in cells.items()]
    print(flows_table(flows), end="\n\n")
    print(explained(flows), end="\n\n")
    pictures = Pictures(chosen.out)
    pictures.plot("norms", plot(flows))
    for found in flows:
        name = found.name.lower().replace(", ", "_").replace(" ", "_")
        pictures.view(f"{name}_gradient", viz.unrolled(found.trace, gradient=True))
    print(pictures.report())
