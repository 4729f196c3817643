"""The benchmarks measure what they say: every path agrees before it is timed, and what disagrees is found."""

import doctest
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmarks
from benchmarks import build, grid, scaling, timing
from benchmarks.agreement import DisagreementError, check
from benchmarks.case import FORMS, KINDS, Case
from benchmarks.goals import goal
from benchmarks.handwritten import Network
from benchmarks.handwritten.layer import COLUMNS
from benchmarks.handwritten.network import CELLS
from benchmarks.isolated import compare_isolated
from benchmarks.peer import Peer, Step, discover
from benchmarks.problem import problem
from benchmarks.reference import reference, traced
from benchmarks.report import BEGIN, END, Table, write_markdown
from benchmarks.session import Session, UnknownNameError
from benchmarks.speed import Row, compare
from benchmarks.speed_tables import SpeedTables
from benchmarks.timing import Timing, measure

ROOT = Path(__file__).parents[1]
SMALL = Case("LSTMCell", steps=4, batch=2, inputs=3, hidden=5, dtype="float64")
every_kind = pytest.mark.parametrize("cell", KINDS)
every_form = pytest.mark.parametrize("form", FORMS)


def in_form(case, form):
    layers, bidirectional = FORMS[form]
    return replace(case, layers=layers, bidirectional=bidirectional)


def agreement(case, results):
    return check(results, reference(problem(case))[0], case.dtype)


@pytest.mark.parametrize("cell", CELLS)
@every_form
@pytest.mark.parametrize("route", ["exp", "tanh"])
@pytest.mark.parametrize("training", [True, False])
def test_the_handwritten_step_computes_what_the_reference_does(cell, form, route, training):
    case = in_form(replace(SMALL, cell=cell, training=training), form)
    network = Network(problem(case), route)
    for _ in range(2):
        network.run()
        assert agreement(case, network.results()) <= 1e-13


@every_kind
def test_the_handwritten_step_adds_up_products_of_several_steps(cell):
    case = replace(SMALL, cell=cell, batch=16, steps=2 * (COLUMNS // 16) + 3)
    network = Network(problem(case), "tanh")
    network.run()
    agreement(case, network.results())


def test_the_handwritten_step_follows_its_weights():
    """A run reads the weights as they are then: packed and scaled copies are part of what is timed."""
    numbers = problem(SMALL)
    network = Network(numbers, "exp")
    network.run()
    other = replace(numbers, weights={name: value / 2 for name, value in numbers.weights.items()})
    network.layers[""].assign(other.of(""))
    network.run()
    check(network.results(), traced(other), "float64")


def comparable(installed_with_us):
    """Pairs of a peer and a kind of cell that it has, for peers that need other packages or for those that do not."""
    able = [each for each in discover().values() if not each.not_compared and not each.costly]
    return [
        pytest.param(peer, cell, id=f"{peer.name} {kind}")
        for peer in able
        for cell, kind in KINDS.items()
        if kind in peer.kinds and bool(peer.needs) != installed_with_us
    ]


@pytest.mark.parametrize(("peer", "cell"), comparable(installed_with_us=True))
def test_our_own_paths_agree(peer, cell):
    agrees(peer, cell)


@pytest.mark.peer
@pytest.mark.filterwarnings("default")  # other packages may warn
@pytest.mark.parametrize(("peer", "cell"), comparable(installed_with_us=False))
def test_other_frameworks_agree(peer, cell):
    if missing := peer.missing():
        pytest.skip(f"{peer.name} needs {', '.join(missing)}")
    agrees(peer, cell)


def agrees(peer, cell):
    cases = [
        in_form(replace(SMALL, cell=cell, dtype=dtype, training=training), form)
        for dtype in grid.DTYPES
        for training in (True, False)
        for form in FORMS
    ]
    able = [case for case in cases if peer.supports(case)]
    assert able
    for case in able:
        step = peer.build(problem(case))
        step.run()
        agreement(case, step.read(step.run()))


def test_ours_stands_for_cells_that_only_we_have():
    case = replace(SMALL, cell=next(cell for cell in grid.cells() if cell not in KINDS))
    found = {row.peer: row for row in compare(case, {"ours": discover()["ours"]}, 0.01)}
    assert found["ours"].timing
    assert found["ours"].error <= 1e-13
    assert reference(problem(case))[1] == "our trace in float64"


class Liar(Peer):
    """Computes something else."""

    name = "liar"

    def build(self, problem):
        honest = discover()["hand-written"].build(problem)
        return Step(honest.run, lambda results: {**honest.read(results), "y": problem.dy})


class Broken(Peer):
    """Does not run."""

    name = "broken"

    def build(self, problem):
        raise RuntimeError("no such kernel\nand more")


def test_what_disagrees_is_told_and_not_timed():
    peers = {"liar": Liar(), "broken": Broken(), "hand-written": discover()["hand-written"]}
    found = {row.peer: row for row in compare(SMALL, peers, 0.01)}
    assert found["liar"].wrong
    assert found["liar"].problem.startswith("disagrees: y is off by")
    assert found["liar"].timing is None
    assert not found["broken"].wrong
    assert found["broken"].problem == "cannot run: RuntimeError: no such kernel"
    assert found["hand-written"].timing
    notes = SpeedTables(list(found.values())).summary("median").notes
    assert any("liar disagrees" in note for note in notes)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"y": np.ones(3), "dx": np.ones(2)}, "has"),
        ({"y": np.ones(4)}, "is"),
        ({"y": np.array([1, 1, np.nan])}, "no number"),
        ({"y": np.array([1, 1, 1 + 1e-12])}, "off by 1.0e-12, more than 1e-13"),
    ],
)
def test_agreement_needs_the_same_names_shapes_and_numbers(found, reason):
    with pytest.raises(DisagreementError, match=reason):
        check(found, {"y": np.ones(3)}, "float64")


