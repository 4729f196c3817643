"""Large pictures: they are drawn whole, in the memory they are meant to need. Nothing here measures time.

Each is drawn in a process of its own, so that its peak of memory is its own; `-s` prints how long it took.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import viz
from graphengine import Plan, errors
from tests.viz.models import recurrent

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, resource, sys, time
from graphengine import Graph, Plan, ops
from layers import LSTMCell, MultiRNNCell, dynamic_rnn
import viz

def network(layers):
    x = Graph("large").placeholder("x", ("batch", "time", 8))
    outputs, state = dynamic_rnn(MultiRNNCell([LSTMCell(16) for _ in range(layers)]), x, over="time")
    return outputs.graph

steps, layers, detail, budget = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
graph = network(layers)
viz.unrolled(graph, time=3, detail=detail, steps="all").to_svg()
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
view = viz.unrolled(graph, time=steps, detail=detail, steps="all", budget=budget)
laid = time.perf_counter()
svg = view.to_svg()
ended = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"boxes": len(view.to_scene().boxes), "edges": len(view.to_scene().edges), "bytes": len(svg),
  "layout": laid - started, "svg": ended - laid, "before": before / 1024, "peak": peak / 1024}))
"""
