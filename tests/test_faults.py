"""Every fault measured in the article's code (docs: "The article, measured", section 3), shown to be right here.

The reference is `plain_lstm`, backpropagation through time written out in NumPy, except where it is a number printed by
TensorFlow or something simpler still. Weights, biases and states are random, so that nothing agrees by symmetry.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from demos.words import FORMS, batch, windows
from graphengine import SGD, Graph, Plan, check_gradients, initializers, ops
from graphengine.errors import ShapeError
from layers import (
    BiRNN,
    Dense,
    Embedding,
    LSTMCell,
    LSTMState,
    MultiRNNCell,
    dynamic_rnn,
    softmax_cross_entropy,
    zero_state,
)
from tests.plain_lstm import LSTM, cross_entropy, softmax

TF = json.loads((Path(__file__).parent / "data" / "article" / "article_tf_numbers.json").read_text())
I, V = 3, 4


def near(ours, theirs, tolerance=1e-12):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def start(batch_axis="batch"):
    g = Graph(dtype="float64", seed=7)
    return g, g.placeholder("x", (batch_axis, "time", I))


def data(rows=4, steps=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, steps, I)), rng.integers(0, V, rows), rng.integers(0, V, (rows, steps))


def shaken(plan, seed=1):
    """Give every parameter random values, biases included."""
    rng = np.random.default_rng(seed)
    for parameter in plan.parameters:
        parameter.assign(rng.standard_normal(parameter.shape) * 0.6)
    return plan


def same_cell(run, cell, reference):
    """The gradients of a cell are the reference's."""
    near(run.grad(cell.kernel), reference.dW)
    near(run.grad(cell.recurrent_kernel), reference.dU)
    near(run.grad(cell.bias), reference.db)


def same_dense(run, dense, x, dy):
    """The gradients of a linear layer on its input, whatever axes stand in front."""
    near(run.grad(dense.kernel), x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1]))
    near(run.grad(dense.bias), dy.reshape(-1, dy.shape[-1]).sum(0))


def words(form, also):
    model = FORMS[form]()
    X, Y = batch(*next(windows()))
    plan = Plan(model.loss, also=also(model))
    return model, plan, plan.run({model.x: X, model.y: Y})


def test_c1_backward_outputs_stand_in_the_order_of_the_input():
    """The first position holds the backward direction's last step, and its state is the one at position 0."""
    model, _, run = words("bi", lambda m: [m.outputs, m.states])
    outputs, (fw, bw) = run[model.outputs][0], run[model.states]
    near(outputs[:, :5], np.repeat(TF["bi"]["tfbi_output_fw"], 5).reshape(3, 5), 3e-8)
    near(outputs[:, 5:], np.repeat(TF["bi"]["tfbi_output_bw"], 5).reshape(3, 5), 3e-8)
    near(outputs[-1], TF["bi"]["cc_output"], 3e-8)
    for state, direction in ((fw, "fw"), (bw, "bw")):
        near(state.c, np.full((1, 5), TF["bi"][f"tfbi_state_{direction}_c"]), 3e-8)
        near(state.h, np.full((1, 5), TF["bi"][f"tfbi_state_{direction}_h"]), 3e-8)
    near(bw.h, outputs[None, 0, 5:])


def test_c1_the_backward_pass_belongs_to_that_order():
    g, x = start()
    y = g.placeholder("y", ("batch", "time"), "int64")
    fw, bw, dense = LSTMCell(3), LSTMCell(2), Dense(V)
    outputs, _ = BiRNN(fw, bw)(x, over="time")
    plan = shaken(Plan(softmax_cross_entropy(dense(outputs), y)))
    X, _, Y = data()
    forward, backward = LSTM.like(fw), LSTM.like(bw)
    h = np.concatenate([forward.forward(X), backward.forward(X, reverse=True)], axis=-1)
    loss, d = cross_entropy(h @ dense.kernel.value + dense.bias.value, Y)
    run = plan.run({x: X, y: Y})
    near(run[plan.targets[0]], loss)
    same_dense(run, dense, h, d)
    dh = d @ dense.kernel.value.T
    forward.backward(dh[..., :3])
    backward.backward(dh[..., 3:])
    same_cell(run, fw, forward)
    same_cell(run, bw, backward)


