"""LSTMs that look at c or couple their gates, against every reference that there is: all values, all gradients."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphengine import Graph, Plan, Spec, check_gradients, ops
from layers import BiRNN, CoupledLSTMCell, LSTMCell, PeepholeLSTMCell, dynamic_rnn
from layers.weights import from_tf, to_tf

DATA = Path(__file__).parents[1] / "data" / "zoo"


def gates(array, order, axis):
    """An array cut into what belongs to each gate."""
    return dict(zip(order, np.split(array, len(order), axis=axis), strict=True))


def joined(parts, cell):
    """Kernels, biases or peepholes of a source, by gate, as ours: the gates side by side."""
    order = {3: ("i", "cproj", "o"), 4: ("f", "i", "cproj", "o")}[cell.gates]
    found = {
        name: np.concatenate([blocks[gate] for gate in order], axis=-1) for name, blocks in parts.items() if name != "p"
    }
    return found | {f"p_{gate}": block for gate, block in parts.get("p", {}).items() if gate in order}


@dataclass(frozen=True)
class Source:
    """How a source lays its arrays out.

    Attributes:
        read: what belongs to every gate, from the arrays of the source and the direction; once for each of its biases.
        over: the axes of the input.
    """

    read: Callable[[dict[str, Any], int], list[dict[str, Any]]]
    over: tuple[str, str] = ("time", "batch")


def tfa(arrays, direction):
    order = ("i", "f", "cproj", "o")
    short = {name.rpartition(".")[2]: array for name, array in arrays.items()}
    peepholes = {"i": "input", "f": "forget", "o": "output"}
    return [{
        "kernel": gates(short["kernel"], order, 1), "recurrent_kernel": gates(short["recurrent_kernel"], order, 1),
        "bias": gates(short["bias"], order, 0),
        "p": {gate: short[f"{name}_gate_peephole_weights"] for gate, name in peepholes.items()},
    }]  # fmt: skip


def torchrecurrent(arrays, direction):
    order = ("i", "f", "cproj", "o")
    short = {name.rpartition(".")[2]: array for name, array in arrays.items()}
    return [
        {
            "kernel": gates(short["weight_ih"].T, order, 1), "recurrent_kernel": gates(short["weight_hh"].T, order, 1),
            "bias": gates(short[bias], order, 0), "p": gates(short["weight_ph"], ("i", "f", "o"), 0),
        }
        for bias in ("bias_ih", "bias_hh")
    ]  # fmt: skip


def greff(arrays, direction):
    order = ("cproj", "i", "f", "o")
    peepholes = {"p": gates(arrays["p"], ("i", "f", "o"), 0)} if "p" in arrays else {}
    return [{
        "kernel": gates(arrays["W"].T, order, 1), "recurrent_kernel": gates(arrays["R"].T, order, 1),
        "bias": gates(arrays["b"], order, 0), **peepholes,
    }]  # fmt: skip


def onnx(arrays, direction):
    order = ("i", "o", "f", "cproj")
    own = {name: array[direction] for name, array in arrays.items()}
    peepholes = {"p": gates(own["P"], ("i", "o", "f"), 0)} if "P" in own else {}
    return [
        {"kernel": gates(own["W"].T, order, 1), "recurrent_kernel": gates(own["R"].T, order, 1),
         "bias": gates(bias, order, 0), **peepholes}
        for bias in np.split(own["B"], 2)
    ]  # fmt: skip


def peephole(size):
    return PeepholeLSTMCell(size, forget_bias=0.0)


def coupled(size):
    return CoupledLSTMCell(size)


def coupled_peephole(size):
    return CoupledLSTMCell(size, peepholes=True)


SIZES = ("a_T1_B1_I1_H1", "c_T7_B3_I2_H5", "e_T4_B2_I5_H1")
CASES = [
    *(("tfa_peepholelstm", name, Source(tfa, ("batch", "time")), peephole) for name in SIZES),
    *(("torchrecurrent_peepholelstm", name, Source(torchrecurrent), peephole) for name in SIZES),
    *(("ref_greff_v", name, Source(greff), peephole) for name in SIZES),
    *(("ref_greff_np", name, Source(greff), lambda size: LSTMCell(size, forget_bias=0.0)) for name in SIZES),
    *(("ref_greff_cifg", name, Source(greff), coupled_peephole) for name in SIZES),
    ("onnx_lstm", "bi_peep", Source(onnx), peephole),
    *(("onnx_lstm_ort_f32", f"{name}_cifg", Source(onnx), coupled) for name in SIZES),
    ("onnx_lstm_ort_f32", "cifg_peep", Source(onnx), coupled_peephole),
]


def load(file, name):
    """The arrays of a case: inputs, weights, states and outputs, and what the loss makes of them."""
    with np.load(DATA / f"{file}.npz") as stored:
        start = f"{name}/"
        return {key.removeprefix(start): stored[key] for key in stored.files if key.startswith(start)}


def weights_of(arrays, start=""):
    """The arrays that are weights, or (with "g.") their gradients."""
    found = {}
    for key, array in arrays.items():
        own = key.removeprefix(start) if key.startswith(start) else ""
        if own.startswith("w.") or own in ("W", "R", "B", "P"):
            found[own.removeprefix("w.")] = array
    return found


def one(arrays, pattern):
    """The array whose name is such."""
    (found,) = (array for key, array in arrays.items() if re.fullmatch(pattern, key))
    return found


def state_of(arrays, start, leaf, direction):
    """A state of a direction, whatever axes of layers and directions it has."""
    array = one(arrays, start + leaf)
    return array[direction] if array.ndim == 3 else array


def close(ours, theirs, what):
    assert ours.shape == theirs.shape, what
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10, err_msg=what)


@pytest.mark.parametrize("way", ["run", "trace"])
@pytest.mark.parametrize(("file", "name", "source", "kind"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_a_case(file, name, source, kind, way):
    arrays = load(file, name)
    g = Graph(name, dtype="float64")
    given = one(arrays, "[xX]")
    x = g.placeholder("x", (*source.over, given.shape[-1]))
    hidden = state_of(arrays, r"(s0\.|initial_)", "h", 0).shape[-1]
    both = "bi" in name.split("_")
    cells = [kind(hidden) for _ in range(1 + both)]
    step = Spec.of(("batch", given.shape[-1]), "float64")
    start = g.placeholders_like(tuple(cell.state(step) for cell in cells), "start")
    if both:
        outputs, states = BiRNN(*cells, merge=None)(x, over="time", initial_state=start)
    else:
        output, state = dynamic_rnn(cells[0], x, over="time", initial_state=start[0])
        outputs, states = (output,), (state,)

    biases = [source.read(weights_of(arrays), direction) for direction in range(len(cells))]
    for cell, parts in zip(cells, biases, strict=True):
        ours = joined(parts[0], cell)
        for other in parts[1:]:
            ours["bias"] = ours["bias"] + joined(other, cell)["bias"]
        assert np.any(ours["bias"])
        cell.assign(ours)

    feeds, seeds, wanted = {x: given}, {}, []
    y, R = one(arrays, "[yY]"), one(arrays, r"R\.[yY]")
    for direction, (tensor, state) in enumerate(zip(outputs, states, strict=True)):
        cut = (slice(None), direction) if y.ndim == 4 else ...
        seeds[tensor] = R[cut]
        wanted.append((tensor, y[cut], "y"))
        for leaf in ("c", "h"):
            feeds[getattr(start[direction], leaf)] = state_of(arrays, r"(s0\.|initial_)", leaf, direction)
            seeds[getattr(state, leaf)] = state_of(arrays, r"R\.(sT\.|Y_)", leaf, direction)
            wanted.append((getattr(state, leaf), state_of(arrays, r"(sT\.|Y_)", leaf, direction), f"last {leaf}"))

    parameters = [each for cell in cells for each in cell.parameters]
    firsts = [getattr(each, leaf) for each in start for leaf in ("c", "h")]
    found = getattr(Plan(list(seeds), wrt=[x, *firsts, *parameters]), way)(feeds, seeds=seeds)
    value = found.value if way == "trace" else found.__getitem__
    for tensor, theirs, what in wanted:
        close(value(tensor), theirs, what)
    close(np.asarray(sum((value(tensor) * seed).sum() for tensor, seed in seeds.items())), arrays["loss"], "loss")
    close(found.grad(x), one(arrays, r"g\.[xX]"), "g.x")
    for direction, cell in enumerate(cells):
        for leaf in ("c", "h"):
            theirs = state_of(arrays, r"g\.(s0\.|initial_)", leaf, direction)
            close(found.grad(getattr(start[direction], leaf)), theirs, f"first {leaf}")
        for parts in source.read(weights_of(arrays, "g."), direction):
            gradients = joined(parts, cell)
            assert set(gradients) == {each.name for each in cell.parameters}
            for each in cell.parameters:
                close(found.grad(each), gradients[each.name], f"g.{each.name}")
            if isinstance(cell, CoupledLSTMCell):  # the source has a forget gate that nothing reads
                assert not any(np.any(blocks["f"]) for blocks in parts.values() if "f" in blocks)


@pytest.mark.parametrize("name", SIZES)
def test_a_case_of_tensorflow(name):
    """Through the converter: a forget bias that is added at run time, and peepholes by TensorFlow's names."""
    arrays = load("tf_lstm_peephole", name)
    theirs = {key.rpartition(".")[2]: array for key, array in weights_of(arrays).items()}
    x = Graph(dtype="float64").placeholder("x", ("batch", "time", arrays["x"].shape[-1]))
    cell = PeepholeLSTMCell(len(theirs["w_f_diag"]))
    start = x.graph.placeholders_like(cell.state(x[:, 0].spec), "start")
    outputs, state = dynamic_rnn(cell, x, over="time", initial_state=start)
    cell.assign(from_tf(theirs, "peephole"))
    feeds = {x: arrays["x"], start.c: arrays["s0.c"], start.h: arrays["s0.h"]}
    seeds = {outputs: arrays["R.y"], state.c: arrays["R.sT.c"], state.h: arrays["R.sT.h"]}
    run = Plan(list(seeds), wrt=[x, *start, *cell.parameters]).run(feeds, seeds=seeds)
    for tensor, key in ((outputs, "y"), (state.c, "sT.c"), (state.h, "sT.h")):
        close(run[tensor], arrays[key], key)
    for tensor, key in ((x, "x"), (start.c, "s0.c"), (start.h, "s0.h")):
        close(run.grad(tensor), arrays[f"g.{key}"], key)
    gradients = to_tf({each.name: run.grad(each) for each in cell.parameters}, "peephole")
    wanted = {key.rpartition(".")[2]: array for key, array in weights_of(arrays, "g.").items()}
    assert set(gradients) == set(wanted) == {"kernel", "bias", "w_f_diag", "w_i_diag", "w_o_diag"}
    for key, array in gradients.items():
        close(array, wanted[key], key)


