"""What the gallery shows: rooms of pictures, each with a sentence that says what one sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import viz
from demos.figures import FIGURES
from demos.networks import NETWORKS, Network, recurrent
from graphengine import Trace
from layers import CoupledLSTMCell, GRUCell, LSTMCell, PeepholeLSTMCell, discover
from viz.charts.chart import Chart

Picture: TypeAlias = viz.View | Chart


@dataclass(frozen=True)
class Exhibit:
    """A picture, drawn when it is asked for.

    Attributes:
        page: whether a page to explore goes with it.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[], Picture]
    page: bool = False


@dataclass(frozen=True)
class Room:
    """Pictures of one thing; `fill` runs what they are of."""

    name: str
    title: str
    about: str
    fill: Callable[[], Iterator[Exhibit]]


def of_network(network: Network) -> Iterator[Exhibit]:
    """Yield every view of a network."""
    trace = network.build()
    yield Exhibit(
        "values", "Unrolled", "Time runs to the right and layers stand on top of each other; states in lanes between "
        "the cells show their values.", lambda: viz.unrolled(trace, detail="cell", captions=network.words),
    )
    yield Exhibit(
        "gradient", "The gradient", "Dashed arrows run against the flow; width, shade and number say how much gradient "
        "each of them carries.",
        lambda: viz.unrolled(trace, detail="cell", gradient=True, captions=network.words), page=True,
    )
    yield Exhibit(
        "inside", "Op by op", "The same with every cell open: each op, what it computes, and the gradient through it.",
        lambda: viz.unrolled(trace, detail="op", gradient=True, captions=network.words),
    )
    if network.returned:
        yield Exhibit(
            "states", "States", "Highlighted is what the driver returns: every state after its last step.",
            lambda: viz.unrolled(trace, detail="cell", highlight="states", captions=network.words),
        )
    yield Exhibit(
        "folded", "Folded", "The graph as it was written: one cell per layer and direction, and loops through z⁻¹ for "
        "what a step hands to the next.", lambda: viz.folded(trace),
    )
    yield Exhibit(
        "graph", "Free layout", "The same graph without any knowledge of time: ops and scopes in ranks, inputs below.",
        lambda: viz.graph(trace), page=True,
    )
    for k, which in enumerate(network.cells):
        yield from of_cell(trace, f"cell{k or ''}", which)
    yield from of_steps(trace, network)


def of_cell(trace: Trace, name: str, which: dict[str, object]) -> Iterator[Exhibit]:
    """Yield one cell's inside, forward, backward, and both at once."""
    where = ", ".join(str(value) if key != "layer" else f"layer {value}" for key, value in which.items())
    among = f" ({where})" if where else ""
    shows = {
        "forward": f"The last step of a cell{among}: its gates, products and lanes, with their values.",
        "gradient": f"Its gradients{among} under the article's names, with their shapes.",
        "both": f"Both at once{among}: every dashed arrow stands beside the arrow that it answers.",
    }
    for show, caption in shows.items():
        draw = partial(viz.cell, trace, show=show, **which)
        yield Exhibit(f"{name}_{show}", f"One cell, {show}", caption, draw, page=show == "both")


def of_steps(trace: Trace, network: Network) -> Iterator[Exhibit]:
    """Yield what a trace says about all steps at once."""
    yield Exhibit(
        "timeline", "Gradients over time", "How much gradient reaches every state at every step.",
        lambda: viz.timeline(trace),
    )
    if network.losses:
        yield Exhibit(
            "itemized", "The gradient, itemized", "How the loss at step s, from top to bottom, reaches the state at "
            "step t: nothing after it, and less and less before it.",
            lambda: viz.itemized(trace, state=list(network.states), loss=network.losses),
        )
    if network.gates:
        for by, caption in (
            ("step", "Which part of every gate is nearly open or nearly closed, step by step."),
            ("unit", "A circle for every unit: how much of the time it is open (upwards) and closed (to the right)."),
        ):
            draw = partial(viz.saturation, trace, by=by)
            yield Exhibit(f"saturation_{by}", f"Gates, by {by}", caption, draw)


def of_zoo() -> Iterator[Exhibit]:
    """Yield every cell of the zoo from inside."""
    for name, kind in discover().items():
        draw = partial(viz.cell, recurrent(name, kind(3)), show="both")
        lesson = (kind.__doc__ or "").partition("\n")[0]
        yield Exhibit(name, name, f"{lesson.removesuffix('.')}; its last step, forward and backward.", draw)


def of_figures() -> Iterator[Exhibit]:
    """Yield the article's figures."""
    for name, draw in FIGURES.items():
        number, _, words = name.partition("_")
        caption = f"The article's hand-drawn figure, from a running graph: {words.replace('_', ' ')}."
        yield Exhibit(name, f"Figure {int(number)}", caption, draw)


def of_differences() -> Iterator[Exhibit]:
    """Yield pairs of networks on one picture."""
    lstm = recurrent("LSTM", LSTMCell(3))
    others = {"gru": GRUCell, "peephole": PeepholeLSTMCell, "coupled": CoupledLSTMCell}
    for name, kind in others.items():
        other = recurrent(kind.__name__.removesuffix("Cell"), kind(3))
        yield Exhibit(
            name, f"LSTM → {other.graph.name}", "Two cells laid on each other: “+” only the second has, “−” only the "
            "first, “~” is not the same in both, grey is.", partial(viz.diff, lstm, other, layer=0),
        )
    pairs = {
        "layers": ("One layer → two", NETWORKS["lstm"].build(), NETWORKS["multi"].build()),
        "directions": ("One direction → both", NETWORKS["lstm"].build(), NETWORKS["bi"].build()),
        "wirings": ("Apart → joined", NETWORKS["independent"].build(), NETWORKS["concat"].build()),
    }
    for name, (title, a, b) in pairs.items():
        yield Exhibit(
            name, title, "Two whole networks laid on each other, with what changed and how many weights that costs.",
            partial(viz.diff, a, b),
        )


ROOMS = [
    *(Room(name, each.title, each.about, partial(of_network, each)) for name, each in NETWORKS.items()),
    Room("zoo", "The zoo", "Every cell of the library from inside.", of_zoo),
    Room("differences", "Differences", "Two variants on one picture.", of_differences),
    Room("figures", "The article's figures", "Drawn by hand there, from graphs here.", of_figures),
]
