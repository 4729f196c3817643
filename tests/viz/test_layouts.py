"""The layouts on their own: any graph in ranks, lines that pass what stands between, places as near as wished."""

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from viz.check import problems
from viz.layout.channels import Vertical, channels
from viz.layout.layered import arrange, bent
from viz.layout.open_cell import open_cell
from viz.layout.ranks import spread
from viz.layout.standing_cell import standing_cell
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


@st.composite
def cells(draw):
    """A cell of any kind: parts that read earlier ones, inputs, states."""
    count = draw(st.integers(1, 8))
    names = [f"p{k}" for k in range(count)]
    lanes = draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True))
    pairs = [(one, other) for k, one in enumerate(names) for other in names[k + 1 :]]
    wires = draw(st.lists(st.sampled_from(pairs), max_size=10, unique=True)) if pairs else []
    part = st.sampled_from(names)
    wires += [(f"<{lane}", draw(part)) for lane in lanes]
    wires += [(draw(part), f"{lane}>") for lane in lanes]
    wires += [("v", name) for name in draw(st.lists(part, min_size=1, max_size=2, unique=True))]
    wires += [(name, "^") for name in draw(st.lists(part, max_size=2, unique=True))]
    read = [name for name in names if any(name in wire for wire in wires)]
    return {name: draw(sizes) for name in read}, wires, lanes


@settings(max_examples=60, deadline=None)
@given(cells(), st.booleans(), st.floats(0, 200))
def test_a_cell_of_any_kind_is_laid_out_inside_its_border(cell, standing, title):
    parts, wires, lanes = cell
    parts = {name: (max(width, 130.0), max(height, 130.0)) for name, (width, height) in parts.items()}
    looks = dict.fromkeys(parts, ("rect", "op"))
    inner = {wire for wire in wires if set(wire) <= set(parts)}
    found = (
        standing_cell(parts, looks, wires, inner, lanes, title) if standing
        else open_cell(parts, looks, wires, inner, lanes)
    )  # fmt: skip
    boxes = [Box(name, slot.x, slot.y, slot.width, slot.height) for name, slot in found.slots.items()]
    corners = Box("border", found.width / 2, found.height / 2, found.width, found.height)
    for box in boxes:
        assert corners.left <= box.left
        assert box.right <= corners.right
        assert corners.top <= box.top
        assert box.bottom <= corners.bottom
    flaws = problems(Scene(found.width, found.height, "", boxes=boxes), crossings=False)
    assert flaws == []
    assert set(found.wires) == set(wires)
    for (source, target), wire in found.wires.items():
        for end, (x, y) in ((source, wire.curve[0]), (target, wire.curve[-1])):
            if end in found.slots:
                slot = found.slots[end]
                assert slot.left - 1e-6 <= x <= slot.right + 1e-6
                assert slot.top - 1e-6 <= y <= slot.bottom + 1e-6
            else:
                lane = found.lanes.get(end.strip("<>"))
                wanted = {"v": (x, found.height), "^": (x, 0.0)}.get(end, (0.0 if end[0] == "<" else found.width, lane))
                assert (x, y) == wanted