def step_of(cell):
    g = Graph(dtype="float64", seed=1)
    x = g.placeholder("x", ("batch", 3))
    start = g.placeholders_like(cell.state(x.spec), "start")
    return x, start, cell(x, start)[1]


def test_peepholes_read_the_old_c_and_the_new_one():
    """With p_f = p_i = 0 the old c reaches o through the new one alone; with p_o = 0 it reaches o not at all."""
    draw = np.random.default_rng(0).standard_normal
    x, start, state = step_of(cell := PeepholeLSTMCell(2))
    feeds = {x: draw((1, 3)), start.c: draw((1, 2)), start.h: draw((1, 2))}
    o = x.graph["o"]
    plan = Plan(ops.sum(o), also=state, wrt=[start.c, *cell.parameters])
    for parameter in (cell.p_f, cell.p_i):
        parameter.assign(np.zeros(2))
    run = plan.run(feeds)
    f, o_value = (plan.trace(feeds).value(name) for name in ("f", "o"))
    np.testing.assert_allclose(run.grad(start.c), o_value * (1 - o_value) * cell.p_o.value * f)
    np.testing.assert_array_equal(run.grad(cell.p_o) != 0, [True, True])
    cell.p_o.assign(np.zeros(2))
    np.testing.assert_array_equal(plan.run(feeds).grad(start.c), 0.0)


