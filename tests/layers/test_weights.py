"""Converters of weights: exact round trips, and every loss refused with its reason.

That the converted weights compute what the source's layer does is tested in test_zoo.
"""

import subprocess
import sys

import numpy as np
import pytest

from graphengine import Graph, Plan, errors
from layers import BiRNN, Dense, Embedding, GRUCell, LSTMCell, MultiRNNCell, RNNCell, dynamic_rnn, weights
from layers.weights import (
    from_deep_breathe,
    from_keras,
    from_tf,
    from_torch,
    load_torch,
    part,
    save_torch,
    to_deep_breathe,
    to_keras,
    to_tf,
    to_torch,
)

I, H = 3, 2
GATES = {"rnn": 1, "lstm": 4, "peephole": 4, "gru": 3}


def random(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def ours(kind, *, reset="after", bias=True):
    """Weights in our layout."""
    if kind == "dense":
        return {"kernel": random(I, H), "bias": random(H)} if bias else {"kernel": random(I, H)}
    if kind == "embedding":
        return {"table": random(I, H)}
    wide = GATES[kind] * H
    found = {"kernel": random(I, wide), "recurrent_kernel": random(H, wide)}
    if bias:
        found["bias"] = random(wide)
        if kind == "gru" and reset == "after":
            found["recurrent_bias"] = random(H)
    if kind == "peephole":
        found |= {name: random(H) + k for k, name in enumerate(("p_f", "p_i", "p_o"))}
    return found


def torch_arrays(kind, end="_l0"):
    rows = GATES[kind] * H
    shapes = {"weight_ih": (rows, I), "weight_hh": (rows, H), "bias_ih": (rows,), "bias_hh": (rows,)}
    return {name + end: random(*shape) + i for i, (name, shape) in enumerate(shapes.items())}


def same(found, wanted):
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def lstm(kind):
    return {"forget_bias": 0.0} if kind == "lstm" else {}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru", "dense"])
def test_there_and_back_with_torch(kind, bias):
    same(from_torch(to_torch(ours(kind, bias=bias), kind, **lstm(kind)), kind, **lstm(kind)), ours(kind, bias=bias))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru", "dense"])
def test_there_and_back_with_keras(kind, reset, bias):
    options = lstm(kind) | ({"reset": reset} if kind == "gru" else {})
    start = ours(kind, reset=reset, bias=bias)
    same(from_keras(to_keras(start, kind, **options), kind, **options), start)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "peephole", "gru", "dense"])
def test_there_and_back_with_tensorflow(kind):
    same(from_tf(to_tf(ours(kind, reset="before"), kind), kind), ours(kind, reset="before"))


def test_there_and_back_with_deep_breathe():
    same(from_deep_breathe(to_deep_breathe(ours("lstm"))), ours("lstm"))
    matrix = random(4 * H, 1 + I + H)
    np.testing.assert_array_equal(to_deep_breathe(from_deep_breathe(matrix)), matrix)


def test_embeddings():
    same(from_torch(to_torch(ours("embedding"), "embedding"), "embedding"), ours("embedding"))
    same(from_keras(to_keras(ours("embedding"), "embedding"), "embedding"), ours("embedding"))
    assert list(to_torch(ours("embedding"), "embedding")) == ["weight"]
    assert list(to_keras(ours("embedding"), "embedding")) == ["embeddings"]


def test_through_all_of_them():
    start = ours("lstm")
    by_torch = from_torch(to_torch(start, "lstm", forget_bias=0.0), "lstm", forget_bias=0.0)
    by_keras = from_keras(to_keras(by_torch, "lstm", forget_bias=0.0), "lstm", forget_bias=0.0)
    same(from_deep_breathe(to_deep_breathe(from_tf(to_tf(by_keras, "lstm"), "lstm"))), start)


def test_precision_is_kept_and_nothing_is_shared():
    start = {name: array.astype("float32") for name, array in ours("lstm").items()}
    for there, back in (
        (to_torch(start, "lstm", forget_bias=1.0), lambda x: from_torch(x, "lstm", forget_bias=1.0)),
        (to_keras(start, "lstm", forget_bias=1.0), lambda x: from_keras(x, "lstm", forget_bias=1.0)),
        (to_tf(start, "lstm"), lambda x: from_tf(x, "lstm")),
    ):
        returned = back(there)
        for array in (*there.values(), *returned.values()):
            assert array.dtype == np.float32
            array[...] = 7.0
        same(start, {name: array.astype("float32") for name, array in ours("lstm").items()})


