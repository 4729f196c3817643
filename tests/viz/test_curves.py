"""Curves end where they should, and move sideways as a whole."""

import math

import pytest

from viz.curves import at, beside, reverse, rounded, shortened, sideways, straight, upright
from viz.outline import distance, meet
from viz.scene import Box

CORNERS = [(0, 0), (40, 0), (40, 30), (90, 30)]
CURVES = [
    straight((0, 0), (50, 20)),
    rounded(CORNERS),
    straight(*CORNERS),
    sideways((0, 0), (60, 30)),
    upright((0, 0), (9, 70)),
]


@pytest.mark.parametrize("curve", CURVES)
def test_every_curve_is_pieces_of_three(curve):
    assert len(curve) % 3 == 1
    assert at(curve, 0)[0] == pytest.approx(curve[0])
    assert at(curve, 1)[0] == pytest.approx(curve[-1])
    assert reverse(reverse(curve)) == curve


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("length", [4.0, 9.0])
def test_a_shortened_curve_ends_a_head_before_the_tip_and_is_the_same_curve(curve, length):
    cut = shortened(curve, length)
    assert math.dist(cut[-1], curve[-1]) == pytest.approx(length, abs=0.02)
    assert cut[:-3] == curve[:-3]
    near = min(math.dist(cut[-1], at(curve, i / 3000)[0]) for i in range(3001))
    assert near < 0.05


def test_shortening_never_turns_a_short_curve_round():
    cut = shortened(straight((0, 0), (3, 0)), 10)
    assert 0 <= cut[-1][0] < 3


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("gap", [8.0, -8.0])
def test_a_curve_beside_another_keeps_its_distance(curve, gap):
    moved = beside(curve, gap)
    gaps = [min(math.dist(at(moved, i / 60)[0], at(curve, j / 600)[0]) for j in range(601)) for i in range(61)]
    assert min(gaps) > 6.5
    assert max(gaps) < 8 * math.sqrt(2) + 0.5  # the mitre of a right angle


def test_left_is_left_of_who_walks_along_the_curve():
    assert beside(straight((0, 0), (10, 0)), 5)[0] == pytest.approx((0, -5))
    assert beside(straight((0, 10), (0, 0)), 5)[0] == pytest.approx((-5, 10))


def test_rounded_corners_stay_within_their_corner():
    curve = rounded([(0, 0), (50, 0), (50, 50)], 10)
    assert (40, 0) in curve
    assert (50, 10) in curve
    middle = at(curve, 0.5)[0]
    assert math.dist(middle, (40, 10)) == pytest.approx(10, abs=0.1)
    assert rounded([(0, 0), (5, 5)]) == straight((0, 0), (5, 5))


@pytest.mark.parametrize("shape", ["rect", "round", "pill", "circle", "diamond"])
@pytest.mark.parametrize("offset", [-9, 0, 9])
@pytest.mark.parametrize("reach", [5, 60])
def test_an_edge_meets_the_outline_of_any_shape_from_inside_and_outside(shape, offset, reach):
    source, target = Box("a", 0, 0, 46, 22, shape), Box("b", 200, 0, 46, 22, shape)
    curve = meet(straight((reach, offset), (200 - reach, offset)), source, target)
    for box, end in ((source, curve[0]), (target, curve[-1])):
        assert abs(distance(box, end)) < 0.01
        assert end[1] == pytest.approx(offset)
    assert curve[0][0] > 0
    assert curve[-1][0] < 200


def test_an_end_that_would_never_meet_stays():
    box = Box("a", 0, 0, 10, 10)
    curve = straight((30, 40), (100, 40))
    assert meet(curve, box, box) == curve


def test_an_end_beside_a_long_side_does_not_slide_along_it():
    box = Box("a", 0, 0, 200, 20, "round")
    curve = straight((160, -11.5), (100, -10.5))
    assert meet(curve, Box("b", 160, -11.5, 0, 0, "none"), box)[-1] == (100, -10.5)


def test_distance_is_negative_inside():
    for shape in ("rect", "round", "pill", "circle", "diamond"):
        box = Box("a", 5, 5, 40, 20, shape)
        assert distance(box, (5, 5)) < -5
        assert distance(box, (25, 5)) == pytest.approx(0)
        assert distance(box, (35, 5)) > 4
    assert distance(Box("a", 0, 0, 40, 20, "pill"), (20, 10)) > 3
    assert distance(Box("a", 3, 4, 0, 0, "none", "anchor"), (0, 0)) == pytest.approx(5)
