"""Colours that can be seen: against their background, and apart from each other by everybody."""

from itertools import combinations

import numpy as np
import pytest

from viz.scene import Box, Edge
from viz.theme import DARK, LIGHT, PRINT, THEMES, BoxStyle, mix, theme_named

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    """Linear RGB of `#RRGGBB`."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(first, second):
    """The ratio of WCAG 2.1."""
    light, dark = sorted((TO_XYZ[1] @ linear(first), TO_XYZ[1] @ linear(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour, blindness):
    xyz = TO_XYZ @ np.clip(BLINDNESS[blindness] @ linear(colour), 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


RECEDES = "same"  # what two graphs have in common stands behind what differs; its text can be read as all others


def backgrounds(theme):
    """Everything that a free text or a line may stand on."""
    return {theme.background, *(style.fill for style in theme.frames.values() if style.fill)}


def test_the_measures_are_the_known_ones():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)
    np.testing.assert_allclose(lab("#FFFFFF", "none"), [100, 0, 0], atol=0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_text_can_be_read(theme):
    for background in backgrounds(theme):
        for role, colour in theme.roles.items():
            assert contrast(colour, background) >= 4.5, (role, background)
        for kind, style in theme.frames.items():
            assert contrast(style.text, style.fill or background) >= 4.5, kind
    for kind, style in theme.boxes.items():
        for background in [style.fill] if style.fill else backgrounds(theme):
            assert contrast(style.text, background) >= 4.5, kind


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_muted_text_can_be_read_in_what_it_stands_in(theme):
    for kind in ("cell", "scope", "gate", "op", "output"):
        assert contrast(theme.roles["muted"], theme.boxes[kind].fill) >= 4.5, kind


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_lines_stand_out(theme):
    for background in backgrounds(theme):
        for kind, style in theme.edges.items():
            if kind == RECEDES:
                continue
            assert contrast(style.stroke, background) >= 3, kind
            assert contrast(style.pale, background) >= 3, kind
        for kind, style in theme.boxes.items():
            if style.stroke and kind != RECEDES:
                assert max(contrast(style.stroke, background), contrast(style.fill, background)) >= 3, kind
        assert contrast(theme.highlight, background) >= 3


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_four_flows_stay_apart_for_the_colour_blind(theme, blindness):
    for first, second in combinations(("c", "h", "input", "gradient"), 2):
        colours = theme.edges[first].stroke, theme.edges[second].stroke
        apart = np.linalg.norm(lab(colours[0], blindness) - lab(colours[1], blindness))
        assert apart >= 12, (first, second)  # five times what is just noticeable; dashes and heads come on top


def test_print_needs_no_colour():
    greys = [*PRINT.roles.values(), *(style.stroke for style in PRINT.edges.values())]
    assert all(colour[1:3] == colour[3:5] == colour[5:7] for colour in greys)
    lines = [PRINT.edges[kind] for kind in ("c", "h", "input", "gradient", "zero", "bad")]
    assert len({(style.weight, style.dash, style.head) for style in lines}) == len(lines)
    boxes = [PRINT.boxes[kind] for kind in ("c", "h", "input", "loss", "gate")]
    assert len({(style.fill, style.width, style.dash) for style in boxes}) == len(boxes)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_gradient_is_dashed_and_hollow_and_shaded_by_strength(theme):
    style = theme.edges["gradient"]
    assert (style.dash, style.head) == ("dashed", "hollow")
    assert theme.edges["forward"].dash == "solid"
    assert theme.edges["zero"].dash == "dotted"
    shades = [theme.line(Edge("a", "b", ((0, 0),) * 4, "gradient", strength=strength))[0] for strength in (0, 0.5, 1)]
    assert shades[0] == style.pale
    assert shades[2] == style.stroke
    strengths = [contrast(shade, theme.background) for shade in shades]
    assert strengths == sorted(strengths)
    assert strengths[0] < strengths[2]


def test_emphasis_changes_the_look():
    def box(emphasis):
        return LIGHT.box(Box("n0", 0, 0, 10, 10, kind="h", emphasis=emphasis))

    assert box("highlight").stroke == LIGHT.highlight
    assert box("highlight").width > box("normal").width
    assert contrast(box("faded").fill, "#FFFFFF") < contrast(box("normal").fill, "#FFFFFF")
    lines = [LIGHT.line(Edge("a", "b", ((0, 0),) * 4, "h", emphasis=each)) for each in ("faded", "normal", "highlight")]
    assert contrast(lines[0][0], "#FFFFFF") < contrast(lines[1][0], "#FFFFFF")
    assert lines[2][1] > lines[1][1]


def test_themes_by_name():
    assert theme_named("dark") is DARK
    assert theme_named(PRINT) is PRINT
    with pytest.raises(ValueError, match="there is no theme 'sepia'; there are light, dark, print"):
        theme_named("sepia")
    assert mix("#102030", "#102030", 0.4) == "#102030"
    assert isinstance(LIGHT.box(Box("n0", 0, 0, 1, 1)), BoxStyle)
