"""What a run takes and what it hands back: feeds, sizes, seeds, and arrays that belong to it alone."""

from collections import namedtuple

import numpy as np
import pytest

from graphengine import SGD, Graph, Loop, Parameter, Plan, ops
from graphengine.errors import DtypeError, FeedError, GradientError, ShapeError, UnknownPathError
from graphengine.structure import leaves
from layers import (
    BiRNN,
    Dense,
    Embedding,
    GRUCell,
    LSTMCell,
    LSTMState,
    MultiRNNCell,
    dynamic_rnn,
    softmax_cross_entropy,
)
from tests.graphengine.agreement import near, same

State = namedtuple("State", "c h")


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        [1.0, 2.0],
        (True, 2),
        np.array([1, 2], np.int16),
        np.array([1, 2], np.uint8),
        np.array([1, 2], np.float16),
        np.array([1, 2], np.float32),
        [np.float32(1), np.int8(2)],
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_lists_and_whatever_casts_safely_are_taken(value):
    x = Graph().placeholder("x", ("n",))
    y = x * 2.0
    run = Plan(y, wrt=[]).run({x: value})
    assert run[y].tolist() == [2.0, 4.0]
    assert run[y].dtype == np.float32


def test_scalars_are_taken():
    g = Graph()
    x, n, b = g.placeholder("x", ()), g.placeholder("n", (), "int64"), g.placeholder("b", (), "bool")
    y = ops.where(b, x + ops.cast(n, "float32"), 0.0)
    plan = Plan(y, wrt=[])
    assert plan.run({x: 1.5, n: 2, b: True})[y] == 3.5
    assert plan.run({x: np.float32(1.5), n: np.int32(2), b: np.bool_(True)})[y] == 3.5
    assert plan.run({x: 1, n: 2, b: False})[y] == 0


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", np.zeros(2)),
        ("float32", np.zeros(2, np.int64)),
        ("int64", np.zeros(2)),
        ("int64", [0.5, 1.0]),
        ("int32", np.zeros(2, np.int64)),
        ("bool", [0, 1]),
        ("bool", np.zeros(2)),
        ("float32", ["a", "b"]),
        ("float32", [None, 1.0]),
        ("float32", np.zeros(2, np.complex64)),
    ],
    ids=str,
)
def test_what_would_lose_something_is_refused(dtype, value):
    x = Graph().placeholder("x", (2,), dtype)
    y = x[:1]
    plan = Plan(y, wrt=[])
    with pytest.raises(DtypeError, match=rf"x is {dtype} and was fed .*\n.*test_run_feeds\.py"):
        plan.run({x: value})
    assert plan.run({x: np.zeros(2, dtype)})[y].shape == (1,)


def test_an_integer_too_large_for_its_placeholder_is_refused():
    x = Graph().placeholder("x", (1,), "int8")
    with pytest.raises(DtypeError, match="too small for the numbers fed"):
        Plan(x, wrt=[]).run({x: [300]})


def test_ragged_lists_are_refused():
    x = Graph().placeholder("x", ("a", "b"))
    with pytest.raises(FeedError, match=r"x float32\[a, b\]: .*inhomogeneous"):
        Plan(x, wrt=[]).run({x: [[1.0], [1.0, 2.0]]})


def test_empty_lists_have_a_dtype():
    x = Graph().placeholder("x", ("n",), "int64")
    assert Plan(x, wrt=[]).run({x: []})[x].dtype == np.int64


def test_names_are_bound_by_feeds_and_by_sizes():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", 2))
    y = ops.broadcast_to(ops.expand_dims(x, 1), ("batch", "target", 2))
    plan = Plan(y, wrt=[])
    assert plan.run({x: np.zeros((3, 2))}, sizes={"target": 5})[y].shape == (3, 5, 2)
    assert plan.run({x: np.zeros((3, 2))}, sizes={"target": 5, "batch": 3})[y].shape == (3, 5, 2)
    assert plan.run({x: np.zeros((3, 2))}, sizes={"target": np.int64(0)})[y].shape == (3, 0, 2)
    with pytest.raises(FeedError, match=r"nothing binds the dimension 'target'; pass sizes=\{'target': \.\.\.\}"):
        plan.run({x: np.zeros((3, 2))})
    with pytest.raises(FeedError, match=r"batch is 4 by sizes=, not 3"):
        plan.run({x: np.zeros((3, 2))}, sizes={"target": 5, "batch": 4})
    with pytest.raises(FeedError, match=r"no dimension 'tarket' in this plan; it has \['batch', 'target'\]"):
        plan.run({x: np.zeros((3, 2))}, sizes={"tarket": 5})
    for wrong in (-1, 2.5, True, "5"):
        with pytest.raises(FeedError, match="target is a whole number from 0 up, not"):
            plan.run({x: np.zeros((3, 2))}, sizes={"target": wrong})


