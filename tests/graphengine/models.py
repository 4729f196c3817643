"""Models that plans and traces are tried on, small, with every part of the layers in them somewhere."""

from collections import namedtuple

import numpy as np

from demos.words import FORMS, batch, windows
from graphengine import Graph, Loop, Plan, ops
from layers import (
    BiRNN,
    Dense,
    Embedding,
    GRUCell,
    LearnedState,
    LSTMCell,
    MultiRNNCell,
    RNNCell,
    dynamic_rnn,
    mean_squared_error,
    softmax_cross_entropy,
)

Model = namedtuple("Model", "plan feeds given", defaults=({},))
B, T, I = 3, 4, 2


def _start(dtype="float64", seed=0):
    g = Graph("model", dtype=dtype, seed=seed)
    x = g.placeholder("x", ("batch", "time", I))
    y = g.placeholder("y", ("batch",), dtype="int64")
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((B, T, I)).astype(dtype)
    return g, x, y, {x: X, y: rng.integers(0, 3, B)}


def _spread(plan, seed=5):
    """Biases and gains that are not zero or one, so that nothing is right by accident."""
    rng = np.random.default_rng(seed)
    for parameter in plan.parameters:
        parameter.assign((parameter.value + rng.standard_normal(parameter.shape) * 0.3).astype(parameter.dtype))
    return plan


def classifier(x, y, summary, feeds, also=(), **given):
    loss = softmax_cross_entropy(Dense(3)(summary), y)
    probe = Plan(loss)
    return Model(_spread(Plan(loss, also=also, wrt=[*probe.parameters, x])), feeds, given)


def single(dtype="float64"):
    _, x, y, feeds = _start(dtype)
    outputs, state = dynamic_rnn(LSTMCell(3), x, over="time")
    return classifier(x, y, state.h, feeds, also=[outputs, state])


def every_step():
    g, x, _, feeds = _start()
    outputs, _ = dynamic_rnn(GRUCell(3), x, over="time", reverse=True)
    target = g.placeholder("target", ("batch", "time", 2))
    loss = mean_squared_error(Dense(2, activation="tanh")(outputs), target)
    feeds = {x: feeds[x], target: np.random.default_rng(1).standard_normal((B, T, 2))}
    return Model(_spread(Plan(loss, wrt=[*Plan(loss).parameters, x])), feeds)


def stack(dtype="float64"):
    _, x, y, feeds = _start(dtype)
    outputs, states = dynamic_rnn(MultiRNNCell([LSTMCell(3), GRUCell(2, reset="before"), RNNCell(4)]), x, over="time")
    return classifier(x, y, states[-1].h, feeds, also=[outputs, states])


def birnn(between, merge="concat", lengths=None, cell=LSTMCell, dtype="float64"):
    g, x, y, feeds = _start(dtype)
    stacks = [MultiRNNCell([cell(3), cell(2)]) for _ in range(2)]
    rows = None
    if lengths is not None:
        rows = g.placeholder("lengths", ("batch",), dtype="int64")
        feeds[rows] = lengths
    outputs, (fw, bw) = BiRNN(*stacks, between=between, merge=merge)(x, over="time", lengths=rows)
    summary = ops.concat([fw[-1].h, bw[-1].h, ops.mean(outputs, "time")])
    return classifier(x, y, summary, feeds, also=[outputs, fw, bw])


def padded():
    return birnn("concat", lengths=[T, 0, 2])


def learned():
    _, x, y, feeds = _start()
    cell = MultiRNNCell([LSTMCell(3), LSTMCell(3)])
    _, states = dynamic_rnn(cell, x, over="time", initial_state=LearnedState(0.3))
    return classifier(x, y, states[-1].c, feeds)


def embedded():
    g, _, y, feeds = _start()
    ids = g.placeholder("ids", ("time", "batch"), dtype="int64")
    vectors = Embedding(6, I, padding_id=0)(ids)
    outputs, state = dynamic_rnn(LSTMCell(3), ops.layer_norm(vectors, np.full(I, 1.2), np.full(I, 0.1)), over="time")
    loss = softmax_cross_entropy(Dense(3)(ops.max(outputs, "time") + state.h), y)
    feeds = {ids: np.random.default_rng(2).integers(1, 6, (T, B)), y: feeds[y]}
    return Model(_spread(Plan(loss)), feeds)


def noisy():
    """Dropout on the input, in every step, and one mask for all steps."""
    _, x, y, feeds = _start()
    dropped = ops.dropout(x, 0.4)
    with Loop("time") as loop:
        h = loop.delay(x.graph.fill(("batch", I)))
        step = ops.dropout(loop.slice(dropped), 0.3, name="fresh") + ops.normal(h, std=0.1)
        after = ops.tanh(step + ops.dropout(h, 0.3, same_over="time", name="same") * 2.0)
        loop.feed(h, after)
    return classifier(x, y, loop.last(after), feeds)


def attention():
    """A decoder that looks at the encoder's outputs and is fed what it chose, an integer, until it is through."""
    g, x, _, feeds = _start()
    memory, state = dynamic_rnn(LSTMCell(3), x, over="time")
    table, head = Embedding(4, 2), Dense(4)
    cell = GRUCell(3)
    with Loop("target") as loop:
        before, word = loop.delay((state.h, g.fill(("batch",), 1, "int64")))
        scores = ops.squeeze(memory @ ops.expand_dims(before, -1), -1)
        context = ops.sum(ops.expand_dims(ops.softmax(scores), -1) * memory, 1)
        h, _ = cell(ops.concat([table(word), context]), cell.state(x[:, 0].spec)._replace(h=before))
        logits = head(h)
        chosen = ops.argmax(logits, -1)
        loop.feed((before, word), (h, chosen))
        loop.until(ops.sum(ops.cast(chosen, "float64")) > 1e9)
    every, words = loop.stack(logits), loop.stack(chosen)
    loss = ops.mean(ops.log_softmax(every)[:, :, 2] * -1.0)
    return Model(_spread(Plan(loss, also=[every, words])), {x: feeds[x]}, {"sizes": {"target": 5}})


def words(form):
    model = FORMS[form]()
    X, Y = batch(*next(windows()))
    return Model(Plan(model.loss, also=[model.logits, model.outputs]), {model.x: X, model.y: Y})


MODELS = {
    "single": single,
    "every_step": every_step,
    "stack": stack,
    "independent": lambda: birnn("independent"),
    "concat": lambda: birnn("concat"),
    "sum": lambda: birnn("concat", merge="sum", cell=RNNCell),
    "padded": padded,
    "learned": learned,
    "embedded": embedded,
    "noisy": noisy,
    "attention": attention,
    **{f"words {form}": lambda form=form: words(form) for form in FORMS},
}
