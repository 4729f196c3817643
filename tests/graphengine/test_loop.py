"""A loop and the same steps written out by hand are one computation: same values, same gradients."""

from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest
from tests.graphengine.agreement import check_contributions, near, same

from graphengine import Graph, Loop, Parameter, Plan, check_gradients, ops
from graphengine.structure import leaves, map_structure

H, M = 4, 2
State = namedtuple("State", "c h")


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
    _, unused = ops.split(h, 2)
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


def weights_only(g, w, x, s):
    """A state without batch, made of weights alone."""
    v = ops.tanh(s["v"] * w("a", H) + w("b", H))
    return v * x["x"], {"v": v}


X = {"x": ("batch", H)}
HS = {"h": ("batch", H)}
CASES = [
    Case("elman", elman, X, HS),
    Case("three_steps_back", three_steps_back, X, {name: ("batch", H) for name in ("h", "h2", "h3")}),
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
        name: g.placeholder(name, (shape[0], steps, *shape[1:]) if shape else (steps,)) for name, shape in case.inputs.items()
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

    data = {name: numbers((*shape[:1], steps, *shape[1:]) if shape else (steps,)) for name, shape in case.inputs.items()}
    data |= {name: numbers(shape) for name, shape in case.outside.items()}
    for name, shape in case.state.items():
        data[name] = numbers(shape)
        data[f"seed {name}"] = numbers(shape)
        if name in case.integers:
            data[name] = np.abs(data[name] * 3).astype(np.int64)
    data["seed"] = numbers(("batch", steps, H))
    return data


def check_alike(loop, hand, data):
    feeds, seeds = loop.feeds(data), loop.seeds(data)
    ours, _ = same(loop.plan, feeds, seeds=seeds)
    theirs, _ = same(hand.plan, hand.feeds(data), seeds=hand.seeds(data))
    near(ours[loop.outputs], theirs[hand.outputs], what="outputs")
    for name, tensor in loop.last.items():
        near(ours[tensor], theirs[hand.last[name]], what=f"last {name}")
    assert set(loop.plan.parameters) == set(hand.plan.parameters)
    for parameter in loop.plan.parameters:
        near(ours.grad(parameter), theirs.grad(parameter), what=f"gradient of {parameter.path}")
    for one, other in ((loop.sequences, hand.sequences), (loop.first, hand.first), (loop.outside, hand.outside)):
        for name, tensor in one.items():
            if tensor in loop.plan.differentiated:
                near(ours.grad(tensor), theirs.grad(other[name]), what=f"gradient of {name}")


@every_case
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_a_loop_equals_the_steps_written_out(case, reverse):
    weights = Weights()
    loop = build(case, weights, "time", reverse=reverse)
    for batch, steps in ((3, 1), (2, 5), (H, H)):
        hand = build(case, weights, steps, reverse=reverse)
        check_alike(loop, hand, draw(case, batch, steps))


@pytest.mark.parametrize("case", [case for case in CASES if not case.unreached], ids=lambda case: case.name)
def test_a_loops_gradients_agree_with_finite_differences(case):
    built = build(case, Weights(), "time")
    data = draw(case, H, H)
    assert max(check_gradients(built.plan, built.feeds(data), seeds=built.seeds(data)).values()) < 1e-6


@every_case
def test_contributions_add_up_at_every_step_of_a_loop(case):
    built = build(case, Weights(), "time", reverse=True)
    data = draw(case, 2, 3)
    trace = built.plan.trace(built.feeds(data), seeds=built.seeds(data))
    assert check_contributions(built.plan, trace) > 3


@every_case
def test_several_seeds_at_once_equal_one_at_a_time(case):
    built = build(case, Weights(), "time")
    data = draw(case, 3, 4)
    rng = np.random.default_rng(5)
    many = {tensor: rng.standard_normal((2, 3, *seed.shape)) for tensor, seed in built.seeds(data).items()}
    together, _ = same(built.plan, built.feeds(data), seeds=many)
    for place in np.ndindex(2, 3):
        alone = built.plan.run(built.feeds(data), seeds={tensor: seed[place] for tensor, seed in many.items()})
        for tensor in built.plan.differentiated:
            near(together.grad(tensor)[place], alone.grad(tensor), what=tensor.path)


@every_case
def test_values_without_gradients_are_the_same(case):
    built = build(case, Weights(), "time")
    data = draw(case, 2, 4)
    exact = built.plan.run(built.feeds(data), seeds=built.seeds(data))
    only, _ = same(built.plan, built.feeds(data), gradients=False)
    for tensor in (built.outputs, *built.last.values()):
        assert np.array_equal(only[tensor], exact[tensor])


def test_the_body_keeps_what_no_step_changes_outside():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", H))
    w = Parameter("w", np.eye(H))
    with Loop("time") as loop:
        kernel = ops.tanh(g.tensor(w))
        h = loop.delay(g.fill(("batch", H)))
        loop.feed(h, ops.tanh(loop.slice(x) @ kernel + h))
    assert kernel.loop is None
    assert h.loop is loop
    plan = Plan(loop.stack(h))
    assert [node.path for unit in plan.units if unit.stepwise for node in unit.nodes] == ["delay_prev", "add", "tanh_1"]


@pytest.mark.parametrize("shape", [("batch", 2), (2,), ()], ids=str)
def test_a_delay_can_be_fed_from_outside_the_loop(shape):
    """At the first step it is the initial value, then the one from outside."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    first, later = g.placeholder("first", shape), g.placeholder("later", shape)
    with Loop("time") as loop:
        gate = loop.delay(first)
        loop.feed(gate, ops.tanh(later))
        y = loop.slice(x) * gate
    outputs = loop.stack(y)
    plan = Plan(outputs, wrt=[x, first, later])
    rng = np.random.default_rng(0)
    for batch, steps in ((2, 4), (3, 1), (4, 4)):
        X, A, B = (rng.standard_normal(s) for s in ((batch, steps, 2), *(first.spec.sized({"batch": batch}),) * 2))
        feeds, seeds = {x: X, first: A, later: B}, {outputs: rng.standard_normal(X.shape)}
        run, trace = same(plan, feeds, seeds=seeds)
        near(run[outputs], np.stack([X[:, t] * (np.tanh(B) if t else A) for t in range(steps)], axis=1))
        check_gradients(plan, feeds, seeds=seeds)
        check_contributions(plan, trace)


def test_two_loops_in_sequence():
    """The second loop reads what the first has stacked, and starts from its last state."""
    weights, rng = Weights(), np.random.default_rng(1)

    def first(w, x, h):
        return ops.tanh(x @ w("W", H, H) + h @ w("U", H, H))

    def second(w, x, h):
        return ops.tanh(x @ w("V", H, H) - h @ w("U", H, H))

    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", H))
    with Loop("time") as lower:
        h = lower.delay(g.fill(("batch", H)))
        after = first(weights, lower.slice(x), h)
        lower.feed(h, after)
    with Loop("time", reverse=True) as upper:
        s = upper.delay(lower.last(after))
        top = second(weights, upper.slice(lower.stack(after)), s)
        upper.feed(s, top)
    outputs = upper.stack(top)
    plan = Plan(outputs, wrt=[*weights.known.values(), x])

    hand = Graph(dtype="float64")
    xs = hand.placeholder("x", ("batch", 3, H))
    state, below = hand.fill(("batch", H)), []
    for t in range(3):
        state = first(weights, xs[:, t], state)
        below.append(state)
    above = [None] * 3
    for t in reversed(range(3)):
        state = above[t] = second(weights, below[t], state)
    written = ops.stack(above, axis=1)
    reference = Plan(written, wrt=[*weights.known.values(), xs])

    X, dY = rng.standard_normal((2, 3, H)), rng.standard_normal((2, 3, H))
    ours, trace = same(plan, {x: X}, seeds={outputs: dY})
    theirs = reference.run({xs: X}, seeds={written: dY})
    near(ours[outputs], theirs[written])
    near(ours.grad(x), theirs.grad(xs))
    for parameter in weights.known.values():
        near(ours.grad(parameter), theirs.grad(parameter), what=parameter.path)
    check_contributions(plan, trace)


def test_an_encoder_and_a_decoder_run_over_axes_of_their_own():
    """The decoder reads the encoder's last state, all its outputs, and its own output of the step before."""
    weights, rng = Weights(), np.random.default_rng(2)

    def encode(w, x, h):
        return ops.tanh(x @ w("W", H, H) + h @ w("U", H, H))

    def decode(w, memory, y, h):
        scores = memory @ ops.expand_dims(h, -1)
        weight = ops.exp(scores) / ops.sum(ops.exp(scores), -2, keepdims=True)
        h = ops.tanh(y @ w("V", H, H) + h + ops.sum(weight * memory, -2))
        return ops.tanh(h @ w("O", H, H)), h

    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "source", H))
    with Loop("source") as encoder:
        h = encoder.delay(g.fill(("batch", H)))
        after = encode(weights, encoder.slice(x), h)
        encoder.feed(h, after)
    memory = encoder.stack(after)
    with Loop("target") as decoder:
        s, y = decoder.delay(encoder.last(after)), decoder.delay(g.fill(("batch", H)))
        word, state = decode(weights, memory, y, s)
        decoder.feed((s, y), (state, word))
    outputs = decoder.stack(word)
    plan = Plan(outputs, wrt=[*weights.known.values(), x])

    hand = Graph(dtype="float64")
    xs = hand.placeholder("x", ("batch", 3, H))
    state, read = hand.fill(("batch", H)), []
    for t in range(3):
        state = encode(weights, xs[:, t], state)
        read.append(state)
    memory, word, words = ops.stack(read, axis=1), hand.fill(("batch", H)), []
    for _ in range(5):
        word, state = decode(weights, memory, word, state)
        words.append(word)
    written = ops.stack(words, axis=1)
    reference = Plan(written, wrt=[*weights.known.values(), xs])

    X, dY = rng.standard_normal((2, 3, H)), rng.standard_normal((2, 5, H))
    ours, trace = same(plan, {x: X}, seeds={outputs: dY}, sizes={"target": 5})
    theirs = reference.run({xs: X}, seeds={written: dY})
    near(ours[outputs], theirs[written])
    near(ours.grad(x), theirs.grad(xs))
    for parameter in weights.known.values():
        near(ours.grad(parameter), theirs.grad(parameter), what=parameter.path)
    check_contributions(plan, trace)