def test_c2_the_last_output_never_uses_the_backward_context_and_final_states_do():
    """`outputs[:, -1]` holds the backward direction's first step: no gradient reaches its recurrence."""
    model, plan, run = words("bi", lambda m: [])
    fw, bw = model.cells["fw_cell"], model.cells["bw_cell"]
    forget = slice(0, 5)
    assert not run.grad(bw.recurrent_kernel).any()
    assert not run.grad(bw.kernel)[:, forget].any()
    assert run.grad(bw.kernel)[:, 5:].any()
    assert run.grad(fw.recurrent_kernel).any()

    g, x = start()
    y = g.placeholder("y", ("batch",), "int64")
    fw, bw, dense = LSTMCell(5), LSTMCell(5), Dense(V)
    _, (fw_state, bw_state) = BiRNN(fw, bw)(x, over="time")
    plan = shaken(Plan(softmax_cross_entropy(dense(ops.concat([fw_state.h, bw_state.h])), y)))
    X, Y, _ = data()
    run = plan.run({x: X, y: Y})
    assert run.grad(bw.recurrent_kernel).all()
    assert run.grad(bw.kernel)[:, forget].all()


def test_w1_loss_at_every_step():
    g, x = start()
    y = g.placeholder("y", ("batch", "time"), "int64")
    cell, dense = LSTMCell(5), Dense(V)
    outputs, _ = dynamic_rnn(cell, x, over="time")
    plan = shaken(Plan(softmax_cross_entropy(dense(outputs), y)))
    X, _, Y = data()
    reference = LSTM.like(cell)
    h = reference.forward(X)
    loss, d = cross_entropy(h @ dense.kernel.value + dense.bias.value, Y)
    reference.backward(d @ dense.kernel.value.T)
    run = plan.run({x: X, y: Y})
    near(run[plan.targets[0]], loss)
    same_dense(run, dense, h, d)
    same_cell(run, cell, reference)


def last_step_classifier(hidden=5):
    g, x = start()
    y = g.placeholder("y", ("batch",), "int64")
    cell, dense = LSTMCell(hidden), Dense(V)
    _, state = dynamic_rnn(cell, x, over="time")
    logits = dense(state.h)
    return x, y, cell, dense, shaken(Plan(softmax_cross_entropy(logits, y), also=[logits, state]))


def check_last_step(x, y, cell, dense, plan, X, Y):
    reference = LSTM.like(cell)
    reference.forward(X)
    loss, d = cross_entropy(reference.h @ dense.kernel.value + dense.bias.value, Y)
    reference.backward(dh_last=d @ dense.kernel.value.T)
    run = plan.run({x: X, y: Y})
    near(run[plan.targets[0]], loss)
    same_dense(run, dense, reference.h, d)
    same_cell(run, cell, reference)
    return run


def test_w2_batches_larger_than_one():
    x, y, cell, dense, plan = last_step_classifier()
    X, Y, _ = data(rows=6)
    run = check_last_step(x, y, cell, dense, plan, X, Y)
    alone = [plan.run({x: X[row : row + 1], y: Y[row : row + 1]}) for row in range(6)]
    for parameter in plan.parameters:
        near(run.grad(parameter), np.mean([each.grad(parameter) for each in alone], axis=0))


def test_w3_state_does_not_leak_between_runs():
    model, plan, first = words("lstm", lambda m: [m.states])
    X, Y = batch(*next(windows()))
    for _ in range(3):
        only = plan.run({model.x: X, model.y: Y}, gradients=False)
        assert np.array_equal(only[model.states].h, first[model.states].h)
    near(first[model.states].h, np.full((1, 5), 0.16714133), 1e-8)