def test_the_blocks_stand_where_each_source_wants_them():
    """Number the gates: f 1, i 2, cproj 3, o 4; r 1, u 2, n 3."""
    numbered = {name: array * 0 + np.repeat([1.0, 2.0, 3.0, 4.0], H) for name, array in ours("lstm").items()}

    def order(array):
        return array.reshape(-1)[::H].tolist() if array.ndim == 1 else array[0, ::H].tolist()

    assert order(to_torch(numbered, "lstm", forget_bias=0.0)["weight_hh_l0"].T) == [2, 1, 3, 4]
    assert order(to_keras(numbered, "lstm", forget_bias=0.0)["kernel"]) == [2, 1, 3, 4]
    assert order(to_tf(numbered, "lstm")["kernel"]) == [2, 3, 1, 4]
    assert order(to_tf(numbered, "lstm")["bias"]) == [2, 3, 1, 4]
    assert order(to_deep_breathe(numbered).T) == [1, 2, 3, 4]
    gates = np.repeat([1.0, 2.0, 3.0], H)
    numbered = {name: array * 0 + gates[-array.shape[-1] :] for name, array in ours("gru").items()}
    assert order(to_torch(numbered, "gru")["weight_ih_l0"].T) == [1, 2, 3]
    assert order(to_keras(numbered, "gru")["recurrent_kernel"]) == [2, 1, 3]
    del numbered["recurrent_bias"]
    assert order(to_tf(numbered, "gru")["gates/kernel"]) == [1, 2]
    assert order(to_tf(numbered, "gru")["candidate/kernel"]) == [3]


def test_two_biases_of_torch_add_up():
    arrays = torch_arrays("lstm")
    found = from_torch(arrays, "lstm", forget_bias=0.0)
    i, f, g, o = np.split(arrays["bias_ih_l0"] + arrays["bias_hh_l0"], 4)
    np.testing.assert_array_equal(found["bias"], np.concatenate([f, i, g, o]))


def test_a_grus_candidate_keeps_its_second_bias():
    arrays = torch_arrays("gru")
    found = from_torch(arrays, "gru")
    summed = arrays["bias_ih_l0"] + arrays["bias_hh_l0"]
    np.testing.assert_array_equal(found["bias"][: 2 * H], summed[: 2 * H])
    np.testing.assert_array_equal(found["bias"][2 * H :], arrays["bias_ih_l0"][2 * H :])
    np.testing.assert_array_equal(found["recurrent_bias"], arrays["bias_hh_l0"][2 * H :])


def test_what_to_torch_writes_into_two_biases():
    start = ours("gru")
    found = to_torch(start, "gru")
    np.testing.assert_array_equal(found["bias_ih_l0"], start["bias"])
    np.testing.assert_array_equal(found["bias_hh_l0"], np.concatenate([np.zeros(2 * H), start["recurrent_bias"]]))
    np.testing.assert_array_equal(to_torch(ours("lstm"), "lstm", forget_bias=0.0)["bias_hh_l0"], 0.0)


@pytest.mark.parametrize(("take", "give"), [(from_torch, to_torch), (from_keras, to_keras)])
def test_the_forget_bias_moves_between_the_bias_and_the_run(take, give):
    start = ours("lstm")
    plain, moved = give(start, "lstm", forget_bias=0.0), give(start, "lstm", forget_bias=1.5)
    for name, array in plain.items():
        change = moved[name] - array
        expected = np.repeat([0.0, 1.5, 0.0, 0.0], H) if name in ("bias", "bias_ih_l0") else np.zeros_like(array)
        np.testing.assert_allclose(change, expected, atol=1e-15)
    np.testing.assert_allclose(take(moved, "lstm", forget_bias=1.5)["bias"], start["bias"], atol=1e-15)


def test_names_may_have_anything_in_front():
    arrays = torch_arrays("rnn")
    same(from_torch({f"encoder.rnn.{name}": array for name, array in arrays.items()}, "rnn"), from_torch(arrays, "rnn"))
    arrays = to_tf(ours("gru", reset="before"), "gru")
    full = {f"rnn/gru_cell/{name}:0": array for name, array in arrays.items()}
    same(from_tf(full, "gru"), ours("gru", reset="before"))
    arrays = to_keras(ours("rnn"), "rnn")
    same(from_keras({f"model.simple_rnn_cell.{name}": array for name, array in arrays.items()}, "rnn"), ours("rnn"))