def sequence_model(dtype="float64"):
    g = Graph(dtype=dtype)
    x = g.placeholder("x", ("batch", "time", 3))
    cell = MultiRNNCell([LSTMCell(4), GRUCell(3)])
    start = g.placeholders_like(cell.state(x[:, 0].spec), "start")
    outputs, states = dynamic_rnn(cell, x, over="time", initial_state=start)
    return x, start, outputs, states


def test_one_plan_takes_any_batch_and_any_length():
    x, start, outputs, states = sequence_model()
    plan = Plan([outputs, *leaves(states)], wrt=[x, *leaves(start)])
    rng = np.random.default_rng(0)
    for batch, time in ((1, 1), (4, 7), (3, 2), (7, 4), (4, 7), (1, 12)):
        feeds = {
            x: rng.standard_normal((batch, time, 3)),
            **{s: rng.standard_normal((batch, s.shape[1])) for s in leaves(start)},
        }
        seeds = {t: rng.standard_normal(t.spec.sized({"batch": batch, "time": time})) for t in plan.targets}
        run, _ = same(plan, feeds, seeds=seeds)
        rows = [
            plan.run(
                {tensor: value[row : row + 1] for tensor, value in feeds.items()},
                seeds={tensor: value[row : row + 1] for tensor, value in seeds.items()},
            )
            for row in range(batch)
        ]
        near(run[outputs], np.concatenate([each[outputs] for each in rows]))
        near(run.grad(x), np.concatenate([each.grad(x) for each in rows]))


def test_feeding_the_last_states_back_continues_the_sequence():
    x, start, outputs, states = sequence_model()
    plan = Plan(outputs, also=[states], wrt=[])
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2, 8, 3))
    zeros = (LSTMState(np.zeros((2, 4)), np.zeros((2, 4))), (np.zeros((2, 3)),))
    whole = plan.run({x: X, start: zeros})
    first = plan.run({x: X[:, :5], start: zeros})
    second = plan.run({x: X[:, 5:], start: first[states]})
    assert isinstance(first[states][0], LSTMState)
    near(np.concatenate([first[outputs], second[outputs]], axis=1), whole[outputs])
    for ours, theirs in zip(leaves(second[states]), leaves(whole[states]), strict=True):
        near(ours, theirs)
    with pytest.raises(FeedError, match=r"must have the form \(LSTMState\(.*\), GRUState\(.*\)\), got"):
        plan.run({x: X, start: first[states][0]})


def owned(run, plan):
    """Every array that a run hands out."""
    return [run[tensor] for tensor in (*plan.targets, *plan.also)] + [
        run.grad(tensor) for tensor in plan.differentiated
    ]


def everything():
    """Ops that could hand out somebody else's memory: inputs, weights, constants, views of all of them."""
    g = Graph(dtype="float64")
    x, s = g.placeholder("x", ("batch", 4)), g.placeholder("s", ())
    w = Parameter("w", np.arange(4.0))
    place = g.tensor(w)
    c = g.constant(np.ones((4,)))
    y = x * place
    stopped, again = ops.stop_gradient(x), ops.stop_gradient(y)
    parts = ops.split(y, 2)
    flat = ops.reshape(y, ("batch", 2, 2))
    wide = ops.broadcast_to(place, (3, 4))
    targets = [x, place, y, parts[0], flat, ops.sum(y), s]
    also = [c, stopped, again, parts[1], wide, ops.transpose(y, (1, 0)), x[:, ::-1], g.fill((2,), 1.0), ops.identity(y)]
    return x, s, w, Plan(targets, also=also, wrt=[x, place, s, y])