def test_w4_final_states_of_both_directions_as_a_summary():
    g, x = start()
    y = g.placeholder("y", ("batch",), "int64")
    fw, bw, dense = LSTMCell(5), LSTMCell(5), Dense(V)
    _, (fw_state, bw_state) = BiRNN(fw, bw)(x, over="time")
    plan = shaken(Plan(softmax_cross_entropy(dense(ops.concat([fw_state.h, bw_state.h])), y)))
    X, Y, _ = data()
    forward, backward = LSTM.like(fw), LSTM.like(bw)
    forward.forward(X)
    backward.forward(X, reverse=True)
    summary = np.concatenate([forward.h, backward.h], axis=1)
    _, d = cross_entropy(summary @ dense.kernel.value + dense.bias.value, Y)
    dh = d @ dense.kernel.value.T
    forward.backward(dh_last=dh[:, :5])
    backward.backward(dh_last=dh[:, 5:])
    run = plan.run({x: X, y: Y})
    same_dense(run, dense, summary, d)
    same_cell(run, fw, forward)
    same_cell(run, bw, backward)


def stacked(sizes):
    """A stack with a loss at every step, and the reference after its backward pass, lowest layer first."""
    g, x = start()
    y = g.placeholder("y", ("batch", "time"), "int64")
    cells, dense = [LSTMCell(size) for size in sizes], Dense(V)
    outputs, _ = dynamic_rnn(MultiRNNCell(cells), x, over="time")
    loss = softmax_cross_entropy(dense(outputs), y)
    plan = shaken(Plan(loss, wrt=[*Plan(loss).parameters, x]))
    X, _, Y = data()
    references = [LSTM.like(cell) for cell in cells]
    h = X
    for reference in references:
        h = reference.forward(h)
    _, d = cross_entropy(h @ dense.kernel.value + dense.bias.value, Y)
    dh = d @ dense.kernel.value.T
    for reference in reversed(references):
        dh = reference.backward(dh)
    return x, cells, references, plan, {x: X, y: Y}, dh


@pytest.mark.parametrize("sizes", [(5, 3, 4), (2, 6), (4, 4)], ids=str)
def test_w5_stacked_cells_of_different_sizes(sizes):
    x, cells, references, plan, feeds, dx = stacked(sizes)
    run = plan.run(feeds)
    for cell, reference in zip(cells, references, strict=True):
        same_cell(run, cell, reference)
    near(run.grad(x), dx)


def test_w6_time_and_depth_parts_of_a_gradient_are_told_apart():
    """All features of dx arrive; what reaches h from the next step and what from the layer above are separate edges."""
    x, _, references, plan, feeds, dx = stacked((5, 3))
    trace = plan.trace(feeds)
    h = plan.graph["rnn/layer0/h"]
    delay = plan.graph["rnn/layer0/h_prev"].node
    ((above, i),) = [
        (node, i)
        for node in plan.nodes
        for i, tensor in enumerate(node.inputs)
        if tensor is h and "layer1" in node.path
    ]
    steps = 5
    for t in range(steps):
        near(trace.grad("rnn/x_t", t), dx[:, t])
        through_depth = trace.contribution(above, i, t)
        near(through_depth, references[1].dx[:, t])
        through_time = trace.contribution(delay, 1, t + 1) if t + 1 < steps else np.zeros_like(through_depth)
        near(through_time, references[0].dh_int[t])
        near(trace.grad(h, t), through_time + through_depth)
    assert not references[0].dh_int[steps - 1].any()
    assert trace.grad("rnn/x_t", 0).shape == (4, I)
    near(trace.grad(x), dx)


def started_classifier(hidden):
    """A classifier whose first state is fed."""
    g, x = start()
    y = g.placeholder("y", ("batch",), "int64")
    cell, dense = LSTMCell(hidden), Dense(V)
    first = g.placeholders_like(cell.state(x[:, 0].spec), "first")
    _, state = dynamic_rnn(cell, x, over="time", initial_state=first)
    loss = softmax_cross_entropy(dense(state.h), y)
    return g, x, y, cell, dense, first, shaken(Plan(loss, also=[state], wrt=[*Plan(loss).parameters, *first]))