def test_the_limit_is_the_products_of_the_handwritten_step():
    case = replace(SMALL, batch=4)
    network = Network(problem(case), "tanh")
    products = [call for layer in network.layers.values() for call in (*layer.forward.calls, *layer.backward.calls)]
    assert sum(function is np.dot for function, _ in products) == 2 * case.steps - 1 + 2
    step = discover()["products alone"].build(problem(case))
    assert step.read is None
    step.run()


def test_things_are_measured_in_alternation_and_slow_ones_less_often(monkeypatch):
    order = []
    clock = iter(np.arange(0, 1e6, 0.25))
    monkeypatch.setattr(timing, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(timing, "_warm", lambda thing, seconds: {"quick": 0.01, "slow": 0.05}[thing()])
    things = {name: lambda name=name: order.append(name) or name for name in ("quick", "slow")}
    found = measure(things, 1.0)
    assert [len(found[name].wall) for name in things] == [100, 20]
    middle = order[2:]
    assert [middle[:k].count("slow") for k in (30, 60, 90, 120)] == [5, 10, 15, 20]
    assert found["slow"].median == found["slow"].minimum == 0.25


def test_timings_of_several_processes_are_put_together():
    both = Timing((1.0, 2.0), (0.5, 0.5)) + Timing((3.0,), (0.7,))
    assert (both.median, both.minimum, both.processor) == (2.0, 1.0, 0.5)


def test_a_fresh_process_measures_the_same_case():
    (row,) = compare_isolated(SMALL, {"hand-written": discover()["hand-written"]}, 0.01, turns=1)
    assert row.timing
    assert row.error <= 1e-13


def test_every_cell_stands_in_the_grid():
    cases = grid.grid(grid.cells())
    assert {case.cell for case in cases} == set(grid.cells()) >= set(KINDS)
    assert len(set(cases)) == len(cases)
    assert not {"long", "large"} & {case.size for case in cases}
    assert {"long", "large"} <= {case.size for case in grid.grid(["GRUCell"], everything=True)}


def test_goals_are_those_of_the_case():
    assert goal(Case.of("LSTMCell", "tiny")) == (0.15, 0.08)
    assert goal(Case.of("LSTMCell", "medium", "both")) == (1.0, 0.85)
    assert goal(Case.of("LSTMCell", "medium", "both", dtype="float64")) is None
    assert goal(Case.of("GRUCell", "tiny")) is None


def test_builds_are_taken_apart():
    row = build.prepare(SMALL, discover()["ours"])
    assert list(row.stages) == ["graph", "plan"]
    assert row.before >= sum(row.stages.values())
    assert "graph" in build.table([row]).text()
    assert {case.steps for case in build.cases(["LSTMCell"])} >= {10, 1000}


def test_growth_is_fitted():
    axis = scaling.Axis("T", ("steps",), (4, 8, 16))
    found = scaling.grow(axis, {name: discover()[name] for name in ("ours", "hand-written")}, 0.01, SMALL)
    assert [row.peer for row in found] == ["ours", "hand-written"]
    assert all(row.peaks[0] < row.peaks[-1] for row in found)
    assert "T" in scaling.table(found, SMALL).text()


def test_tables_show_ratios():
    times = {"ours": 2.0, "hand-written": 1.0, "torch": 4.0}
    rows = [Row(SMALL, name, Timing((seconds,), (seconds,)), 0.0) for name, seconds in times.items()]
    tables = SpeedTables(rows)
    summary = dict(zip(tables.summary("median").head, tables.summary("median").rows[0], strict=True))
    assert (summary["ours"], summary["hand-written"], summary["ours / hand-written"]) == ("0.50", "0.25", "2.00")
    details = [dict(zip(tables.details().head, row, strict=True)) for row in tables.details().rows]
    assert [row["/ torch"] for row in details] == ["0.50", "0.25", "1.00"]
    assert details[0]["median ms"] == "2000"


def test_markdown_goes_between_the_marks_and_leaves_the_rest(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n{BEGIN}\nold\n{END}\nAfter\n")
    for _ in range(2):
        tables = [Table("Times", ("peer", "ms"), [("ours", "1.0")]), Table("All", ("peer",), [("x",)], long=True)]
        write_markdown(page, {"processor": "one"}, tables)
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith(f"{END}\nAfter\n")
    assert "old" not in text
    assert text.count("| ours | 1.0 |") == 1
    assert "All" not in text


def test_the_command_prints_and_writes_its_tables(tmp_path):
    files = {"--json": tmp_path / "all.json", "--markdown": tmp_path / "all.md"}
    command = [sys.executable, "-m", "benchmarks", "speed", "--cells", "RNNCell", "--sizes", "tiny"]
    command += ["--peers", "ours", "hand-written", "products alone", "--dtypes", "float64", "--seconds", "0.01"]
    command += [str(part) for pair in files.items() for part in pair]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "RNN tiny" in done.stdout
    content = json.loads(files["--json"].read_text())
    assert content["machine"]["threads"] == "1"
    assert {row["peer"] for row in content["speed"]} == {"ours", "hand-written", "products alone"}
    assert all(row["median"] > 0 for row in content["speed"])
    assert "| RNN tiny |" in files["--markdown"].read_text()


def test_threads_are_pinned_before_numpy_is_imported():
    program = "import sys, benchmarks.__main__; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("axis", ["tables", "cells", "sizes", "dtypes", "forms", "passes", "peers"])
def test_unknown_names_are_refused(axis):
    options = {"tables": ["speed"], "cells": ["RNNCell"], "peers": None, "all": False}
    options |= dict.fromkeys(("sizes", "dtypes", "forms", "passes"), ())
    with pytest.raises(UnknownNameError, match=f"no {axis} called nonsense; there are "):
        Session(Namespace(**{**options, axis: ["nonsense"]}))


def test_examples_in_docstrings_hold():
    names = [each.name for each in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]
    found = [doctest.testmod(importlib.import_module(name)) for name in names if not name.endswith("__main__")]
    assert sum(each.attempted for each in found) >= 5
    assert not any(each.failed for each in found)