def test_what_a_run_hands_out_belongs_to_it_alone():
    x, s, w, plan = everything()
    X, S = np.random.default_rng(0).standard_normal((3, 4)), np.array(2.0)
    seeds = {tensor: np.ones(tensor.spec.sized({"batch": 3})) for tensor in plan.targets}
    feeds = {x: X, s: S}
    first = plan.run(feeds, seeds=seeds)
    arrays = owned(first, plan)
    others = [X, S, w.value, *seeds.values()]
    others += [node.op.array for node in plan.nodes if hasattr(node.op, "array")]
    for i, array in enumerate(arrays):
        assert array.flags.writeable
        for other in (*others, *arrays[:i]):
            assert not np.shares_memory(array, other)
    kept = [array.copy() for array in arrays]
    for array in arrays:
        array[...] = 77.0
    for ours, theirs in zip(owned(plan.run(feeds, seeds=seeds), plan), kept, strict=True):
        assert np.array_equal(ours, theirs)


def test_later_runs_and_steps_leave_a_run_alone():
    x, start, outputs, states = sequence_model()
    loss = ops.sum(outputs * outputs) + ops.sum(states[0].c)
    plan = Plan(loss, also=[outputs, states])
    rng = np.random.default_rng(0)

    def feeds():
        return {x: rng.standard_normal((2, 4, 3)), **{s: rng.standard_normal((2, s.shape[1])) for s in leaves(start)}}

    run = plan.run(feeds())
    kept = [array.copy() for array in owned(run, plan)]
    optimizer = SGD(plan.parameters, learning_rate=0.1)
    for _ in range(3):
        optimizer.step(plan.run(feeds()))
    for ours, theirs in zip(owned(run, plan), kept, strict=True):
        assert np.array_equal(ours, theirs)


def test_a_run_leaves_feeds_seeds_and_parameters_alone():
    x, start, outputs, states = sequence_model()
    plan = Plan([outputs, states[0].c])
    rng = np.random.default_rng(0)
    feeds = {x: rng.standard_normal((2, 4, 3)), **{s: rng.standard_normal((2, s.shape[1])) for s in leaves(start)}}
    seeds = {outputs: rng.standard_normal((2, 4, 3)), states[0].c: rng.standard_normal((2, 4))}
    given = [*feeds.values(), *seeds.values(), *(p.value for p in plan.parameters)]
    before = [array.copy() for array in given]
    for array in (*feeds.values(), *seeds.values()):
        array.flags.writeable = False
    plan.run(feeds, seeds=seeds)
    plan.trace(feeds, seeds=seeds)
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(given, before, strict=True))


def test_feeds_of_any_memory_layout_give_the_same():
    x, start, outputs, _states = sequence_model()
    plan = Plan(outputs, wrt=[x])
    X = np.random.default_rng(0).standard_normal((4, 7, 3))
    zeros = {s: np.zeros((4, s.shape[1])) for s in leaves(start)}
    seed = {outputs: np.ones((4, 7, 3))}
    plain = plan.run({x: X, **zeros}, seeds=seed)
    every_other = np.repeat(X, 2, axis=0)[::2]
    for form in (
        np.asfortranarray(X),
        X[::-1, :, ::-1][::-1, :, ::-1],
        every_other,
        X.astype(">f8"),
        X.transpose(1, 0, 2).copy().transpose(1, 0, 2),
    ):
        run = plan.run({x: form, **zeros}, seeds=seed)
        near(run[outputs], plain[outputs])
        near(run.grad(x), plain.grad(x))


def test_a_parameter_copies_its_first_array_and_shows_a_read_only_view():
    array = np.ones((2, 2))
    w = Parameter("w", array)
    array[:] = 5
    assert (w.value == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        w.value[0, 0] = 3
    other = np.zeros((2, 2))
    w.assign(other)
    other[:] = 9
    assert (w.value == 0).all()
    w.assign([[1, 2], [3, 4]])
    assert w.value.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ShapeError, match=r"w: has shape \[2, 2\], got \[2\]"):
        w.assign([1, 2])
    narrow = Parameter("v", np.zeros(2, np.float32))
    with pytest.raises(DtypeError, match=r"v: is float32, got float64; convert it first"):
        narrow.assign(np.zeros(2))
    with pytest.raises(DtypeError, match="a parameter holds floats, not int64"):
        Parameter("n", [1, 2])


