"""The checker finds each kind of flaw in a clean picture, and nothing in the clean one."""

from dataclasses import replace

import pytest

from tests.viz.demonstration import demonstration
from viz.check import problems
from viz.curves import straight
from viz.scene import Box, Edge, Frame, Line, Text

CLEAN = demonstration()


def box(**changes):
    return replace(Box("extra", 60, 380, 40, 20), **changes)


def _level(source, target, start, end):
    return Edge(source, target, straight((start, 388), (end, 388)))


FLAWS = [
    ({"boxes": [box(x=200)]}, ["box x0 overlaps box extra", "edge x0 -> cell0 runs through box extra"]),
    ({"boxes": [box(lines=(Line("much too long"),))]}, ["box extra: its text 'much too long' does not fit"]),
    ({"boxes": [box(shape="circle", lines=(Line("tanhhhh", 10),))]}, ["box extra: its text 'tanhhhh' does not fit"]),
    ({"boxes": [box(x=1025)]}, ["box extra leaves the canvas"]),
    ({"boxes": [box(y=334)]}, ["box extra straddles frame 'layer 1 · forward'"]),
    ({"texts": [Text(1028, 380, "x")]}, ["text 'x' leaves the canvas"]),
    ({"texts": [Text(200, 72, "t = 0")]}, ["text 't = 0' overlaps text 't = 0'"]),
    ({"texts": [Text(60, 100, "lower")]}, ["text 'lower' overlaps text 'layer 1 · forward'"]),
    ({"texts": [Text(190, 380, "x")]}, ["text 'x' overlaps box x0", "edge x0 -> cell0 runs through text 'x'"]),
    ({"texts": [Text(190, 345, "through")]}, ["edge x0 -> cell0 runs through text 'through'"]),
    ({"frames": [Frame(1000, 470, 40, 10, "far")]}, ["frame 'far' leaves the canvas", "text 'far' leaves the canvas"]),
    ({"edges": [_level("x1", "weights", 501, 530)]}, ["edge x1 -> weights ends 3.0 pt outside weights"]),
    ({"edges": [_level("x1", "weights", 497, 533)]}, ["edge x1 -> weights starts 4.0 pt inside x1"]),
    ({"edges": [_level("x1", "weights", 500, 535), replace(_level("y", "weights", 881, 535), kind="h")]},
     ["edge x1 -> weights and edge y -> weights end in one point"]),
    ({"edges": [_level("x1", "weights", 500, 535), replace(_level("weights", "x1", 535, 500), kind="gradient")]},
     ["edge x1 -> weights runs upon edge weights -> x1"]),
    ({"edges": [Edge("x1", "weights", straight((501, 388), (501, 373), (560, 373)))]},
     ["edge x1 -> weights ends along the outline of weights"]),
    ({"edges": [_level("x1", "weights", 501, -9)]}, ["edge x1 -> weights leaves the canvas"]),
]


def test_the_demonstration_is_clean():
    assert problems(CLEAN) == []


@pytest.mark.parametrize(("change", "found"), FLAWS)
def test_each_flaw_is_found(change, found):
    flawed = replace(CLEAN, **{name: (*getattr(CLEAN, name), *items) for name, items in change.items()})
    assert set(found) <= set(problems(flawed))


def test_lines_that_branch_are_one_line_up_to_there_and_alternatives_take_the_same_way():
    branches = [_level("x1", "weights", 501, 533), _level("x1", "y", 501, 819)]
    others = [replace(branches[0], kind="added"), replace(branches[0], kind="removed")]
    for pair in (branches, others):
        found = problems(replace(CLEAN, edges=(*CLEAN.edges, *pair)))
        assert not [flaw for flaw in found if "runs upon" in flaw or "in one point" in flaw]


def test_crossings_can_be_left_out():
    flawed = replace(CLEAN, texts=(*CLEAN.texts, Text(190, 345, "through")))
    assert problems(flawed, crossings=False) == []