@pytest.mark.parametrize("rows", [5, 4], ids=["batch equals hidden", "control"])
def test_w7_batch_equal_to_hidden_transposes_nothing(rows):
    _, x, y, cell, dense, first, plan = started_classifier(5)
    X, Y, _ = data(rows)
    rng = np.random.default_rng(3)
    c_0, h_0 = rng.standard_normal((2, rows, 5))
    reference = LSTM.like(cell)
    reference.forward(X, c_0, h_0)
    _, d = cross_entropy(reference.h @ dense.kernel.value + dense.bias.value, Y)
    reference.backward(dh_last=d @ dense.kernel.value.T)
    run = plan.run({x: X, y: Y, first: LSTMState(c_0, h_0)})
    near(run[plan.also[1]], reference.h)
    near(run.grad(first.c), reference.dc_0)
    near(run.grad(first.h), reference.dh_0)
    same_cell(run, cell, reference)


def test_w7_a_transposed_state_is_refused_even_when_it_would_fit():
    g, x = start()
    turned = g.placeholder("turned", (5, "batch"))
    with pytest.raises(ShapeError, match=r"c must be float64\[batch, 5\], got turned \[5, batch\]"):
        dynamic_rnn(LSTMCell(5), x, over="time", initial_state=LSTMState(turned, turned))


def test_w8_directions_of_unlike_size():
    g, x = start()
    y = g.placeholder("y", ("batch", "time"), "int64")
    fw, bw, dense = LSTMCell(5), LSTMCell(4), Dense(V)
    outputs, _ = BiRNN(fw, bw)(x, over="time")
    plan = shaken(Plan(softmax_cross_entropy(dense(outputs), y)))
    X, _, Y = data()
    forward, backward = LSTM.like(fw), LSTM.like(bw)
    h = np.concatenate([forward.forward(X), backward.forward(X, reverse=True)], axis=-1)
    _, d = cross_entropy(h @ dense.kernel.value + dense.bias.value, Y)
    dh = d @ dense.kernel.value.T
    forward.backward(dh[..., :5])
    backward.backward(dh[..., 5:])
    run = plan.run({x: X, y: Y})
    same_dense(run, dense, h, d)
    same_cell(run, fw, forward)
    same_cell(run, bw, backward)


def test_w9_one_recurrent_layer_feeding_another():
    """Two drivers in a row, the second reading the first's outputs and nothing of its state."""
    g, x = start()
    y = g.placeholder("y", ("batch",), "int64")
    lower, upper, dense = LSTMCell(5), LSTMCell(3), Dense(V)
    outputs, _ = dynamic_rnn(lower, x, over="time")
    _, state = dynamic_rnn(upper, outputs, over="time")
    plan = shaken(Plan(softmax_cross_entropy(dense(state.h), y)))
    X, Y, _ = data()
    below, above = LSTM.like(lower), LSTM.like(upper)
    above.forward(below.forward(X))
    _, d = cross_entropy(above.h @ dense.kernel.value + dense.bias.value, Y)
    below.backward(above.backward(dh_last=d @ dense.kernel.value.T))
    run = plan.run({x: X, y: Y})
    same_cell(run, upper, above)
    same_cell(run, lower, below)


def test_w10_one_cell_used_twice_adds_its_gradients_up():
    """Two sentences read by one cell (siamese): its gradient is the sum of both readings."""
    g, x = start()
    other, y = g.placeholder("other", ("batch", "words", I)), g.placeholder("y", ("batch",), "int64")
    cell, dense = LSTMCell(5), Dense(V)
    _, one = dynamic_rnn(cell, x, over="time")
    _, two = dynamic_rnn(cell, other, over="words")
    plan = shaken(Plan(softmax_cross_entropy(dense(one.h - two.h), y)))
    assert len(plan.parameters) == 5
    X, Y, _ = data()
    Z, _, _ = data(steps=3, seed=9)
    first, second = LSTM.like(cell), LSTM.like(cell)
    first.forward(X)
    second.forward(Z)
    difference = first.h - second.h
    _, d = cross_entropy(difference @ dense.kernel.value + dense.bias.value, Y)
    dh = d @ dense.kernel.value.T
    first.backward(dh_last=dh)
    second.backward(dh_last=-dh)
    run = plan.run({x: X, other: Z, y: Y})
    same_dense(run, dense, difference, d)
    near(run.grad(cell.kernel), first.dW + second.dW)
    near(run.grad(cell.recurrent_kernel), first.dU + second.dU)
    near(run.grad(cell.bias), first.db + second.db)


