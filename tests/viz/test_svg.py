"""SVG is well-formed, harmless, the same in every process, and holds what the scene holds."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.viz.demonstration import demonstration
from viz.curves import straight
from viz.scene import Box, Edge, Frame, Line, Scene
from viz.svg import to_svg
from viz.theme import LIGHT, THEMES

ROOT = Path(__file__).parents[2]
NAMESPACE = "{http://www.w3.org/2000/svg}"


def parsed(scene, theme=LIGHT):
    return ElementTree.fromstring(to_svg(scene, theme))


def texts(root):
    found = root.iter(f"{NAMESPACE}text")
    return Counter((each.text or "") + "".join(child.tail or "" for child in each) for each in found)


def test_the_rest_of_a_long_name_is_in_the_tooltip():
    name = "".join(f"word{i} " for i in range(100))
    box = Box("n0", 50, 20, 90, 30, lines=(Line(name),))
    title = parsed(Scene(100, 40, "long", boxes=[box])).find(f".//{NAMESPACE}rect/{NAMESPACE}title")
    assert title.text == name


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_box_edge_head_and_text_is_there_once(theme):
    scene = demonstration()
    root = parsed(scene, theme)
    identities = [each.get("id") for each in root.iter() if "-" in each.get("id", "")]
    drawn = [box for box in scene.boxes if box.kind != "anchor"]
    prefix = identities[0].removesuffix("-title")
    assert identities[:2] == [f"{prefix}-title", f"{prefix}-desc"]
    assert Counter(identities[2:]) == Counter(f"{prefix}-{box.id}" for box in drawn)
    paths = list(root.iter(f"{NAMESPACE}path"))
    assert len(paths) == 2 * len(scene.edges) + sum(box.shape == "diamond" for box in drawn)
    lines = sum(len(box.lines) for box in drawn) + sum(bool(frame.title) for frame in scene.frames)
    assert sum(texts(root).values()) == lines + len(list(scene.labels()))


def test_titles_are_announced():
    root = parsed(demonstration())
    assert root.get("role") == "img"
    by_id = {each.get("id"): each for each in root.iter() if each.get("id")}
    announced = [by_id[identity].text for identity in root.get("aria-labelledby").split()]
    assert announced == [demonstration().title, demonstration().description]


def test_two_pictures_in_one_notebook_share_no_id():
    other = replace(demonstration(), title="other")
    pictures = [parsed(demonstration()), parsed(other), parsed(demonstration(), THEMES["dark"])]
    identities = [{each.get("id") for each in root.iter() if each.get("id")} for root in pictures]
    assert not any(first & second for first, second in pairwise([*identities, identities[0]]))


def test_gradients_are_dashed_and_hollow():
    scene = demonstration()
    edge = next(edge for edge in scene.edges if edge.kind == "gradient" and edge.strength == 1)
    groups = parsed(replace(scene, edges=(edge,))).iter(f"{NAMESPACE}g")
    line, head = (group for group in groups if group[0].tag == f"{NAMESPACE}path" and not group[0].get("id"))
    assert line.get("stroke") == head.get("stroke") == LIGHT.edges["gradient"].stroke
    assert line.get("stroke-dasharray")
    assert head.get("fill") == LIGHT.background


def corners_of(path):
    """Where a path starts and where each of its pieces ends; the numbers of a piece count from where it starts."""
    size = 6 if "c" in path else 2
    x, y, *steps = map(float, re.findall(r"[-.\d]+", path))
    found = [(x, y)]
    for k in range(0, len(steps), size):
        x, y = x + steps[k + size - 2], y + steps[k + size - 1]
        found.append((x, y))
    return found


def test_a_head_touches_the_tip_and_the_line_stops_at_its_base():
    box = Box("a", 10, 10, 20, 10), Box("b", 90, 10, 20, 10)
    scene = Scene(100, 20, "one edge", boxes=box, edges=[Edge("a", "b", straight((20, 10), (80, 10)), "h", width=1)])
    line, head = (each.get("d") for each in parsed(scene).iter(f"{NAMESPACE}path"))
    corners, ends = corners_of(head), corners_of(line)
    assert corners[1] == (80, 10)
    assert corners[0][0] == corners[2][0] == ends[-1][0]
    assert 5 < 80 - ends[-1][0] < 12
    without = replace(scene, edges=[replace(scene.edges[0], head=False)])
    (line,) = (each.get("d") for each in parsed(without).iter(f"{NAMESPACE}path"))
    assert corners_of(line)[-1] == (80, 10)


def test_frames_lie_below_edges_below_boxes_below_texts():
    svg = to_svg(replace(demonstration(), texts=()), LIGHT)
    frame, edge = svg.index("layer 1 · forward"), svg.index("<path")
    box, word = svg.index('id="p', svg.index("<path")), svg.rindex("pointer-events")
    assert frame < edge < box < word


def test_highlighted_lines_are_painted_last_and_faded_first():
    lines = [each.get("d") for each in parsed(demonstration()).iter(f"{NAMESPACE}path") if "Z" not in each.get("d")]
    assert lines[0].startswith("M631 150")
    assert lines[-1].startswith("M850 273")


def test_numbers_have_two_decimals_at_most():
    box = Box("n0", 1 / 3, -1e-9, 2 / 3, 1e7 + 1 / 7)
    svg = to_svg(Scene(100, 40, "thirds", boxes=[box], frames=[Frame(0.005, 0, 1, 1)]), LIGHT)
    numbers = re.findall(r'(?<=[ "])-?\d[\d.e+-]*(?=[ "])', svg)
    assert numbers
    assert all(re.fullmatch(r"-?\d+(\.\d{1,2})?", number) and number != "-0" for number in numbers)


SCRIPT = """
from tests.viz.demonstration import demonstration
from viz import View
for theme in ("light", "dark", "print"):
    view = View(demonstration(), theme)
    print(view.to_svg(), view.to_dot(), view.to_json())
"""


def test_svg_dot_and_json_are_the_same_bytes_in_every_process():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
        ).stdout
        for seed in ("0", "1", "4242")
    }  # fmt: skip
    assert len(outputs) == 1
    assert outputs.pop().count(b"<svg") == 3


def test_a_large_picture_is_written_fast():
    places = ((i, i % 1000 * 120 + 60, i // 1000 * 60 + 40) for i in range(61_000))
    boxes = [Box(f"n{i}", x, y, 60, 30, "round", "op", (Line(f"node {i}"),)) for i, x, y in places]
    scene = Scene(120_100, 3_800, "large", boxes=boxes)
    start = time.process_time()
    svg = to_svg(scene, LIGHT)
    assert time.process_time() - start < 3
    assert svg.count("<rect") == 61_001
