"""Plans: what they leave out, what they run once for all steps, and that none of it changes a number."""

from dataclasses import dataclass

import numpy as np
import pytest

from graphengine import SGD, Elementwise, Graph, Loop, Op, Parameter, Plan, check_gradients, ops
from graphengine.errors import DtypeError, GradientError, ShapeError
from graphengine.graph import apply
from layers import BiRNN, Dense, LSTMCell, MultiRNNCell, dynamic_rnn, softmax_cross_entropy
from tests.graphengine.agreement import check_contributions, near, same
from tests.graphengine.models import birnn, noisy, single, stack
from tests.graphengine.random_graphs import RandomGraph


def paths(nodes):
    return {node.path for node in nodes}


def stepwise(plan):
    return [paths(unit.nodes) for unit in plan.units if unit.stepwise]


# Pruning and splitting


def test_a_plan_computes_what_its_targets_need_and_nothing_else():
    g = Graph(dtype="float64")
    x, y = g.placeholder("x", (2,)), g.placeholder("y", (2,))
    useful, useless = ops.tanh(x), ops.exp(y)
    plan = Plan(useful, wrt=[])
    assert paths(plan.nodes) == {"x", "tanh"}
    assert plan.run({x: [0, 0]})[useful].tolist() == [0, 0]
    assert paths(Plan(useful, also=[useless], wrt=[]).nodes) == {"x", "y", "tanh", "exp"}
    assert repr(plan) == "<plan of 'graph': 2 nodes, 0 of them step by step>"


