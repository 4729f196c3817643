"""Recurrences to build as a loop and, step by step, by hand."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from graphengine import Graph, Loop, Parameter, Plan, ops

H, M = 4, 2


class Weights:
    """Parameters by name, drawn at first use and shared by both forms of a computation."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.known = {}

    def __call__(self, name, *shape):
        if name not in self.known:
            self.known[name] = Parameter(name, self.rng.standard_normal(shape) * 0.7)
        return self.known[name]


@dataclass
class Case:
    """One recurrence: what it reads, where it starts, and one step of it.

    `body(g, w, x, s)` takes the step's inputs and the state before, and returns outputs and the state after. Shapes are
    those of one step; `{}` as a dimension is the batch.
    """

    name: str
    body: object
    inputs: dict
    state: dict
    integers: tuple = ()
    unreached: tuple = ()
    outside: dict = field(default_factory=dict)


def elman(g, w, x, s):
    h = ops.tanh(x["x"] @ w("W", H, H) + s["h"] @ w("U", H, H) + w("b", H))
    return h, {"h": h}


def three_steps_back(g, w, x, s):
    h = ops.tanh(x["x"] @ w("W", H, H) + s["h3"] @ w("U", H, H))
    return h, {"h": h, "h2": s["h"], "h3": s["h2"]}


def lstm_by_hand(g, w, x, s):
    z = ops.concat([x["x"], s["h"]]) @ w("W", 2 * H, 4 * H) + w("b", 4 * H)
    f, i, p, o = ops.split(z, 4)
    c = ops.sigmoid(f) * s["c"] + ops.sigmoid(i) * ops.tanh(p)
    h = ops.sigmoid(o) * ops.tanh(c)
    return h, {"c": c, "h": h}


def unlike_ranks(g, w, x, s):
    """Operands `[]`, `[batch]`, `[H]` and `[batch, H]` meet in one step, as state and as input."""
    scalar = ops.tanh(0.5 * s["scalar"] + x["one"] + ops.mean(s["h"]))
    row = ops.sigmoid(s["row"] + x["per_row"] * scalar)
    column = s["column"] * x["per_feature"] + ops.sum(s["h"], 0)
    h = ops.tanh(ops.expand_dims(row, -1) * s["h"] + column * scalar + x["x"] * x["per_feature"])
    return h * scalar, {"scalar": scalar, "row": row, "column": ops.tanh(column), "h": h}


def fast_weights(g, w, x, s):
    """A state of matrices, in products with rows that have fewer batch axes."""
    h = ops.tanh(ops.squeeze(ops.expand_dims(x["x"], -2) @ s["A"], -2) @ w("W", H, H))
    A = 0.5 * s["A"] + ops.expand_dims(h, -1) * ops.expand_dims(x["x"], -2)
    return h, {"A": A}


def counting(g, w, x, s):
    """An integer state, and a float that reads it."""
    h = ops.tanh(s["h"] * 0.5 + x["x"] * ops.cast(s["n"] % 3, "float64"))
    return h, {"n": s["n"] + 1, "h": h}


def invariants(g, w, x, s):
    """Work inside the body that no step changes, and a memory from outside that every step reads."""
    kernel = ops.tanh(g.tensor(w("W", H, H))) * 2.0
    scores = ops.squeeze(x["memory"] @ ops.expand_dims(s["h"], -1), -1)
    weight = ops.exp(scores) / ops.sum(ops.exp(scores), -1, keepdims=True)
    read = ops.sum(ops.expand_dims(weight, -1) * x["memory"], -2)
    h = ops.tanh(x["x"] @ kernel + read @ (kernel + w("U", H, H)))
    return h, {"h": h}


def no_recurrence(g, w, x, s):
    return ops.tanh(x["x"] @ w("W", H, H)) * x["x"], {"unused": s["unused"] * 0.5}


