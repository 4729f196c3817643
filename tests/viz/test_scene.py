"""Scenes refuse what no writer could draw."""

import math
from dataclasses import replace

import pytest

from graphengine.errors import GraphError
from tests.viz.demonstration import demonstration
from viz.curves import straight
from viz.errors import SceneError
from viz.scene import Box, Edge, Frame, Line, Scene, Text

A, B = Box("a", 10, 10, 10, 10), Box("b", 50, 10, 10, 10)
EDGE = Edge("a", "b", straight((15, 10), (45, 10)))


def scene(**parts):
    return Scene(60, 20, "test", **{"boxes": (A, B), "edges": (EDGE,), **parts})


def test_a_good_scene_knows_its_boxes_and_labels():
    label = Text(30, 5, "x")
    good = scene(edges=[replace(EDGE, label=label)], texts=[Text(1, 1, "y")])
    assert good.box("b") is B
    assert [text.content for text in good.labels()] == ["y", "x"]
    assert (B.left, B.right, B.top, B.bottom) == (45, 55, 5, 15)
    assert (Frame(1, 2, 3, 4).right, Frame(1, 2, 3, 4).bottom) == (4, 6)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"boxes": (A, A, B)}, "two boxes have the id 'a'"),
        ({"edges": (replace(EDGE, target="c"),)}, "edge a -> c: there is no box 'c'"),
        ({"edges": (replace(EDGE, points=((0, 0),) * 5),)}, "4, 7, 10, … points, not 5"),
        ({"edges": (replace(EDGE, points=((0, 0),)),)}, "points, not 1"),
        ({"edges": (replace(EDGE, points=((0, 0), (0, 0), (0, 0), (math.nan, 0))),)}, "nan is not a finite number"),
        ({"edges": (replace(EDGE, strength=1.5),)}, "strength lies between 0 and 1, not 1.5"),
        ({"edges": (replace(EDGE, strength=math.nan),)}, "strength lies between 0 and 1, not nan"),
        ({"edges": (replace(EDGE, kind="href"),)}, "there is no edge 'href'; there are added, bad, c, delay"),
        ({"boxes": (A, replace(B, id='b"')), "edges": ()}, "the id of a box is a letter"),
        ({"boxes": (A, replace(B, id="b\n")), "edges": ()}, "the id of a box is a letter"),
        ({"boxes": (replace(A, width=-1), B)}, "box a: -1 is not a size"),
        ({"boxes": (replace(A, x=math.inf), B)}, "box a: inf is not a finite number"),
        ({"boxes": (replace(A, shape="star"), B)}, "there is no shape 'star'"),
        ({"boxes": (replace(A, emphasis="loud"), B)}, "there is no emphasis 'loud'"),
        ({"boxes": (replace(A, lines=(Line("x", math.nan),)), B)}, "a line of box a: nan is not a size"),
        ({"boxes": (replace(A, lines=(Line("x", role="pink"),)), B)}, "there is no role 'pink'"),
        ({"frames": (Frame(0, 0, 5, 5, kind="sofa"),)}, "there is no frame 'sofa'"),
        ({"texts": (Text(0, math.nan, "x"),)}, "a text: nan is not a finite number"),
        ({"texts": (Text(0, 0, "x", anchor="left"),)}, "there is no anchor 'left'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(parts, message):
    with pytest.raises(SceneError, match=message.replace("…", ".")) as caught:
        scene(**parts)
    assert isinstance(caught.value, GraphError)


def test_a_scene_of_no_finite_size_is_refused():
    with pytest.raises(SceneError, match="the scene: inf"):
        Scene(math.inf, 10, "wide")


def test_scenes_compare_by_what_is_in_them():
    assert demonstration() == demonstration()
    assert scene() != scene(edges=())