def counted(limit_in_circle):
    """Double a state until every row is over 10; the condition stands in the circle, or behind it."""
    g = Graph(dtype="float64")
    start, x = g.placeholder("start", ("batch",)), g.placeholder("x", ("batch", "time"))
    with Loop("time") as loop:
        h, ended = loop.delay((start, g.fill(("batch",), 0, "bool")))
        doubled = h * 2.0 + loop.slice(x)
        over = doubled > 10.0
        loop.feed((h, ended), (ops.where(ended, h, doubled), over | ended))
        loop.until(over | ended if limit_in_circle else doubled > 10.0)
    return start, x, loop, doubled, loop.stack(doubled), loop.last(doubled), loop.steps(doubled)


@pytest.mark.parametrize("in_circle", [True, False], ids=["inside the circle", "behind it"])
def test_until_ends_a_loop_early(in_circle):
    start, x, loop, doubled, every, last, steps = counted(in_circle)
    plan = Plan([every, last], also=[steps], wrt=[start, x])
    X = np.zeros((1, 8))
    seeds = {every: np.arange(8.0)[None], last: np.ones(1)}
    run, trace = same(plan, {start: [1.0], x: X}, seeds=seeds)
    assert run[steps] == 4
    assert run[every].tolist() == [[2.0, 4.0, 8.0, 16.0, 0.0, 0.0, 0.0, 0.0]]
    assert run[last].tolist() == [16.0]
    assert run.grad(start).tolist() == [2.0 * 0 + 4.0 * 1 + 8.0 * 2 + 16.0 * 3 + 16.0]
    assert run.grad(x).tolist() == [[0 + 2 * 1 + 4 * 2 + 8 * 3 + 8, 1 + 2 * 2 + 4 * 3 + 4, 2 + 2 * 3 + 2, 3 + 1, 0, 0, 0, 0]]
    check_contributions(plan, trace)
    assert list(trace.positions(loop)) == [0, 1, 2, 3]
    never, _ = same(plan, {start: [0.0], x: X}, seeds=seeds)
    assert never[steps] == 8
    first, _ = same(plan, {start: [6.0], x: X}, seeds=seeds)
    assert first[steps] == 1