def test_only_circles_run_step_by_step():
    """The products of the input with its kernel, and whatever reads h only, are made for all steps at once."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    with Loop("time") as loop:
        h = loop.delay(g.fill(("batch", 2)), name="h_prev")
        W, U = (g.tensor(Parameter(name, np.ones(shape))) for name, shape in (("W", (3, 2)), ("U", (2, 2))))
        projected = ops.matmul(loop.slice(x), W, name="Wx")
        new = ops.tanh(ops.add(projected, ops.matmul(h, U, name="Uh"), name="pre"), name="h")
        loop.feed(h, new)
        logits = ops.exp(new, name="logits")
    plan = Plan(loop.stack(logits))
    assert stepwise(plan) == [{"h_prev", "Uh", "pre", "h"}]
    assert {"Wx", "logits", "x_t"} <= paths(unit.nodes[0] for unit in plan.units if not unit.stepwise)


def test_a_stack_runs_layer_by_layer():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    _, states = dynamic_rnn(MultiRNNCell([LSTMCell(2), LSTMCell(2)]), x, over="time")
    circles = stepwise(Plan(ops.sum(states[-1].h)))
    assert len(circles) == 2
    for layer, circle in enumerate(circles):
        assert all(path.startswith(f"rnn/layer{layer}/") for path in circle)
        assert f"rnn/layer{layer}/Uh" in circle
        assert f"rnn/layer{layer}/Wx" not in circle


def test_a_layer_that_no_target_needs_does_not_run():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, (fw, _) = BiRNN(LSTMCell(2), LSTMCell(2))(x, over="time")
    assert len(stepwise(Plan(ops.sum(outputs)))) == 2
    assert len(stepwise(Plan(ops.sum(fw.h)))) == 1


def test_gradients_of_weights_in_a_circle_wait_for_one_product():
    """Deferred: the recurrent kernel's gradient is one product over all steps, and the bias's one sum."""
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    cell = LSTMCell(2)
    outputs, _ = dynamic_rnn(cell, x, over="time")
    plan = Plan(ops.sum(outputs), without=["merge"])
    (waiting,) = plan.lowered.deferred.values()
    assert {node.path: inputs for node, inputs in waiting.items() if inputs} == {"rnn/Uh": (1,), "rnn/pre": (0,)}
    plan.run({x: np.ones((2, 5, 3))})
    assert backward_calls(plan, "rnn/Uh") == 5 + 1
    every_step = Plan(ops.sum(outputs), without=["merge", "defer"])
    every_step.run({x: np.ones((2, 5, 3))})
    assert backward_calls(every_step, "rnn/Uh") >= 5 + 5


def backward_calls(plan, path):
    """How many calls a run makes for the backward of a node."""
    ((workspace,),) = plan.workspaces.idle.values()
    return sum(node.path == path for node in workspace.backward.program.nodes)


def test_an_op_sees_nan_where_it_does_not_declare_to_read():
    """A backward that reads more than it says would be wrong in silence once its inputs share memory."""

    @dataclass(frozen=True)
    class Liar(Elementwise):
        reads = ("",)

        def forward(self, out, x):
            np.multiply(x, x, out)

        def backward(self, i, dy, xs, y, out=None):
            return dy * 2 * xs[0]

    g = Graph(dtype="float64")
    x = g.placeholder("x", (2,))
    plan = Plan(ops.sum(apply(Liar(), x).output), wrt=[x])
    assert np.isnan(plan.run({x: [1, 2]}).grad(x)).all()


# Targets and what is differentiated


def test_gradients_of_several_targets_add_up():
    g = Graph(dtype="float64")
    x = g.placeholder("x", (2,))
    one, two = ops.sum(x * x), ops.sum(x * 3.0)
    run, _ = same(Plan([one, two], wrt=[x]), {x: [1, 2]})
    assert run.grad(x).tolist() == [5, 7]
    run, _ = same(Plan([one, two, x], wrt=[x]), {x: [1, 2]}, seeds={x: [100, 200], one: 2.0})
    assert run.grad(x).tolist() == [107, 211]


def test_a_target_may_lie_on_the_way_to_another():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ())
    y = x * x
    z = y * y
    run, trace = same(Plan([y, z], wrt=[x, y]), {x: 3.0})
    assert run.grad(y) == 1 + 2 * 9
    assert run.grad(x) == 6 * 19
    assert trace.grad(z) == 1


def test_every_trainable_parameter_that_the_loss_reaches_is_differentiated_by_default():
    g = Graph(dtype="float64")
    x = g.placeholder("x", (2,))
    a, b, c = Parameter("a", [1.0, 1.0]), Parameter("b", [1.0, 1.0], trainable=False), Parameter("c", [1.0, 1.0])
    loss = ops.sum(x * a * b)
    ops.sum(x * c)
    plan = Plan(loss)
    assert plan.parameters == [a]
    assert Plan(loss, wrt=[b]).run({x: [1, 2]}).grad(b).tolist() == [1, 2]
    assert Plan(loss, wrt=[]).parameters == []
    assert list(plan.run({x: [1, 2]}).gradients) == [a]
    assert len(Plan(loss, wrt=[b, a, b]).parameters) == 2


def test_an_inner_value_can_be_differentiated():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 3))
    cell = LSTMCell(2)
    outputs, state = dynamic_rnn(cell, x, over="time")
    loss = ops.sum(outputs * outputs) + ops.sum(state.c)
    plan = Plan(loss, wrt=[outputs, state.c, x])
    X = np.random.default_rng(0).standard_normal((2, 4, 3))
    run, _ = same(plan, {x: X})
    near(run.grad(outputs), 2 * Plan(outputs, wrt=[]).run({x: X})[outputs])
    near(run.grad(state.c), np.ones((2, 2)))
    assert run.grad(x).shape == X.shape


def test_an_input_that_only_integers_read_has_no_gradient_to_ask_for():
    g = Graph(dtype="float64")
    x = g.placeholder("x", (4,))
    with pytest.raises(GradientError, match=r"no gradient flows from sum to x float64\[4\]"):
        Plan(ops.sum(ops.cast(ops.argmax(x), "float64")), wrt=[x])


def test_a_target_without_gradients_needs_no_seed():
    g = Graph(dtype="float64")
    x, n = g.placeholder("x", (2,)), g.placeholder("n", (3,), "int64")
    plan = Plan([ops.sum(x), n * 2], wrt=[x])
    run, _ = same(plan, {x: [1, 2], n: [1, 2, 3]})
    assert run[plan.targets[1]].tolist() == [2, 4, 6]


def test_a_gradient_of_the_wrong_shape_or_dtype_is_the_ops_fault():
    @dataclass(frozen=True)
    class Wrong(Op):
        signature = "(n)->(n)"
        how: str = "shape"

        def forward(self, out, x):
            np.copyto(out, x)

        def backward(self, i, dy, xs, y, out=None):
            return dy[..., :1] if self.how == "shape" else dy.astype(np.float32)

    for how, kind, text in (
        ("shape", ShapeError, r"the gradient of input 0 is \[1\] and should be \[3\]"),
        ("dtype", DtypeError, "the gradient of input 0 is float32 and should be float64"),
    ):
        for inside in (False, True):
            g = Graph(dtype="float64")
            x = g.placeholder("x", ("time", 3))
            with Loop("time") as loop:
                h = loop.delay(g.fill((3,)))
                after = apply(Wrong(how), h + loop.slice(x), name="broken").output if inside else h + loop.slice(x)
                loop.feed(h, after)
            last = loop.last(after)
            target = last if inside else apply(Wrong(how), last, name="broken").output
            plan = Plan(target, wrt=[x])
            for run in (plan.run, plan.trace):
                with pytest.raises(kind, match=rf"broken: Wrong\(.*\): {text}\n  File .*test_plan.py"):
                    run({x: np.ones((2, 3))}, seeds={target: np.ones(3)})


# Random computations


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_run_and_trace_alike(seed):
    """Values, gradients, many seeds at once, values only, contributions, finite differences; sizes unlike and equal."""
    drawn = RandomGraph(seed)
    targets = list(dict.fromkeys(drawn.targets))
    needed = Plan(targets, wrt=[])
    wrt = [*Plan(targets).parameters]
    for tensor in needed.placeholders:
        try:
            Plan(targets, wrt=[tensor])
        except GradientError:
            continue
        wrt.append(tensor)
    plan = Plan(targets, wrt=wrt)
    for sizes in (
        {"batch": 2, "time": 4, "steps": 5},
        {"batch": 3, "time": 3, "steps": 3},
        {"batch": 3, "time": 1, "steps": 1},
    ):
        feeds = {tensor: value for tensor, value in drawn.feeds(sizes).items() if tensor in plan.placeholders}
        given = {"sizes": {name: size for name, size in sizes.items() if name in plan.names}}
        seeds = drawn.seeds(targets, sizes)
        run, trace = same(plan, feeds, seeds=seeds, **given)
        same(plan, feeds, seeds=drawn.seeds(targets, sizes, lead=(2,)), **given)
        values, _ = same(plan, feeds, gradients=False, **given)
        assert all(np.array_equal(values[tensor], run[tensor]) for tensor in targets)
        check_contributions(plan, trace)
        check_gradients(plan, feeds, tolerance=1e-5, seeds=seeds, **given)


@pytest.mark.parametrize(
    "build", [single, stack, lambda dtype: birnn("concat", dtype=dtype)], ids=["single", "stack", "birnn"]
)
def test_single_precision_stays_single_and_near(build):
    """A float32 graph computes in float32 throughout, and close to what float64 says."""
    narrow, exact = build(dtype="float32"), build(dtype="float64")
    assert {t.dtype for node in narrow.plan.nodes for t in node.outputs if t.spec.floating} == {np.dtype("float32")}
    run, trace = narrow.plan.run(narrow.feeds), narrow.plan.trace(narrow.feeds)
    wanted = exact.plan.run(exact.feeds)
    for ours, theirs in zip(narrow.plan.differentiated, exact.plan.differentiated, strict=True):
        assert run.grad(ours).dtype == trace.grad(ours).dtype == np.float32
        near(run.grad(ours), wanted.grad(theirs), 1e-5)
        near(trace.grad(ours), wanted.grad(theirs), 1e-5)


# Noise


def mask(plan, feeds, tensor, **given):
    return plan.run(feeds, **given)[tensor] != 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda x, name: ops.dropout(x, 0.5, name=name),
        lambda x, name: ops.maximum(ops.normal(x, name=name), 0.0) * x,
        lambda x, name: ops.where(ops.bernoulli(x, 0.5, name=name), x, 0.0),
    ],
    ids=["dropout", "normal", "bernoulli"],
)
def test_noise_is_keyed_by_seed_and_path(draw):
    def build(*names):
        g = Graph(dtype="float64")
        x = g.placeholder("x", (200,))
        made = {name: draw(x, name) for name in names}
        return Plan(list(made.values()), wrt=[]), x, made

    plan, x, made = build("a", "b")
    feeds = {x: np.ones(200)}
    first = {name: mask(plan, feeds, tensor, seed=1, training=True) for name, tensor in made.items()}
    assert (first["a"] != first["b"]).any()
    again = {name: mask(plan, feeds, tensor, seed=1, training=True) for name, tensor in made.items()}
    assert all(np.array_equal(first[name], again[name]) for name in made)
    assert (mask(plan, feeds, made["a"], seed=2, training=True) != first["a"]).any()
    other, y, more = build("c", "b", "d", "a")
    for name in ("a", "b"):
        assert np.array_equal(mask(other, {y: np.ones(200)}, more[name], seed=1, training=True), first[name])


def test_noise_is_the_same_in_plan_trace_and_recomputation():
    model = noisy()
    run, trace = same(model.plan, model.feeds, seed=11)
    assert run.seed == trace.context.seed == 11
    again = model.plan.run(model.feeds, seed=11)
    other = model.plan.run(model.feeds, seed=12)
    for tensor in model.plan.differentiated:
        assert np.array_equal(run.grad(tensor), again.grad(tensor))
        assert not np.array_equal(run.grad(tensor), other.grad(tensor))


def test_dropout_in_a_loop_draws_anew_in_every_step_unless_told_not_to():
    model = noisy()
    trace = model.plan.trace(model.feeds, seed=3)
    fresh, shared = trace.value("fresh_mask"), trace.value("same_mask")
    assert fresh.shape == (4, 3, 2)
    assert any(not np.array_equal(fresh[0], fresh[t]) for t in range(1, 4))
    assert shared.shape == (3, 2)
    assert set(np.unique(fresh)) <= {0.0, 1 / 0.7}
    check_gradients(model.plan, model.feeds, seed=3)


def test_a_run_trains_when_gradients_are_asked_for():
    model = noisy()
    loss = model.plan.targets[0]
    quiet = [model.plan.run(model.feeds, gradients=False, seed=seed, training=False)[loss] for seed in (1, 2)]
    trained = [model.plan.run(model.feeds, seed=seed)[loss] for seed in (1, 2)]
    assert trained[0] != trained[1]
    g = Graph(dtype="float64")
    x = g.placeholder("x", (50,))
    y = ops.dropout(x, 0.5)
    plan = Plan(ops.sum(y), also=[y], wrt=[x])
    assert (plan.run({x: np.ones(50)}, gradients=False)[y] == 1).all()
    assert (plan.run({x: np.ones(50)})[y] != 1).any()
    assert (plan.run({x: np.ones(50)}, training=False)[y] == 1).all()
    assert (plan.run({x: np.ones(50)}, training=True, gradients=False)[y] != 1).any()
    assert quiet


# The face of the project


def test_training_a_classifier_goes_down():
    g = Graph("belling the cat", dtype="float64", seed=42)
    x, y = g.placeholder("x", ("batch", "time", 10)), g.placeholder("y", ("batch",), dtype="int64")
    _, states = dynamic_rnn(MultiRNNCell([LSTMCell(5), LSTMCell(5)]), x, over="time")
    logits = Dense(10)(states[-1].h)
    plan = Plan(softmax_cross_entropy(logits, y), also=[logits])
    optimizer = SGD(plan.parameters, learning_rate=0.5)
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((6, 3, 10)), rng.integers(0, 10, 6)
    losses = []
    for _ in range(60):
        run = plan.run({x: X, y: Y})
        losses.append(float(run[plan.targets[0]]))
        optimizer.step(run)
    assert losses[-1] < 0.5 * losses[0]
    assert run[logits].shape == (6, 10)