def input_before(g, w, x, s):
    """A delay that does not depend on itself: the input one and two steps ago."""
    return s["x1"] * x["x"] + ops.tanh(s["x2"] @ w("W", H, H)), {"x1": x["x"], "x2": s["x1"]}


def held(g, w, x, s):
    """A delay fed by itself keeps its first value for ever."""
    h = ops.tanh(s["h"] + s["first"] * x["x"])
    return h, {"first": s["first"], "h": h}


def swapped(g, w, x, s):
    """Two delays, each fed by the other."""
    return s["a"] * s["b"], {"a": s["b"], "b": ops.tanh(s["a"] @ w("W", H, H) + x["x"])}


def twins(g, w, x, s):
    """Two delays fed by one value."""
    h = ops.tanh(s["a"] * w("v", H) + s["b"] @ w("W", H, H) + x["x"])
    return h, {"a": h, "b": h}


def views(g, w, x, s):
    """Slices, reshapes and parts whose gradients arrive in pieces, one of them unused."""
    a, b = ops.split(s["h"], 2)
    wide = ops.reshape(ops.transpose(ops.reshape(s["h"], ("batch", 2, 2)), (0, 2, 1)), ("batch", H))
    h = ops.tanh(ops.concat([b, x["x"][:, 1:3]]) + wide * w("v", H))
    _, _unused = ops.split(h, 2)
    return ops.concat([a[:, ::-1], h[:, :2]]), {"h": h}


def chosen(g, w, x, s):
    """Branches by value, and a state that some rows hold."""
    new = ops.tanh(x["x"] @ w("W", H, H) + s["h"])
    h = ops.where(x["x"] > 0, new, s["h"])
    return ops.maximum(h, x["x"] * 0.1), {"h": h}


def blocked(g, w, x, s):
    """No gradient passes through one of two paths."""
    h = ops.tanh(ops.stop_gradient(s["h"]) @ w("W", H, H) + x["x"] * s["g"])
    return h, {"h": h, "g": ops.sigmoid(s["g"] + h)}


def normed(g, w, x, s):
    """Ops that save arrays for their backward, and one with two outputs of which an integer is fed back."""
    h = ops.tanh(ops.layer_norm(x["x"] @ w("W", H, H) + s["h"], w("gain", H), w("shift", H)))
    largest, place = ops.top_k(h * x["x"] + ops.cast(s["place"], "float64"), 2)
    return h + ops.sum(largest, -1, keepdims=True), {"h": h, "place": place[:, :1]}


def weights_only(g, w, x, s):
    """A state without batch, made of weights alone."""
    v = ops.tanh(s["v"] * w("a", H) + w("b", H))
    return v * x["x"], {"v": v}


