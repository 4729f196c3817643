"""The article's figures, drawn from graphs: depth, two layers forward and back, what comes out, both directions.

The originals were drawn by hand. These come from running graphs, so the numbers in them are the model's own, every
arrow ends where its value goes, and the gradient beside an arrow is what that arrow carries. Figures 1 and 2 are loops
of their own; the others are the next-word model on its first window, "the mice had".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

import viz
from demos.arguments import parser
from demos.pictures import Pictures
from demos.words import FORMS, batch, windows
from graphengine import Graph, Loop, Plan, Trace, ops
from graphengine.depth import Measure, feedforward, recurrent

STEPS = 3
HIDDEN_STATES = 3


def depth(name: str, fed_from: int) -> Trace:
    """Three hidden states on top of each other in every step; the lowest one also reads one of the step before.

    Args:
        fed_from: which one it reads: the highest makes every step three edges long, the lowest makes it one.
    """
    g = Graph(name, dtype="float64")
    x = g.placeholder("x", ("batch", "time", 1))
    with Loop(over="time") as loop:
        before = loop.delay(g.fill(("batch", 1)), name="h_prev")
        below = loop.slice(x)
        for k in range(HIDDEN_STATES):
            with g.scope(f"h{k}", "layer", k):
                h = ops.tanh(below + before if k == 0 else below, name="h")
                if k == fed_from:
                    loop.feed(before, h)
                if k == HIDDEN_STATES - 1:
                    y = ops.multiply(h, 2.0, name="y")
            below = h
    outputs = loop.stack(y, name="y")
    return Plan(outputs, wrt=[]).trace({x: np.full((1, STEPS, 1), 0.5)})


def measured(shown: Trace, measure: Callable[[Graph], Measure]) -> viz.View:
    """Draw a trace with the cycle or path that makes it as deep as it is."""
    return viz.unrolled(shown, highlight=measure(shown.plan.graph))


def trace(form: str, *, outputs: bool = False) -> Trace:
    """The first window through one form of the model; with `outputs` also what the driver returns of every step."""
    model = FORMS[form]()
    x, y = batch(*next(windows()))
    return Plan(model.loss, also=[model.outputs] if outputs else []).trace({model.x: x, model.y: y})


FIGURES: dict[str, Callable[[], viz.View]] = {
    "01_recurrent_depth": lambda: measured(depth("Figure 1: recurrent depth", HIDDEN_STATES - 1), recurrent),
    "02_feed_forward_depth": lambda: measured(depth("Figure 2: feed-forward depth", 0), feedforward),
    "03_forward": lambda: viz.unrolled(trace("multi"), title="Figure 3: two layers, forward"),
    "04_forward_in_detail": lambda: viz.unrolled(
        trace("multi"), detail="op", title="Figure 4: two layers, forward in detail"
    ),
    "06_outputs": lambda: viz.unrolled(
        trace("multi", outputs=True), highlight="outputs", title="Figure 6: outputs, the top layer's h of every step"
    ),
    "07_states": lambda: viz.unrolled(
        trace("multi"), highlight="states", title="Figure 7: states, c and h of every layer after the last step"
    ),
    "08_backward": lambda: viz.unrolled(trace("multi"), gradient=True, title="Figure 8: two layers, backward"),
    "09_DHX": lambda: viz.cell(trace("multi"), t=2, layer=0, show="both", title="Figure 9: DHX, dxt, Dh_next"),
    "11_forward_cell": lambda: viz.unrolled(
        trace("bi"), highlight=["birnn/fw/c", "birnn/fw/h"], title="Figure 11: both directions, the forward cell"
    ),
    "12_backward_cell": lambda: viz.unrolled(
        trace("bi"), highlight=["birnn/bw/c", "birnn/bw/h"], title="Figure 12: both directions, the backward cell"
    ),
}


def main(argv: Sequence[str]) -> None:
    """Draw the figures."""
    arguments = parser(__name__)
    arguments.add_argument("--figure", choices=[*FIGURES, "all"], default="all", help="which one")
    chosen = arguments.parse_args(argv)
    pictures = Pictures(chosen.out)
    for name in FIGURES if chosen.figure == "all" else [chosen.figure]:
        pictures.view(name, FIGURES[name]())
    print(pictures.report())
