"""A loop and the same steps written out by hand are one computation: same values, same gradients."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

from graphengine import Elementwise, Graph, Loop, Parameter, Plan, check_gradients, ops
from graphengine.structure import leaves, map_structure
from tests.graphengine.agreement import check_contributions, near, same
from tests.graphengine.loop_cases import CASES, H, Weights, build, draw, every_case

State = namedtuple("State", "c h")


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
    start, x, loop, _doubled, every, last, steps = counted(in_circle)
    plan = Plan([every, last], also=[steps], wrt=[start, x])
    X = np.zeros((1, 8))
    seeds = {every: np.arange(8.0)[None], last: np.ones(1)}
    run, trace = same(plan, {start: [1.0], x: X}, seeds=seeds)
    assert run[steps] == 4
    assert run[every].tolist() == [[2.0, 4.0, 8.0, 16.0, 0.0, 0.0, 0.0, 0.0]]
    assert run[last].tolist() == [16.0]
    assert run.grad(start).tolist() == [2.0 * 0 + 4.0 * 1 + 8.0 * 2 + 16.0 * 3 + 16.0]
    assert run.grad(x).tolist() == [
        [0 + 2 * 1 + 4 * 2 + 8 * 3 + 8, 1 + 2 * 2 + 4 * 3 + 4, 2 + 2 * 3 + 2, 3 + 1, 0, 0, 0, 0]
    ]
    check_contributions(plan, trace)
    assert list(trace.positions(loop)) == [0, 1, 2, 3]
    never, _ = same(plan, {start: [0.0], x: X}, seeds=seeds)
    assert never[steps] == 8
    first, _ = same(plan, {start: [6.0], x: X}, seeds=seeds)
    assert first[steps] == 1


def test_what_is_made_after_an_early_end_has_as_many_steps():
    """Positions, noise, slices and delays that only later work reads, once the circle has ended the loop."""
    g = Graph(dtype="float64")
    start, x = g.placeholder("start", (2,)), g.placeholder("x", ("time", 2))
    with Loop("time", reverse=True) as loop:
        h = loop.delay(start)
        doubled = h * 2.0
        loop.feed(h, doubled)
        loop.until(doubled > 10.0)
        before = loop.delay(start)
        loop.feed(before, loop.slice(x))
        late = doubled * ops.normal(doubled) + ops.cast(loop.index(), "float64") + before * loop.slice(x)
    every = loop.stack(late, axis=0)
    plan = Plan([every, loop.last(late)], wrt=[start, x])
    seeds = {target: np.ones(target.spec.sized({"time": 7})) for target in plan.targets}
    run, trace = same(plan, {start: [1.0, 3.0], x: np.arange(14.0).reshape(7, 2)}, seeds=seeds)
    assert not run[every][:3].any()
    assert run[every][3:].all()
    assert not run.grad(x)[:3].any()
    check_contributions(plan, trace)


def test_until_waits_for_every_row():
    start, x, _, _, every, last, steps = counted(True)
    run, _ = same(Plan([every, last], also=[steps], wrt=[]), {start: [1.0, 4.0], x: np.zeros((2, 8))})
    assert run[steps] == 4


@pytest.mark.parametrize("in_circle", [True, False], ids=["inside the circle", "behind it"])
def test_until_with_no_steps_at_all(in_circle):
    start, x, _, _, every, _, steps = counted(in_circle)
    run, _ = same(
        Plan(every, also=[steps], wrt=[start]), {start: [1.0], x: np.zeros((1, 0))}, seeds={every: np.zeros((1, 0))}
    )
    assert run[steps] == 0
    assert run[every].shape == (1, 0)
    assert run.grad(start).tolist() == [0.0]


def test_a_loop_of_no_steps_has_outputs_and_gradients_but_no_last_state():
    for case in CASES:
        built = build(case, Weights(), "time")
        data = draw(case, 2, 0)
        plan = Plan(
            built.outputs, wrt=[t for t in built.plan.differentiated if t in Plan(built.outputs, wrt=[]).placeholders]
        )
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
    first = (
        State(g.fill(("batch", 2)), g.fill(("batch", 2), 1.0)),
        State(g.fill(("batch", 2)), g.fill(("batch", 2), 2.0)),
    )
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


@pytest.mark.parametrize("outside", [False, True])
def test_no_step_is_computed_after_the_end(outside):
    """Also where nothing in the next step reads what the end depends on."""

    @dataclass(frozen=True, eq=False)
    class Counted(Elementwise):
        calls: list

        def forward(self, out, x):
            self.calls.append(x.shape)
            np.copyto(out, x)

    calls = []
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time"))
    with Loop("time") as loop:
        total = loop.delay(g.fill(("batch",)))
        after = g.add(Counted(calls), (total + loop.slice(x),), name="after").output
        loop.feed(total, after)
        loop.until((after if not outside else after * 2.0) > (2.5 if not outside else 5.0))
    sums, steps = loop.stack(after), loop.steps(after)
    plan = Plan(sums, also=[steps], wrt=[])
    for _ in range(2):
        calls.clear()
        run = plan.run({x: np.ones((2, 9))})
        assert run[steps] == 3
        assert run[sums][0].tolist() == [1.0, 2.0, 3.0, 0, 0, 0, 0, 0, 0]
        assert len(calls) == 3