def test_until_waits_for_every_row():
    start, x, _, _, every, last, steps = counted(True)
    run, _ = same(Plan([every, last], also=[steps], wrt=[]), {start: [1.0, 4.0], x: np.zeros((2, 8))})
    assert run[steps] == 4


@pytest.mark.parametrize("in_circle", [True, False], ids=["inside the circle", "behind it"])
def test_until_with_no_steps_at_all(in_circle):
    start, x, _, _, every, _, steps = counted(in_circle)
    run, _ = same(Plan(every, also=[steps], wrt=[start]), {start: [1.0], x: np.zeros((1, 0))}, seeds={every: np.zeros((1, 0))})
    assert run[steps] == 0
    assert run[every].shape == (1, 0)
    assert run.grad(start).tolist() == [0.0]


def test_a_loop_of_no_steps_has_outputs_and_gradients_but_no_last_state():
    for case in CASES:
        built = build(case, Weights(), "time")
        data = draw(case, 2, 0)
        plan = Plan(built.outputs, wrt=[t for t in built.plan.differentiated if t in Plan(built.outputs, wrt=[]).placeholders])
        feeds = {tensor: data[tensor.name.removesuffix("_0")] for tensor in plan.placeholders}
        run, _ = same(plan, feeds, seeds={built.outputs: data["seed"]})
        assert run[built.outputs].shape == (2, 0, H)
        assert all(not run.grad(tensor).any() for tensor in plan.differentiated)