def test_w11_dense_on_dense():
    g = Graph(dtype="float64")
    x, y = g.placeholder("x", ("batch", I)), g.placeholder("y", ("batch",), "int64")
    hidden, top = Dense(6), Dense(V)
    plan = shaken(Plan(softmax_cross_entropy(top(hidden(x)), y)))
    X, Y = np.random.default_rng(0).standard_normal((5, I)), np.array([0, 1, 2, 3, 1])
    h = X @ hidden.kernel.value + hidden.bias.value
    _, d = cross_entropy(h @ top.kernel.value + top.bias.value, Y)
    run = plan.run({x: X, y: Y})
    same_dense(run, top, h, d)
    same_dense(run, hidden, X, d @ top.kernel.value.T)


def test_w11_embedding_then_lstm_then_dense():
    g = Graph(dtype="float64")
    ids, y = g.placeholder("ids", ("batch", "time"), "int64"), g.placeholder("y", ("batch",), "int64")
    table, cell, dense = Embedding(6, I), LSTMCell(5), Dense(V)
    _, state = dynamic_rnn(cell, table(ids), over="time")
    plan = shaken(Plan(softmax_cross_entropy(dense(state.h), y)))
    rng = np.random.default_rng(0)
    N, Y = rng.integers(0, 6, (4, 5)), rng.integers(0, V, 4)
    reference = LSTM.like(cell)
    reference.forward(table.table.value[N])
    _, d = cross_entropy(reference.h @ dense.kernel.value + dense.bias.value, Y)
    dx = reference.backward(dh_last=d @ dense.kernel.value.T)
    rows = np.zeros((6, I))
    for place in np.ndindex(N.shape):
        rows[N[place]] += dx[place]
    run = plan.run({ids: N, y: Y})
    near(run.grad(table.table), rows)
    same_cell(run, cell, reference)
    assert len(N.reshape(-1)) > len(set(N.reshape(-1)))


@pytest.mark.parametrize("use_bias", [True, False])
def test_w12_the_activation_of_a_dense_layer_has_a_derivative(use_bias):
    g = Graph(dtype="float64")
    x, y = g.placeholder("x", ("batch", I)), g.placeholder("y", ("batch",), "int64")
    hidden, top = Dense(6, activation="tanh", use_bias=use_bias), Dense(V)
    features = hidden(x)
    plan = shaken(Plan(softmax_cross_entropy(top(features), y), also=[features]))
    X, Y = np.random.default_rng(0).standard_normal((5, I)), np.array([0, 1, 2, 3, 1])
    h = np.tanh(X @ hidden.kernel.value + (hidden.bias.value if use_bias else 0.0))
    _, d = cross_entropy(h @ top.kernel.value + top.bias.value, Y)
    dz = (d @ top.kernel.value.T) * (1 - h**2)
    run = plan.run({x: X, y: Y})
    near(run[features], h)
    near(run.grad(hidden.kernel), X.T @ dz)
    assert len(plan.parameters) == 3 + use_bias


def test_w13_softmax_and_cross_entropy_do_not_overflow():
    g = Graph(dtype="float64")
    z, y = g.placeholder("z", ("batch", 3)), g.placeholder("y", ("batch",), "int64")
    p, loss = ops.softmax(z), softmax_cross_entropy(z, y, reduction="none")
    plan = Plan(loss, also=[p, ops.log_softmax(z)], wrt=[z])
    Z = np.array([[1000.0, 0.0, 0.0], [700.0, -100.0, -100.0], [-1e4, 0.0, 1e4], [0.0, 0.0, 0.0]])
    run = plan.run({z: Z, y: [0, 0, 0, 1]}, seeds={loss: np.ones(4)})
    near(run[loss], [0.0, 0.0, 2e4, np.log(3)])
    near(run[p], [[1, 0, 0], [1, 0, 0], [0, 0, 1], [1 / 3] * 3])
    near(run.grad(z), [[0, 0, 0], [0, 0, 0], [-1, 0, 1], [1 / 3, -2 / 3, 1 / 3]])
    assert np.isfinite(run[plan.also[1]]).all()


