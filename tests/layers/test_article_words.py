"""The article's five word models, number by number."""

import json
from pathlib import Path

import numpy as np
import pytest

from demos.words import FORMS, VOCABULARY, batch, encode, windows
from graphengine import SGD, Plan

DATA = Path(__file__).parents[1] / "data" / "article"
FILES = {
    "lstm": "LSTMMain",
    "initstate": "LSTMMaininitstate",
    "multi": "LSTMMainmulti",
    "bi": "LSTMMainbi",
    "bimulti": "LSTMMainbimulti",
}
PLACES = {
    "cell": "rnn",
    "cell1": "rnn/layer0",
    "cell2": "rnn/layer1",
    "fw_cell": "birnn/fw",
    "bw_cell": "birnn/bw",
    "fw_cell1": "birnn/fw/layer0",
    "fw_cell2": "birnn/fw/layer1",
    "bw_cell1": "birnn/bw/layer0",
    "bw_cell2": "birnn/bw/layer1",
}
FORWARD = ("f", "i", "cproj", "o", "c", "h")
BACKWARD = {
    "dht": "h",
    "dct": "c",
    "dft": "f_pre",
    "dit": "i_pre",
    "dcproj": "cproj_pre",
    "dot": "o_pre",
    "dh_next": "h_prev",
    "dc_next": "c_prev",
}
GATES = ("f", "i", "c", "o")

form = pytest.mark.parametrize("form", FORMS)


def golden(form):
    return np.load(DATA / f"{FILES[form]}.npz")


def near(ours, theirs, tolerance=1e-12):
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def first_trace(model):
    words, following = next(windows())
    X, Y = batch(words, following)
    return Plan(model.loss, also=(model.logits, model.states)).trace({model.x: X, model.y: Y})


def position(name, step):
    return 2 - step if name.startswith("bw") else step


def test_the_windows_are_the_articles():
    draw = windows()
    targets = [VOCABULARY.index(next(draw)[1]) for _ in range(20)]
    assert targets == [0, 2, 0, 2, 4, 8, 7, 3, 0, 2, 0, 2, 4, 8, 7, 3, 7, 3, 0, 2]
    np.testing.assert_array_equal(encode(next(windows())[0])[None], golden("lstm")["X"])


@form
def test_every_forward_value(form):
    model, wanted = FORMS[form](), golden(form)
    trace = first_trace(model)
    for name in model.cells:
        for step in range(3):
            for value in FORWARD:
                ours = trace.value(f"{PLACES[name]}/{value}", position(name, step))
                near(ours, wanted[f"fwd/{name}/t{step}/{value}"].T)
    near(trace.value(model.logits), wanted["logits"][:, -1])
    near(trace.value(model.loss), wanted["loss_trace"][0])


@form
def test_every_gradient_of_every_step(form):
    model, wanted = FORMS[form](), golden(form)
    trace = first_trace(model)
    compared = 0
    for name in model.cells:
        for step in range(3):
            at = f"bwd/{name}/t{step}"
            if f"{at}/dht" not in wanted.files:
                continue
            for theirs, ours in BACKWARD.items():
                given = wanted[f"{at}/{theirs}"]
                near(trace.grad(f"{PLACES[name]}/{ours}", position(name, step)), given.T)
                compared += 1
    assert compared >= 3 * len(BACKWARD) * (len(model.cells) if form in ("lstm", "initstate", "multi") else 1)


@form
def test_weight_gradients_of_the_first_step(form):
    model, wanted = FORMS[form](), golden(form)
    trace = first_trace(model)
    near(trace.grad(model.dense.kernel), wanted["grad/RNN/Y/0/dWy"])
    near(trace.grad(model.dense.bias), wanted["grad/RNN/Y/0/dBy"][0])
    for direction in ("fw", "bw"):
        group = [name for name in model.cells if not name.startswith("bw")]
        if direction == "bw":
            group = [name for name in model.cells if name.startswith("bw")]
        for place, name in enumerate(reversed(group)):
            kernel, recurrent, bias = (
                trace.grad(getattr(model.cells[name], part)) for part in ("kernel", "recurrent_kernel", "bias")
            )
            for gate, letter in enumerate(GATES):
                part = slice(5 * gate, 5 * gate + 5)
                both = np.concatenate([kernel[:, part], recurrent[:, part]]).T
                near(both, wanted[f"grad/RNN/{direction}_cell/{place}/dw{letter}"])
                near(bias[part], wanted[f"grad/RNN/{direction}_cell/{place}/db{letter}"][:, 0])


@form
def test_two_hundred_iterations(form):
    model, wanted = FORMS[form](), golden(form)
    plan = Plan(model.loss)
    optimizer = SGD(plan.parameters, learning_rate=0.001)
    draw = windows()
    for iteration in range(1, 201):
        X, Y = batch(*next(draw))
        run = plan.run({model.x: X, model.y: Y})
        near(run[model.loss], wanted["loss_trace"][iteration - 1])
        optimizer.step(run)
        if iteration in (1, 100, 200):
            _same_weights(model, wanted, iteration)


def _same_weights(model, wanted, iteration):
    near(model.dense.kernel.value, wanted[f"w{iteration}/out_l:kernel"])
    near(model.dense.bias.value, wanted[f"w{iteration}/out_l:bias"][0])
    for name, cell in model.cells.items():
        theirs = wanted[f"w{iteration}/{name}"]
        ours = np.concatenate([cell.bias.value[None], cell.kernel.value, cell.recurrent_kernel.value]).T
        near(ours, theirs)


def test_tensorflows_printed_numbers():
    printed = json.loads((DATA / "article_tf_numbers.json").read_text())
    trace = first_trace(FORMS["bi"]())

    def same(path, numbers):
        given = np.array([np.full(5, number) for number in np.atleast_1d(numbers)])
        near(np.atleast_2d(trace.value(path).reshape(-1, 5)), given, 3e-8)

    same("birnn/fw/h", printed["bi"]["tfbi_output_fw"])
    same("birnn/bw/h", printed["bi"]["tfbi_output_bw"])
    for direction in ("fw", "bw"):
        for part in ("c", "h"):
            same(f"birnn/{direction}/{part}_last", printed["bi"][f"tfbi_state_{direction}_{part}"])
    near(trace.value("last_outputs")[0], np.array(printed["bi"]["cc_output"]), 3e-8)
    two = first_trace(FORMS["bimulti"]())
    for layer in (0, 1):
        for part, numbers in printed[f"bimulti_layer{layer + 1}_3dp"].items():
            given = two.value(f"birnn/fw/layer{layer}/{part}")[:, 0, 0]
            np.testing.assert_allclose(np.floor(given * 1000) / 1000, numbers, atol=1.1e-3)