X = {"x": ("batch", H)}
HS = {"h": ("batch", H)}
CASES = [
    Case("elman", elman, X, HS),
    Case("three_steps_back", three_steps_back, X, dict.fromkeys(("h", "h2", "h3"), ("batch", H))),
    Case("lstm_by_hand", lstm_by_hand, X, {"c": ("batch", H), "h": ("batch", H)}),
    Case(
        "unlike_ranks",
        unlike_ranks,
        {"x": ("batch", H), "one": (), "per_row": ("batch",), "per_feature": (H,)},
        {"scalar": (), "row": ("batch",), "column": (H,), "h": ("batch", H)},
    ),
    Case("fast_weights", fast_weights, X, {"A": ("batch", H, H)}),
    Case("counting", counting, X, {"n": ("batch", 1), "h": ("batch", H)}, integers=("n",)),
    Case("invariants", invariants, X, HS, outside={"memory": ("batch", M, H)}),
    Case("no_recurrence", no_recurrence, X, {"unused": ("batch",)}),
    Case("input_before", input_before, X, {"x1": ("batch", H), "x2": ("batch", H)}),
    Case("held", held, X, {"first": ("batch", H), "h": ("batch", H)}),
    Case("swapped", swapped, X, {"a": ("batch", H), "b": ("batch", H)}),
    Case("twins", twins, X, {"a": ("batch", H), "b": ("batch", H)}),
    Case("views", views, X, HS),
    Case("chosen", chosen, X, HS),
    Case("blocked", blocked, X, {"h": ("batch", H), "g": ("batch", H)}, unreached=("h",)),
    Case("normed", normed, X, {"h": ("batch", H), "place": ("batch", 1)}, integers=("place",)),
    Case("weights_only", weights_only, X, {"v": (H,)}),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@dataclass
class Built:
    """One form of a case."""

    plan: Plan
    sequences: dict
    first: dict
    outside: dict
    outputs: object
    last: dict

    def feeds(self, data):
        places = {**self.sequences, **self.first, **self.outside}
        return {tensor: data[name] for name, tensor in places.items() if tensor in self.plan.placeholders}

    def seeds(self, data):
        return {self.outputs: data["seed"], **{self.last[name]: data[f"seed {name}"] for name in self.floats()}}

    def floats(self):
        return [name for name, tensor in self.last.items() if tensor.spec.floating]


def build(case, weights, steps, *, reverse=False):
    """Build a case as a loop (`steps` is a name) or by hand (`steps` is a number)."""
    g = Graph(dtype="float64")
    sequences = {
        name: g.placeholder(name, (shape[0], steps, *shape[1:]) if shape else (steps,))
        for name, shape in case.inputs.items()
    }
    outside = {name: g.placeholder(name, shape) for name, shape in case.outside.items()}
    first = {
        name: g.placeholder(f"{name}_0", shape, dtype="int64" if name in case.integers else None)
        for name, shape in case.state.items()
    }
    form = _by_hand if isinstance(steps, int) else _looped
    outputs, last = form(g, case, weights, steps, sequences, outside, first, reverse)
    floats = [tensor for tensor in last.values() if tensor.spec.floating]
    starts = [tensor for name, tensor in first.items() if tensor.spec.floating and name not in case.unreached]
    wrt = [*weights.known.values(), *sequences.values(), *outside.values(), *starts]
    plan = Plan([outputs, *floats], also=list(last.values()), wrt=wrt)
    return Built(plan, sequences, first, outside, outputs, last)


def _looped(g, case, weights, steps, sequences, outside, first, reverse):
    with Loop(over=steps, reverse=reverse) as loop:
        x = {name: loop.slice(tensor) for name, tensor in sequences.items()}
        before = {name: loop.delay(tensor, name=f"{name}_prev") for name, tensor in first.items()}
        output, after = case.body(g, weights, {**x, **outside}, before)
        for name, delay in before.items():
            loop.feed(delay, after[name])
    return loop.stack(output), {name: loop.last(tensor) for name, tensor in after.items()}


def _by_hand(g, case, weights, steps, sequences, outside, first, reverse):
    outputs, state = {}, first
    for t in reversed(range(steps)) if reverse else range(steps):
        x = {name: tensor[t] if len(tensor.shape) == 1 else tensor[:, t] for name, tensor in sequences.items()}
        outputs[t], state = case.body(g, weights, {**x, **outside}, state)
    return ops.stack([outputs[t] for t in range(steps)], axis=1), {name: tensor + 0 for name, tensor in state.items()}


def draw(case, batch, steps, seed=3):
    """Draw inputs, first states and seeds."""
    rng = np.random.default_rng(seed)
    sizes = {"batch": batch}

    def numbers(shape):
        return rng.standard_normal([sizes.get(size, size) for size in shape])

    data = {
        name: numbers((*shape[:1], steps, *shape[1:]) if shape else (steps,)) for name, shape in case.inputs.items()
    }
    data |= {name: numbers(shape) for name, shape in case.outside.items()}
    for name, shape in case.state.items():
        data[name] = numbers(shape)
        data[f"seed {name}"] = numbers(shape)
        if name in case.integers:
            data[name] = np.abs(data[name] * 3).astype(np.int64)
    data["seed"] = numbers(("batch", steps, H))
    return data