def test_w14_padding_does_not_count_in_the_loss():
    """The loss of a padded batch is that of its real words, whatever the padding holds."""
    g, x = start()
    y, lengths = g.placeholder("y", ("batch", "time"), "int64"), g.placeholder("lengths", ("batch",), "int64")
    cell, dense = LSTMCell(5), Dense(V)
    outputs, _ = dynamic_rnn(cell, x, over="time", lengths=lengths)
    loss = softmax_cross_entropy(dense(outputs), y, weights=ops.sequence_mask(lengths, "time"))
    plan = shaken(Plan(loss, wrt=[*Plan(loss).parameters, x]))
    X, _, Y = data()
    L = np.array([5, 2, 0, 3])
    real = np.arange(5) < L[:, None]
    reference = LSTM.like(cell)
    h = reference.forward(X)
    wanted, d = cross_entropy(h @ dense.kernel.value + dense.bias.value, Y, weights=real.astype(float))
    reference.backward(d @ dense.kernel.value.T)
    for padding in (0.0, 1e6, np.inf, np.nan):
        run = plan.run({x: np.where(real[..., None], X, padding), y: np.where(real, Y, -1), lengths: L})
        near(run[loss], wanted)
        same_cell(run, cell, reference)
        assert not run.grad(x)[~real].any()


def test_w14_attention_puts_no_weight_on_masked_steps():
    g = Graph(dtype="float64")
    memory, lengths = g.placeholder("memory", ("batch", "time", I)), g.placeholder("lengths", ("batch",), "int64")
    query = g.placeholder("query", ("batch", I))
    scores = ops.squeeze(memory @ ops.expand_dims(query, -1), -1)
    weights = ops.softmax(scores, mask=ops.sequence_mask(lengths, "time"))
    rng = np.random.default_rng(0)
    M, Q, L = rng.standard_normal((3, 4, I)), rng.standard_normal((3, I)), [1, 4, 0]
    found = Plan(weights, wrt=[]).run({memory: M, query: Q, lengths: L})[weights]
    near(found[0], [1, 0, 0, 0])
    near(found[1], softmax(M[1] @ Q[1]))
    near(found[2], [0, 0, 0, 0])


def test_w15_variables_of_one_name_share_nothing():
    """Weights belong to cells, not to what a variable in some frame is called."""

    def build(hidden):
        _g, x = start()
        cell = LSTMCell(hidden)
        _, state = dynamic_rnn(cell, x, over="time")
        return x, cell, Plan(ops.sum(state.h))

    x, one, plan = build(5)
    _, other, _ = build(5)
    _, larger, _ = build(7)
    assert larger.kernel.shape == (I, 28)
    assert np.array_equal(one.kernel.value, other.kernel.value)
    SGD(plan.parameters, learning_rate=0.1).step(plan.run({x: data()[0]}))
    assert not np.array_equal(one.kernel.value, other.kernel.value)
    renamed = one
    del one
    assert renamed.kernel.path == other.kernel.path == "rnn/kernel"


def test_w15_cells_made_in_one_expression_are_different_cells():
    cells = [LSTMCell(5) for _ in range(3)]
    g, x = start()
    dynamic_rnn(MultiRNNCell(cells), x, over="time")
    assert [cell.kernel.path for cell in cells] == [f"rnn/layer{layer}/kernel" for layer in range(3)]
    assert not np.array_equal(cells[1].kernel.value, cells[2].kernel.value)
    assert len(g.parameters) == 9


