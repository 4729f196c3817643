"""Large pictures are drawn whole, in the memory they are meant to need. How long it takes is printed, not judged.

    pytest tests/viz/test_scale.py -s
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import viz
from graphengine import Graph
from layers import GRUCell, LSTMCell, MultiRNNCell, dynamic_rnn
from viz.model.lattice import Link
from viz.model.reader import Read
from viz.views import content, drawing, words

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, re, sys, time
from pathlib import Path
import viz
from graphengine import Graph
from layers import LSTMCell, MultiRNNCell, dynamic_rnn

steps, layers, detail = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
x = Graph("large").placeholder("x", ("batch", "time", 8))
graph = dynamic_rnn(MultiRNNCell([LSTMCell(16) for _ in range(layers)]), x, over="time")[0].graph
clock = time.process_time
started = clock()
view = viz.unrolled(graph, time=steps, steps="all", detail=detail, budget=1_000_000)
placed = clock()
picture = view.to_svg()
written = clock()
print(json.dumps({
    "boxes": len(view.to_scene().boxes), "paths": picture.count("<path "), "whole": picture.endswith("</svg>\\n"),
    "MB": int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024,
    "placed": placed - started,
    "written": written - placed,
}))
"""


def drawn(*arguments):
    """Draw in a process of its own, whose peak of memory is its own; `getrusage` would start from that of the tests."""
    if not Path("/proc/self/status").exists():
        pytest.skip("peaks of memory are read from /proc")
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    print(f"\n{arguments}: {found['placed']:.1f} s to place, {found['written']:.1f} s to write, {found['MB']:.0f} MB")
    return found


def test_a_thousand_steps_of_four_layers():
    found = drawn(1000, 4, "cell")
    assert found["boxes"] == 1000 * (4 * 3 + 2) + 4 * 2 + 2  # cell, c, h; x, output; first states, and what is left
    assert found["paths"] == 2 * 1000 * (4 * 5 + 1)  # a line and its head
    assert found["whole"]
    assert found["MB"] < 150


def test_sixty_one_thousand_ops():
    found = drawn(2034, 2, "op")
    assert found["boxes"] == 2034 * 30 + 6 > 61_000
    assert found["paths"] == 2 * 2034 * 39
    assert found["whole"]
    assert found["MB"] < 300


def test_what_cells_have_in_common_is_found_once(monkeypatch):
    """How lines run, what is written in a cell, what a column reads: found as often for 5 steps as for 50."""
    calls = Counter()

    def counted(where, name):
        original = getattr(where, name)

        def call(*arguments, **options):
            calls[name] += 1
            return original(*arguments, **options)

        monkeypatch.setattr(where, name, call)

    for where, name in ((drawing, "route"), (words, "part_lines"), (content, "facts"), (Read, "item")):
        counted(where, name)
    found = []
    for steps in (5, 50):
        calls.clear()
        x = Graph("alike").placeholder("x", ("batch", "time", 8))
        graph = dynamic_rnn(MultiRNNCell([LSTMCell(16), GRUCell(8)]), x, over="time")[0].graph
        scene = viz.unrolled(graph, time=steps, steps="all", detail="op").to_scene()
        inner = sum(edge.about.inner for edge in scene.edges if isinstance(edge.about, Link))
        assert inner > 20 * steps
        found.append(dict(calls))
    assert found[0] == found[1]
    assert set(found[0]) == {"route", "part_lines", "facts", "item"}
    assert found[0]["route"] < 60


def test_what_is_elided_costs_nothing():
    x = Graph("long").placeholder("x", ("batch", "time", 8))
    graph = dynamic_rnn(MultiRNNCell([LSTMCell(16) for _ in range(4)]), x, over="time")[0].graph
    short, long = (viz.unrolled(graph, time=steps).to_scene() for steps in (20, 1000))
    assert len(short.boxes) == len(long.boxes) < 120
    assert len(short.edges) == len(long.edges)