def test_results_are_asked_for_by_tensor_or_structure():
    x, start, outputs, states = sequence_model()
    plan = Plan(ops.sum(outputs), also=[states])
    run = plan.run({x: np.zeros((1, 2, 3)), **{s: np.zeros((1, s.shape[1])) for s in leaves(start)}})
    assert isinstance(run[states], tuple)
    assert run[states][0].h.shape == (1, 4)
    assert [array.shape for array in run[[states[0].c, states[1].h]]] == [(1, 4), (1, 3)]
    with pytest.raises(
        UnknownPathError, match=r"rnn/outputs is not an output of this plan; compile it with also=\[\.\.\.\]"
    ):
        run[outputs]
    with pytest.raises(
        GradientError, match=r"no gradient of rnn/outputs: the plan does not differentiate it; name it in wrt="
    ):
        run.grad(outputs)
    values = plan.run(
        {x: np.zeros((1, 2, 3)), **{s: np.zeros((1, s.shape[1])) for s in leaves(start)}}, gradients=False
    )
    assert values.gradients == {}
    with pytest.raises(GradientError, match=r"no gradient of rnn/layer0/kernel: this run computed no gradients"):
        values.grad(plan.parameters[0])


def test_seeds_in_front_axes_equal_one_seed_at_a_time_through_a_whole_model():
    """The Jacobian of a bidirectional stack with an embedding and masked lengths, all its rows in one run."""
    g = Graph(dtype="float64")
    ids, lengths = g.placeholder("ids", ("batch", "time"), "int64"), g.placeholder("lengths", ("batch",), "int64")
    vectors = Embedding(5, 3)(ids)
    outputs, (fw, bw) = BiRNN(LSTMCell(2), GRUCell(2))(vectors, over="time", lengths=lengths)
    logits = Dense(3, activation="tanh")(ops.concat([fw.h, bw.h]))
    loss = softmax_cross_entropy(logits, ids[:, 0] % 3, reduction="none")
    plan = Plan([loss, outputs], wrt=[*Plan([loss, outputs]).parameters, vectors])
    rng = np.random.default_rng(0)
    feeds = {ids: rng.integers(0, 5, (3, 4)), lengths: [4, 0, 2]}
    many = {loss: rng.standard_normal((5, 3)), outputs: rng.standard_normal((5, 3, 4, 4))}
    together, _ = same(plan, feeds, seeds=many)
    for k in range(5):
        alone = plan.run(feeds, seeds={tensor: seed[k] for tensor, seed in many.items()})
        for tensor in plan.differentiated:
            assert together.grad(tensor).shape == (5, *alone.grad(tensor).shape)
            near(together.grad(tensor)[k], alone.grad(tensor), what=tensor.path)
    none = plan.run(feeds, seeds={tensor: seed[:0] for tensor, seed in many.items()})
    assert all(none.grad(tensor).shape[0] == 0 for tensor in plan.differentiated)


def test_seeds_are_checked():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("n",))
    y, z = x * 2.0, ops.sum(x)
    plan = Plan([y, z], wrt=[x])
    with pytest.raises(GradientError, match=r"multiply float64\[n\] is no scalar, so its gradient needs a seed"):
        plan.run({x: [1, 2]})
    with pytest.raises(GradientError, match=r"seeds: multiply is \[2\], its seed \[3\]"):
        plan.run({x: [1, 2]}, seeds={y: [1, 2, 3]})
    with pytest.raises(GradientError, match=r"seeds: the axes in front differ: \[\[2\], \[3\]\]"):
        plan.run({x: [1, 2]}, seeds={y: np.ones((2, 2)), z: np.ones(3)})
    with pytest.raises(GradientError, match=r"seeds: x is not a target of this plan"):
        plan.run({x: [1, 2]}, seeds={x: [1, 2]})
    assert plan.run({x: [1, 2]}, seeds={y: [1, 2]}).grad(x).tolist() == [3, 5]
    assert plan.run({x: [1, 2]}, seeds={y: [[1, 2], [0, 0]]}).grad(x).tolist() == [[3, 5], [1, 1]]


def test_the_first_state_of_a_loop_may_be_fed_in_any_structure():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", "time", 2))
    start = g.placeholders_like((State(x[:, 0], x[:, 0]),), "start")
    with Loop("time") as loop:
        before = loop.delay(start)
        step = loop.slice(x)
        loop.feed(before, (State(before[0].c + step, before[0].h * step),))
    last = loop.last(before)
    run = Plan(leaves(last), wrt=[]).run({x: np.ones((1, 2, 2)), start: [State([[1, 2]], [[3, 4]])]})
    assert run[last][0].c.tolist() == [[2, 3]]
    assert run[last][0].h.tolist() == [[3, 4]]
    assert [tensor.path for tensor in leaves(start)] == ["start/layer0/c", "start/layer0/h"]
