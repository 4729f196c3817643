"""Text is as wide as the font says, and whatever users name things, it stays text."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz import metrics, render, text
from viz.scene import Box, Line, Text

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cs", "Cc", "Cf", "Zs", "Mn"]),
        st.sampled_from("\"'<>&\\;{}\n\r\t\0\u202e\u2066\ufeff\ufffe\u2028"),
    )
)


@pytest.mark.parametrize(("table", "file"), [(metrics.REGULAR, 0), (metrics.BOLD, 1)])
def test_widths_are_those_of_the_font(table, file):
    fonts = pytest.importorskip("fontTools.ttLib")
    font = fonts.TTFont(render._fonts()[file])
    letters, advances, em = font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm
    for width, members in table.items():
        for letter in members:
            assert abs(advances[letters[ord(letter)]][0] / em - width / 100) <= 0.0051, letter


def test_every_letter_that_the_project_writes_is_in_the_table():
    known = set("".join(metrics.REGULAR.values())) & set("".join(metrics.BOLD.values()))
    indices = "0123456789+-=()aehijklmnoprstuvx"
    written = "σ⊙∂∇×·…⋯‖−→←↑↓∞✕≤≥±∑√Δαβγεθλμφψω" + text.indexed("", indices) + text.indexed("", "", indices)
    assert set(written) <= known


def test_width_grows_with_size_and_counts_what_it_does_not_know():
    assert text.width("tanh", 20) == pytest.approx(2 * text.width("tanh", 10))
    assert text.width("猫", 10) == 10
    assert text.width("e\u0301", 10) == text.width("e", 10)
    assert text.width("", 10) == 0
    assert text.width("𓂀", 10) == 7.5


@given(NASTY, st.floats(5, 300))
def test_what_is_fitted_fits(content, room):
    fitted = text.fit(content, 10, room)
    assert text.width(fitted, 10) <= max(room, text.width("…", 10))
    assert fitted == content or fitted.endswith("…") or len(content) > text.LABEL


@given(NASTY, st.integers(1, 300), st.booleans())
def test_cleaned_text_holds_nothing_that_hides_or_breaks(content, limit, lines):
    cleaned = text.clean(content, limit, lines=lines)
    assert len(cleaned) <= limit
    assert text.clean(cleaned, limit, lines=lines) == cleaned
    kinds = {unicodedata.category(letter) for letter in cleaned if letter != "\n"}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert lines or "\n" not in cleaned
    assert not set(cleaned) & {"\ufffe", "\uffff", "\U0001fffe"}
    cleaned.encode()


def test_clean_keeps_what_is_harmless():
    for content in ("rnn/layer0/f", "h₁⁽²⁾ σ(x)", 'a "quoted" <b> & \\N', "naïve 猫 ∂E∕∂h"):
        assert text.clean(content) == content
    assert text.clean("a\u202eb\u200b\tc\ud800\x1b") == "ab c\ufffd\ufffd"
    assert text.clean("one\ntwo") == "one two"
    assert text.clean("one\ntwo", lines=True) == "one\ntwo"


def test_long_text_ends_in_an_ellipsis_and_goes_on_in_the_tooltip():
    name = "x" * 20_000
    assert text.clean(name) == "x" * 199 + "…"
    assert text.clean("x" * 200) == "x" * 200
    box = Box("n0", 0, 0, 1, 1, lines=(Line("short"), Line(name)), tooltip="shape 1×5")
    assert text.hint(box) == "shape 1×5\n" + "x" * (text.TOOLTIP - len("shape 1×5\n") - 1) + "…"
    assert text.hint(Text(0, 0, "short")) == ""
    assert text.hint(Text(0, 0, name[:300])) == "x" * 300


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        (0.16666667, "0.167"), (-0.403, "−0.403"), (0.5, "0.5"), (1.0, "1"), (12.345, "12.3"), (1234.5, "1230"),
        (0.00123, "0.00123"), (0.000123, "1.23e−4"), (1e-5, "1e−5"), (99999.0, "1e5"), (0.9999, "1"), (9.996, "10"),
        (-0.0, "0"), (5, "5"), (-7, "−7"), (123456, "123456"), (12345678, "1.23e7"), (True, "True"),
        (np.float32(0.1), "0.1"), (np.int64(3), "3"), (np.bool_(False), "False"), (5e-324, "4.94e−324"),
        (np.inf, "∞"), (-np.inf, "−∞"), (np.nan, "NaN"),
    ],
)  # fmt: skip
def test_numbers(value, spelt):
    assert text.number(value) == spelt


@given(st.floats(-1e300, 1e300))
def test_a_spelt_number_is_near_the_number(value):
    spelt = float(text.number(value).replace("−", "-"))
    assert spelt == pytest.approx(value, rel=0.0051, abs=1e-323)


def test_vectors_and_shapes():
    assert text.vector(np.float64(2.5)) == "2.5"
    assert text.vector([1.0]) == "1"
    assert text.vector(np.full(5, 1 / 6)) == "0.167 ×5"
    assert text.vector([0.167, -0.059]) == "[0.167 −0.059]"
    assert text.vector(np.arange(6.0).reshape(1, 6)) == "[0 1 2 …]"
    assert text.vector(np.arange(6.0).reshape(2, 3)) == "2×3, ‖·‖ 7.42"
    assert text.vector([]) == "[ ]"
    assert text.vector([np.nan, np.nan]) == "[NaN NaN]"
    assert text.vector([3, 4, 5, 6]) == "[3 4 5 …]"
    assert text.shape((5, 3)) == "5×3"
    assert text.shape(np.zeros((2, 1, 4))) == "2×1×4"


def test_indices():
    assert text.indexed("h", "t-1", "(2)") == "hₜ₋₁⁽²⁾"
    assert text.indexed("σ") == "σ"
    assert text.indexed("c", 12) == "c₁₂"
    assert text.indexed("h", "encoder!", "?") == "h[encoder!]^(?)"
