"""Saturation counts what stands near the ends of every gate, and only rows that are still there."""

import numpy as np
import pytest

import viz
from graphengine import Graph, Loop, Plan, errors, ops
from layers import BiRNN, GRUCell, LSTMCell, MultiRNNCell, dynamic_rnn
from tests.viz import models

LENGTHS = [5, 3, 0, 1]


def both(lengths=LENGTHS, padding=0.0, **options):
    """Two layers in both directions, with large weights, over rows of unequal length."""
    g = Graph("unequal", dtype="float64", seed=5)
    x, ends = g.placeholder("x", ("batch", "time", 3)), g.placeholder("lengths", ("batch",), "int64")
    cells = [MultiRNNCell([LSTMCell(4), GRUCell(3)]) for _ in range(2)]
    outputs, _ = BiRNN(*cells)(x, over="time", lengths=ends)
    inputs = models.draw(4, 6, 3) * 6
    inputs[np.arange(6) >= np.array(lengths)[:, None]] = padding
    return Plan(ops.sum(outputs)).trace({x: inputs, ends: lengths}, **options)


@pytest.mark.parametrize("name", ["lstm", "gru", "gru_before", "bimulti", "mixed", "long_bi"])
def test_without_lengths_every_value_counts(name):
    trace = models.MODELS[name]()
    found = viz.saturation(trace, low=0.45, high=0.55)
    assert {row.name for row in found.rows} <= {"f", "i", "o", "r", "u"}
    for r, row in enumerate(found.rows):
        values = trace.value(row.path)
        flat = values.reshape(len(values), -1)
        np.testing.assert_allclose(found.low[r], (flat < 0.45).mean(axis=1))
        np.testing.assert_allclose(found.high[r], (flat > 0.55).mean(axis=1))
        np.testing.assert_allclose(found.unit_high[r], (values > 0.55).mean(axis=(0, 1)))
        np.testing.assert_allclose(found.unit_low[r], (values < 0.45).mean(axis=(0, 1)))


def test_rows_that_have_ended_do_not_count():
    trace = both()
    found = viz.saturation(trace)
    assert len(found.rows) == 10
    assert found.low[:, 0].sum() > 0
    for r, row in enumerate(found.rows):
        values = trace.value(row.path)
        for t in range(6):
            there = values[t][[t < length for length in LENGTHS]]
            if there.size:
                assert found.low[r, t] == (there < 0.05).mean()
                assert found.high[r, t] == (there > 0.95).mean()
            else:
                assert np.isnan(found.low[r, t])
                assert np.isnan(found.high[r, t])
        units = np.concatenate([values[:length, k] for k, length in enumerate(LENGTHS)])
        np.testing.assert_allclose(found.unit_high[r], (units > 0.95).mean(axis=0))


def test_what_stands_beyond_the_end_changes_nothing():
    one, other = viz.saturation(both()), viz.saturation(both(padding=1e6))
    np.testing.assert_array_equal(one.low, other.low)
    np.testing.assert_array_equal(one.high, other.high)
    full = viz.saturation(both(lengths=[6] * 4))
    assert not np.isnan(full.low).any()


def test_a_gate_is_known_by_what_it_does():
    """Any sigmoid in a loop, hard ones too, whatever its name; nothing else, and nothing outside."""
    g = Graph(dtype="float64", seed=1)
    x = g.placeholder("x", ("batch", "time", 3))
    with Loop(over="time") as loop:
        h = loop.delay(g.fill(("batch", 3)), name="h_prev")
        x_t = loop.slice(x)
        door = ops.sigmoid(9 * x_t, name="door")
        hatch = ops.hard_sigmoid(9 * h, name="hatch")
        loop.feed(h, ops.tanh(door * x_t, name="f") + hatch * h)
        y = loop.stack(h)
    trace = Plan(ops.sum(ops.sigmoid(y)), wrt=[x]).trace({x: models.draw(2, 4, 3)})
    found = viz.saturation(trace)
    assert [row.path for row in found.rows] == ["door", "hatch"]
    assert found.low[0].tolist() == [(each < 0.05).mean() for each in trace.value("door")]


def test_one_masked_recurrence_says_nothing_about_another():
    """What a loop hands on without a hold counts, though another state of the loop is held."""
    g = Graph(dtype="float64", seed=1)
    x, live = g.placeholder("x", ("batch", "time", 2)), g.placeholder("live", ("batch", "time"), "bool")
    with Loop(over="time") as loop:
        a, b = (loop.delay(g.fill(("batch", 2)), name=name) for name in "ab")
        row = ops.reshape(loop.slice(live), ("batch", 1))
        held = ops.sigmoid(9 * loop.slice(x), name="held")
        free = ops.sigmoid(-9 * loop.slice(x), name="free")
        loop.feed(a, ops.hold(row, held * a + free, a))
        loop.feed(b, free + b)
    sums = ops.sum(loop.last(a) + loop.last(b))
    inputs = models.draw(2, 3, 2)
    trace = Plan(sums, wrt=[x]).trace({x: inputs, live: [[True, False, False], [True, True, False]]})
    found = viz.saturation(trace)
    values = {name: trace.value(name) for name in ("held", "free")}
    assert [row.path for row in found.rows] == ["held", "free"]
    assert found.high[0, :2].tolist() == [(values["held"][0] > 0.95).mean(), (values["held"][1, 1] > 0.95).mean()]
    assert np.isnan(found.high[0, 2])
    assert found.high[1].tolist() == [(each > 0.95).mean() for each in values["free"]]


def test_what_is_no_number_is_marked():
    g = Graph(dtype="float64", seed=1)
    x = g.placeholder("x", ("batch", "time", 3))
    outputs, _ = dynamic_rnn(GRUCell(2), x, over="time")
    inputs = np.zeros((1, 4, 3))
    inputs[0, 2] = np.nan
    found = viz.saturation(Plan(ops.sum(outputs)).trace({x: inputs}))
    assert np.isnan(found.low).tolist() == [[False, False, True, True]] * 2
    assert np.isnan(found.unit_low[0]).all()
    assert "NaN" in [label.content for label in found.to_drawing().labels]


def test_parts_of_a_trace():
    found = viz.saturation(both(steps=[0, 1]))
    assert np.isnan(found.low).tolist() == [[False] * 2 + [True] * 4] * 10
    kept = viz.saturation(both(keep=["birnn/fw/layer0/f", "birnn/fw/live_t", "birnn/fw/live_row"]))
    assert [row.path for row in kept.rows] == ["birnn/fw/layer0/f"]
    with pytest.raises(errors.UnknownPathError, match="live.*the trace was told not to keep it"):
        viz.saturation(both(keep=["birnn/fw/layer0/f"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"low": 0.5, "high": 0.5}, "0 ≤ low < high ≤ 1"), ({"by": "gate"}, 'by is "step" or "unit", not \'gate\'')],
)
def test_settings_that_mean_nothing(options, message):
    with pytest.raises(errors.SettingError, match=message):
        viz.saturation(models.MODELS["lstm"](), **options)


def test_traces_without_gates():
    with pytest.raises(errors.UnknownPathError, match="kept no gate, which is a sigmoid inside a loop"):
        viz.saturation(models.MODELS["rnn"]())
    with pytest.raises(errors.SettingError, match="keeps norms only"):
        viz.saturation(both(norms_only=True))