def test_the_index_counts_positions_of_the_input_in_both_directions():
    g = Graph(dtype="float64")
    for reverse in (False, True):
        with Loop("time", reverse=reverse) as loop:
            before = loop.delay(g.fill((), 0, "int64"))
            t = loop.index(g)
            loop.feed(before, t)
            pair = before * 100 + t
        run, _ = same(Plan(loop.stack(pair), wrt=[]), {}, sizes={"time": 4})
        wanted = [100 * 1 + 0, 100 * 2 + 1, 100 * 3 + 2, 3] if reverse else [0, 1, 102, 203]
        assert run[loop_output(run)].tolist() == wanted


def loop_output(run):
    return next(iter(run._values))


def test_structures_pass_through_delay_feed_stack_and_last():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    first = (State(g.fill(("batch", 2)), g.fill(("batch", 2), 1.0)), State(g.fill(("batch", 2)), g.fill(("batch", 2), 2.0)))
    with Loop("time") as loop:
        before = loop.delay(first)
        after = map_structure(lambda tensor: ops.tanh(tensor + loop.slice(x)), before)
        loop.feed(before, after)
    every, last = loop.stack(after), loop.last(after)
    assert isinstance(before[1], State)
    assert before[1].h.path == "layer1/h_prev"
    assert before[0].c.node.scope.role == "layer"
    plan = Plan(leaves(last), also=leaves(every), wrt=[x])
    X = np.random.default_rng(0).standard_normal((2, 3, 2))
    run, _ = same(plan, {x: X}, seeds={tensor: np.ones((2, 2)) for tensor in leaves(last)})
    assert isinstance(run[every][0], State)
    near(run[every][1].h[:, -1], run[last][1].h)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_time_may_stand_on_any_axis(axis):
    """The place of time in the input and in the output is a matter of spelling."""
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal((3, 4, 2))
    place = axis % 3
    g = Graph(dtype="float64")
    shape = ["batch", 2]
    shape.insert(place, "time")
    x = g.placeholder("x", shape)
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 2)))
        loop.feed(h, ops.tanh(h + loop.slice(x)))
        y = h * loop.slice(x)
    outputs = loop.stack(y, axis=axis)
    assert outputs.shape == tuple(shape)
    plan = Plan(outputs, wrt=[x])
    dY = rng.standard_normal((3, 4, 2))
    run, _ = same(plan, {x: np.moveaxis(numbers, 1, place)}, seeds={outputs: np.moveaxis(dY, 1, place)})
    h, wanted = np.zeros((3, 2)), np.empty_like(numbers)
    for t in range(4):
        wanted[:, t] = h * numbers[:, t]
        h = np.tanh(h + numbers[:, t])
    near(np.moveaxis(run[outputs], place, 1), wanted)
    check_gradients(plan, {x: np.moveaxis(numbers, 1, place)}, seeds={outputs: np.moveaxis(dY, 1, place)})


def test_many_states_run_in_one_loop_without_mixing():
    """Independent circles of one loop are split from each other, and each keeps its own state."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    with Loop("time") as loop:
        tops, below = [], loop.slice(x)
        for layer in range(4):
            h = loop.delay(g.fill(("batch", 2), 0.1 * layer))
            below = ops.tanh(below + h)
            loop.feed(h, below)
            tops.append(below)
    plan = Plan([loop.last(top) for top in tops], wrt=[x])
    assert sum(unit.stepwise for unit in plan.units) == 4
    X = np.random.default_rng(0).standard_normal((2, 5, 2))
    run, _ = same(plan, {x: X}, seeds={target: np.ones((2, 2)) for target in plan.targets})
    below = X
    for layer, target in enumerate(plan.targets):
        h, every = np.full((2, 2), 0.1 * layer), np.empty_like(X)
        for t in range(5):
            h = every[:, t] = np.tanh(below[:, t] + h)
        near(run[target], h)
        below = every