def test_w16_an_initial_array_is_copied():
    """Training one model leaves the array alone, so a second model made from it starts untrained."""
    weights = np.random.default_rng(0).standard_normal((5, V))
    kept = weights.copy()

    def build(initial):
        g, x = start()
        _, state = dynamic_rnn(LSTMCell(5), x, over="time")
        dense = Dense(V, kernel_initializer=initial)
        y = g.placeholder("y", ("batch",), "int64")
        return x, y, dense, Plan(softmax_cross_entropy(dense(state.h), y))

    X, Y, _ = data()
    for initial in (weights, initializers.Constant(weights)):
        x, y, dense, plan = build(initial)
        optimizer = SGD(plan.parameters, learning_rate=1.0)
        for _ in range(3):
            optimizer.step(plan.run({x: X, y: Y}))
        assert not np.array_equal(dense.kernel.value, kept)
        assert np.array_equal(weights, kept)
        assert np.array_equal(build(initial)[2].kernel.value, kept)
    weights[:] = 0
    assert np.array_equal(build(initial)[2].kernel.value, kept)


def test_w17_initializers_keep_their_range_their_seed_and_their_form():
    def kernel(initial, seed=0, shape=(400, 300), **options):
        g = Graph(dtype="float64", seed=seed)
        dense = Dense(shape[1], kernel_initializer=initial, **options)
        dense(g.placeholder("x", ("batch", shape[0])))
        return dense

    uniform = kernel(initializers.Uniform(-1, 1)).kernel.value
    assert -1 <= uniform.min() < -0.999
    assert 0.999 < uniform.max() < 1
    assert abs(uniform.mean()) < 0.01
    assert np.array_equal(uniform, kernel(initializers.Uniform(-1, 1)).kernel.value)
    assert not np.array_equal(uniform, kernel(initializers.Uniform(-1, 1), seed=1).kernel.value)
    default = kernel(initializers.Glorot())
    assert abs(default.kernel.value.mean()) < 0.001
    assert not default.bias.value.any()
    assert kernel([[1, 2], [3, 4]], shape=(2, 2)).kernel.value.tolist() == [[1, 2], [3, 4]]
    assert kernel(initializers.Constant([[1, 2], [3, 4]]), shape=(2, 2)).kernel.value.tolist() == [[1, 2], [3, 4]]
    _g, x = start()
    cell = LSTMCell(5)
    dynamic_rnn(cell, x, over="time")
    assert not cell.bias.value.any()
    assert abs(cell.kernel.value.mean()) < 0.1


def test_w18_the_batch_size_may_change_from_run_to_run():
    x, y, cell, dense, plan = last_step_classifier()
    for rows, steps in ((2, 5), (1, 5), (7, 2), (1, 1), (2, 5)):
        X, Y, _ = data(rows, steps, seed=rows)
        check_last_step(x, y, cell, dense, plan, X, Y)


def test_w18_a_cell_called_by_hand_takes_any_batch():
    g = Graph(dtype="float64")
    x = g.placeholder("x", ("batch", I))
    cell = LSTMCell(5)
    h, state = cell(x, zero_state(cell, x))
    h, _ = cell(x, state)
    plan = shaken(Plan(ops.sum(h), also=[h]))
    for rows in (2, 1, 5):
        X = np.random.default_rng(rows).standard_normal((rows, I))
        near(plan.run({x: X})[h], LSTM.like(cell).forward(np.stack([X, X], axis=1))[:, 1])
    check_gradients(plan, {x: X})


def test_w21_evaluating_leaves_training_alone():
    """Forward only, with and without an error in between, then train: as if nothing had been evaluated."""
    x, y, _, _, plan = last_step_classifier()
    X, Y, _ = data()
    wanted = plan.run({x: X, y: Y})
    for _ in range(2):
        plan.run({x: X[:1], y: Y[:1]}, gradients=False)
    with pytest.raises(ValueError, match="out of range"):
        plan.run({x: X, y: np.full(4, V)})
    run = plan.run({x: X, y: Y})
    for parameter in plan.parameters:
        assert np.array_equal(run.grad(parameter), wanted.grad(parameter))