def test_a_cell_of_torch_has_names_without_a_layer():
    arrays = torch_arrays("lstm", end="")
    found = from_torch(arrays, "lstm", layer=None, forget_bias=0.0)
    same(found, from_torch(torch_arrays("lstm"), "lstm", forget_bias=0.0))
    assert list(to_torch(found, "lstm", layer=None, forget_bias=0.0)) == list(arrays)


def test_one_layer_and_direction_of_many_is_chosen():
    ends = ("_l0", "_l0_reverse", "_l1", "_l1_reverse")
    arrays = {}
    for shift, end in enumerate(ends):
        arrays |= {name: array + 10 * shift for name, array in torch_arrays("rnn", end).items()}
    found = from_torch(arrays, "rnn", layer=1, reverse=True)
    np.testing.assert_array_equal(found["kernel"], arrays["weight_ih_l1_reverse"].T)


def test_a_part_of_a_model():
    assert part({"a/b/kernel": 1, "a/bias": 2, "ab/kernel": 3}, "a") == {"b/kernel": 1, "bias": 2}
    assert part({"a.b.kernel": 1, "a.bias": 2}, "a.b.") == {"kernel": 1}


def lacking(arrays, *names):
    return {name: array for name, array in arrays.items() if name not in names}


KERNELS = {"kernel": random(I, 3 * H), "recurrent_kernel": random(H, 3 * H)}
REFUSED = {
    "reset before, to torch": (
        lambda: to_torch(ours("gru", reset="before"), "gru", reset="before"),
        "PyTorch's GRU resets after the product; one that resets before it has another equation",
    ),
    "reset before, said to be after": (
        lambda: to_torch(ours("gru", reset="before"), "gru"),
        "has both bias and recurrent_bias, or neither",
    ),
    "reset after, to keras reset_after=False": (
        lambda: to_keras(ours("gru"), "gru", reset="before"),
        "its recurrent_bias is multiplied by the reset gate, so it cannot be merged into the one bias",
    ),
    "torch's two biases, to tensorflow": (
        lambda: to_tf(from_torch(torch_arrays("gru"), "gru"), "gru"),
        "its recurrent_bias is multiplied by the reset gate, so it cannot be merged into the one bias",
    ),
    "keras' two biases, as one": (
        lambda: from_keras({**KERNELS, "bias": random(2, 3 * H)}, "gru", reset="before"),
        r"bias \[2, 3H\] is that of reset_after=True: its second row is multiplied by the reset gate",
    ),
    "keras' one bias, as two": (
        lambda: from_keras({**KERNELS, "bias": random(3 * H)}, "gru"),
        r'bias \[3H\] is that of reset_after=False; load it with reset="before"',
    ),
    "cudnn": (
        lambda: from_keras({**ours("lstm"), "bias": random(8 * H)}, "lstm", forget_bias=0.0),
        "a layer made for cuDNN keeps two biases in one",
    ),
    "a projection of torch": (
        lambda: from_torch({**torch_arrays("lstm"), "weight_hr_l0": random(1, H)}, "lstm", forget_bias=0.0),
        "weight_hr_l0: a projection",
    ),
    "a projection of tensorflow": (
        lambda: from_tf({**to_tf(ours("lstm"), "lstm"), "projection/kernel": random(H, 1)}, "lstm"),
        "projection/kernel: a projection",
    ),
    "peepholes": (
        lambda: from_tf({**to_tf(ours("lstm"), "lstm"), "rnn/lstm_cell/w_f_diag:0": random(H)}, "lstm"),
        'rnn/lstm_cell/w_f_diag:0: a peephole has no place in our LSTMCell; load it with kind="peephole" into Peephole',
    ),
    "an unknown name": (
        lambda: from_torch({**torch_arrays("rnn"), "gamma": random(H)}, "rnn"),
        "gamma is none of the names weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0",
    ),
    "a missing name": (
        lambda: from_torch(lacking(torch_arrays("rnn"), "weight_hh_l0"), "rnn"),
        "there is no weight_hh_l0; there are weight_ih_l0, bias_ih_l0, bias_hh_l0",
    ),
    "a layer that is not there": (
        lambda: from_torch(torch_arrays("rnn"), "rnn", layer=1),
        "there are no arrays of _l1; there are weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0",
    ),
    "half of the biases": (
        lambda: from_torch(lacking(torch_arrays("rnn"), "bias_hh_l0"), "rnn"),
        "bias_ih_l0 and bias_hh_l0 come together, or neither does",
    ),
    "one name twice": (
        lambda: from_keras({"a.kernel": random(I, H), "b.kernel": random(I, H)}, "rnn"),
        r"two arrays are called kernel; choose one with part\(arrays, prefix\): a.kernel, b.kernel",
    ),
    "a part that is not there": (lambda: part({"a/kernel": 0}, "b"), "no name starts with 'b'; there are a/kernel"),
    "weights of another kind": (
        lambda: from_torch(torch_arrays("gru"), "lstm", forget_bias=0.0),
        r"weight_hh_l0 should be \[8, 2\], got \[6, 2\]",
    ),
    "a kernel the wrong way round": (
        lambda: from_torch({**torch_arrays("lstm"), "weight_ih_l0": random(I, 4 * H)}, "lstm", forget_bias=0.0),
        r"weight_ih_l0 should be \[8, 8\], got \[3, 8\]",
    ),
    "a short bias": (
        lambda: from_torch({**torch_arrays("lstm"), "bias_ih_l0": random(H)}, "lstm", forget_bias=0.0),
        r"bias_ih_l0 should be \[8\], got \[2\]",
    ),
    "a short peephole": (
        lambda: from_tf({**to_tf(ours("peephole"), "peephole"), "w_i_diag": random(1)}, "peephole"),
        r"w_i_diag should be \[2\], got \[1\]",
    ),
    "no peepholes": (
        lambda: from_tf(to_tf(ours("lstm"), "lstm"), "peephole"), "there is no w_f_diag, w_i_diag, w_o_diag; there are"
    ),
    "no matrix": (
        lambda: from_tf({"kernel": random(H), "bias": random(H)}, "rnn"), r"kernel should be a matrix, got \[2\]"
    ),
    "a kernel of tensorflow without its state": (
        lambda: from_tf({"kernel": random(1, 4 * H), "bias": random(4 * H)}, "lstm"),
        r"kernel should be \[I \+ H, 4 H\], got \[1, 8\]",
    ),
    "a matrix of deep-breathe": (
        lambda: from_deep_breathe(random(7, 7)), r"weights should be \[4H, 1 \+ I \+ H\], got \[7, 7\]"
    ),
    "ours, of the wrong shape": (
        lambda: to_torch({**ours("lstm"), "recurrent_kernel": random(H, 3 * H)}, "lstm", forget_bias=0.0),
        r"recurrent_kernel should be \[2, 8\], got \[2, 6\]",
    ),
    "half precision": (
        lambda: from_torch({name: array.astype("float16") for name, array in torch_arrays("rnn").items()}, "rnn"),
        "weight_ih_l0 holds float16; weights are float32 or float64",
    ),
    "integers": (
        lambda: to_torch({"table": np.ones((I, H), int)}, "embedding"), "table holds int64; weights are float32 or"
    ),
    "no bias for tensorflow": (
        lambda: to_tf(ours("lstm", bias=False), "lstm"), "TensorFlow's cells have a bias, and these weights have none"
    ),
    "no bias for deep-breathe": (
        lambda: to_deep_breathe(ours("lstm", bias=False)), "Deep-Breathe's cell has a bias, and these weights have none"
    ),
    "no bias for a forget_bias": (
        lambda: to_keras(ours("lstm", bias=False), "lstm", forget_bias=1.0), "there is no bias to take forget_bias=1.0"
    ),
    "a forget_bias that nobody said": (
        lambda: from_torch(torch_arrays("lstm"), "lstm"), "say forget_bias=, what the cell adds at run time"
    ),
    "a forget_bias without a forget gate": (
        lambda: from_keras(to_keras(ours("rnn"), "rnn"), "rnn", forget_bias=1.0), "only an LSTM has a forget_bias"
    ),
    "an unknown kind": (
        lambda: from_torch({}, "mgu"), "PyTorch: no conversion of kind='mgu'; there are rnn, lstm, gru, dense,"
    ),
    "an unknown reset": (lambda: to_keras(ours("gru"), "gru", reset="later"), 'reset is "after" or "before" the'),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_be_lost_is_refused_with_the_reason(what):
    act, reason = REFUSED[what]
    with pytest.raises(errors.WeightsError, match=reason) as caught:
        act()
    assert f'File "{__file__}", line ' in str(caught.value)


def called(layer):
    """Call a layer, so that it has parameters; return its graph's plan for outputs of random input."""
    x = Graph(dtype="float64", seed=1).placeholder("x", ("batch", "time", I))
    outputs = layer(x, over="time")[0] if isinstance(layer, BiRNN) else dynamic_rnn(layer, x, over="time")[0]
    plan = Plan(outputs, wrt=[])
    return lambda: plan.run({x: random(2, 5, I)})[outputs]


def stack(cell, sizes=(H, H), **options):
    return MultiRNNCell([cell(size, **options) for size in sizes])


MODULES = {
    "lstm": lambda: LSTMCell(H),
    "lstm without bias": lambda: LSTMCell(H, use_bias=False, forget_bias=0.0),
    "gru": lambda: GRUCell(H),
    "stack": lambda: stack(LSTMCell),
    "both directions": lambda: BiRNN(GRUCell(H), GRUCell(H)),
    "stacks of both": lambda: BiRNN(stack(LSTMCell), stack(LSTMCell), between="concat"),
    "stacks of both, apart at the top": lambda: BiRNN(stack(RNNCell), stack(RNNCell), between="concat", merge=None),
}


@pytest.mark.parametrize("module", MODULES)
def test_a_whole_module_there_and_back(module):
    one, other = MODULES[module](), MODULES[module]()
    outputs, again = called(one), called(other)
    for number, each in enumerate(one.parameters):
        each.assign(random(*each.shape) + 0.1 * number)
    arrays = save_torch(one)
    load_torch(other, arrays)
    for a, b in zip(np.atleast_1d(outputs()), np.atleast_1d(again()), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    suffixes = {name.partition("_l")[2] for name in arrays}
    assert len(arrays) == len(suffixes) * (2 if "without" in module else 4)


def test_a_cell_of_torch_is_loaded_too():
    one, other = LSTMCell(H), LSTMCell(H)
    called(one), called(other)
    load_torch(one, torch_arrays("lstm"))
    load_torch(other, torch_arrays("lstm", end=""))
    for a, b in zip(one.parameters, other.parameters, strict=True):
        np.testing.assert_array_equal(a.value, b.value)


def test_dense_and_embedding_are_modules():
    g = Graph(dtype="float64")
    dense, embedding = Dense(H), Embedding(I, H)
    dense(g.placeholder("x", ("batch", I)))
    embedding(g.placeholder("ids", ("batch",), dtype="int64"))
    load_torch(dense, {"weight": random(H, I), "bias": random(H)})
    load_torch(embedding, {"weight": random(I, H)})
    np.testing.assert_array_equal(dense.kernel.value, random(H, I).T)
    same(save_torch(embedding), {"weight": random(I, H)})
    same(save_torch(dense), {"weight": random(H, I), "bias": random(H)})


NO_MODULE = {
    "unlike sizes": (lambda: stack(LSTMCell, (H, H + 1)), "layers of one kind, size and use of biases"),
    "unlike kinds": (lambda: MultiRNNCell([LSTMCell(H), GRUCell(H)]), "layers of one kind, size and use of biases"),
    "reset before": (lambda: GRUCell(H, reset="before"), "resets before it, which is another equation"),
    "independent stacks": (lambda: BiRNN(stack(RNNCell), stack(RNNCell)), "two independent stacks are two modules"),
    "stacks that are summed": (
        lambda: BiRNN(stack(RNNCell), stack(RNNCell), between="concat", merge="sum"), "concatenates both directions"
    ),
    "a cell inside a cell": (lambda: MultiRNNCell([stack(RNNCell)]), "PyTorch has no module for MultiRNNCell"),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_MODULE)
def test_what_is_no_module_of_torch_is_refused(what):
    make, reason = NO_MODULE[what]
    layer = make()
    called(layer)
    for act in (save_torch, lambda layer: load_torch(layer, {})):
        with pytest.raises(errors.WeightsError, match=reason):
            act(layer)


def test_arrays_that_would_be_left_over_are_refused():
    cell = RNNCell(H)
    called(cell)
    before = cell.kernel.value.copy()
    with pytest.raises(errors.WeightsError, match=r"arrays of _l1 have no place in RNNCell\(2\)"):
        load_torch(cell, {**torch_arrays("rnn"), **torch_arrays("rnn", "_l1")})
    np.testing.assert_array_equal(cell.kernel.value, before)


def test_a_layer_that_was_not_called_has_nothing_to_load_into():
    with pytest.raises(errors.NotBuiltError):
        load_torch(RNNCell(H), torch_arrays("rnn"))


def test_no_other_framework_is_imported():
    code = "import sys, layers; sys.exit(str({'torch', 'keras', 'tensorflow'} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert all(hasattr(weights, name) for name in weights.__all__)