def test_without_peepholes_it_is_an_lstm():
    x, start, state = step_of(cell := PeepholeLSTMCell(2, peephole_initializer=0.0))
    y, begin, plain = step_of(other := LSTMCell(2))
    draw = np.random.default_rng(0).standard_normal
    values = [draw((4, 3)), draw((4, 2)), draw((4, 2))]
    for each in other.parameters:
        each.assign(getattr(cell, each.name).value)
    run = Plan(list(state), wrt=[]).run(dict(zip((x, *start), values, strict=True)))
    wanted = Plan(list(plain), wrt=[]).run(dict(zip((y, *begin), values, strict=True)))
    for ours, theirs in zip(state, plain, strict=True):
        np.testing.assert_allclose(run[ours], wanted[theirs], atol=1e-15)


def test_coupled_gates_keep_what_they_do_not_write():
    """c stays between the old c and cproj, and the gradient on i is the difference of the two."""
    x, start, state = step_of(CoupledLSTMCell(2))
    draw = np.random.default_rng(0).standard_normal
    plan = Plan(ops.sum(state.c), wrt=[x])
    feeds = {x: draw((4, 3)), start.c: draw((4, 2)), start.h: draw((4, 2))}
    trace = plan.trace(feeds)
    i, f, cproj, old = (trace.value(name) for name in ("i", "f", "cproj", "start/c"))
    np.testing.assert_array_equal(f, 1 - i)
    np.testing.assert_allclose(trace.value("c"), old + i * (cproj - old))
    np.testing.assert_allclose(trace.grad("i"), cproj - old)
    np.testing.assert_allclose(trace.grad("i_pre"), (cproj - old) * i * (1 - i))


def test_coupled_gates_with_peepholes_pass_the_gradient_check():
    x, start, state = step_of(cell := CoupledLSTMCell(2, peepholes=True))
    draw = np.random.default_rng(0).standard_normal
    loss = ops.sum(state.c * state.h)
    found = check_gradients(
        Plan(loss, wrt=[x, *start, *cell.parameters]),
        {x: draw((4, 3)), start.c: draw((4, 2)), start.h: draw((4, 2))},
    )
    assert len(found) == 8
