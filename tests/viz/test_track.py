"""Points that follow a track are a sequence like any other, and writers draw them as one."""

from dataclasses import replace

import viz
from graphengine import Graph
from layers import GRUCell, LSTMCell, MultiRNNCell, dynamic_rnn
from viz.json_writer import to_json
from viz.scene import Box, Edge, Scene
from viz.svg import to_svg
from viz.theme import LIGHT
from viz.track import Moved, Track, along

CURVE = ((20.0, 10.0), (40.0, 12.0), (60.0, 8.0), (80.0, 10.0))
BOXES = Box("a", 110, 10, 20, 10), Box("b", 190, 10, 20, 10)


def test_moved_points_are_those_of_the_track_further_to_the_right():
    moved, plain = Moved(Track(CURVE), 100.0), tuple((x + 100, y) for x, y in CURVE)
    assert moved == plain
    assert plain == moved
    assert hash(moved) == hash(plain)
    assert repr(moved) == repr(plain)
    assert (len(moved), moved[0], moved[-1], moved[1:3]) == (4, plain[0], plain[-1], plain[1:3])
    assert along(moved) is moved
    assert along(plain) == plain
    assert moved != Moved(Track(CURVE), 99.0)


def test_writers_draw_edges_on_a_track_like_edges_that_are_alone():
    plain = Edge("a", "b", tuple((x + 100, y) for x, y in CURVE))
    tracked = replace(plain, points=Moved(Track(CURVE), 100.0))
    scenes = [Scene(210, 20, "", boxes=BOXES, edges=(edge,)) for edge in (plain, tracked)]
    assert scenes[0] == scenes[1]
    assert to_svg(scenes[0], LIGHT) == to_svg(scenes[1], LIGHT)
    assert to_json(scenes[0]) == to_json(scenes[1])


def test_there_are_as_many_tracks_for_few_steps_as_for_many():
    found = []
    for steps in (6, 30):
        x = Graph("alike").placeholder("x", ("batch", "time", 8))
        graph = dynamic_rnn(MultiRNNCell([LSTMCell(16), GRUCell(8)]), x, over="time")[0].graph
        for detail in ("cell", "op"):
            scene = viz.unrolled(graph, time=steps, steps="all", detail=detail).to_scene()
            found.append(len({along(edge.points).track for edge in scene.edges}))
    assert found[:2] == found[2:]
