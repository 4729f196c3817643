"""The layouts on their own: any graph in ranks, lines that pass what stands between, places as near as wished."""

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from viz.check import problems
from viz.layout.channels import Vertical, channels
from viz.layout.layered import arrange, bent
from viz.layout.ranks import spread
from viz.scene import Box, Edge, Scene

sizes = st.tuples(st.floats(10, 90), st.floats(10, 50))


@st.composite
def graphs(draw):
    boxes = draw(st.lists(sizes, min_size=1, max_size=14))
    node = st.integers(0, len(boxes) - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=20, unique=True))
    labels = draw(st.dictionaries(st.integers(0, max(len(edges) - 1, 0)), sizes, max_size=4)) if edges else {}
    return boxes, edges, labels


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_boxes_and_labels_are_disjoint_and_edges_end_on_boxes_for_any_graph(case):
    boxes, edges, labels = case
    found = arrange(boxes, edges, labels=labels)
    placed = [Box(f"n{k}", x, y, *size) for k, ((x, y), size) in enumerate(zip(found.centres, boxes, strict=True))]
    placed += [Box(f"l{k}", x, y, *labels[k]) for k, (x, y) in found.labels.items()]
    lines = [
        Edge(f"n{a}", f"n{b}", bent(route, upright_bends=True))
        for (a, b), route in zip(edges, found.routes, strict=True)
        if route
    ]
    scene = Scene(2000, 2000, "any graph", boxes=placed, edges=lines)
    flaws = [flaw for flaw in problems(scene, crossings=False) if "canvas" not in flaw]
    assert flaws == []
    assert all(x >= -1e-9 for x, _ in found.centres)
    assert arrange(boxes, edges, labels=labels) == found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8), st.floats(0, 30))
def test_spread_keeps_distances_and_moves_as_little_as_it_can(wanted, apart):
    places = spread(wanted, [apart] * (len(wanted) - 1), [1.0] * len(wanted))
    assert all(b - a >= apart - 1e-9 for a, b in pairwise(places))
    moved = sum((place - wish) ** 2 for place, wish in zip(places, wanted, strict=True))
    steps = np.random.default_rng(0).normal(size=(50, len(wanted)))
    for step in steps:
        other = [place + s for place, s in zip(places, step, strict=True)]
        if all(b - a >= apart for a, b in pairwise(other)):
            assert sum((place - wish) ** 2 for place, wish in zip(other, wanted, strict=True)) >= moved - 1e-9


def test_a_line_passes_what_stands_between_or_goes_round_it():
    rows = [[(-50, 50)], [(-60, 20)], [(-50, 50)]]
    (course,) = channels(rows, [Vertical(0, 2, (-40, 40), (-40, 40), 0.0)])
    assert course.straight
    assert course.run >= 20 + 14
    wide = [[(-50, 50)], [(-200, 200)], [(-50, 50)]]
    (course,) = channels(wide, [Vertical(0, 2, (-40, 40), (-40, 40), 0.0)])
    assert not course.straight
    assert abs(course.run) >= 214
    assert -40 <= course.leave <= 40


def test_lines_side_by_side_keep_apart():
    lines = [Vertical(0, 1, (-40, 40), (-40, 40), 0.0) for _ in range(3)]
    runs = sorted(course.run for course in channels([[(-50, 50)], [(-50, 50)]], lines))
    assert runs[1] - runs[0] >= 24
    assert runs[2] - runs[1] >= 24
