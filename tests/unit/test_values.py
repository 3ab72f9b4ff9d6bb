"""Lengths and counts in tag text: conversions by hand (0.3048 m to the foot), and what must not be guessed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorview.city.values import count, metres, number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3.0),
        ("3 m", 3.0),
        ("3m", 3.0),
        ("3.5 metres", 3.5),
        ("3,5", 3.5),
        (".5", 0.5),
        ("10 ft", 3.048),
        ("10ft", 3.048),
        ("10'", 3.048),
        ("16'3\"", 16 * 0.3048 + 3 * 0.0254),
        ("16' 3''", 16 * 0.3048 + 3 * 0.0254),
        ("16′3″", 16 * 0.3048 + 3 * 0.0254),
        ("5 ft 6 in", 5 * 0.3048 + 6 * 0.0254),
        ('6"', 6 * 0.0254),
        ("50 cm", 0.5),
        ("50 mm", 0.05),
        ("1 km", 1000.0),
        (" 7.0 ", 7.0),
        ("0", 0.0),
    ],
)
def test_lengths_are_read_in_metres(text, expected):
    assert metres(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    ["2;3", "2-3", "", "wide",
     "-2", "~3", "1,000", "3 parsecs", "16'13\"", "9e999", "nan", "inf", "1" * 100, "٣", None, 3.0,
     math.nan, float("inf"), object()],
)  # fmt: skip
def test_what_cannot_be_read_is_none(text):
    assert metres(text) is None
    assert count(text) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("4", 4), ("4.0", 4), ("0", 0), (" 12 ", 12), ("4 m", None), ("2.5", None)]
)
def test_counts_are_whole(text, expected):
    assert count(text) == expected


def test_numbers_may_be_halves():
    assert number("1.5") == 1.5
    assert number("1.5 m") is None


@given(st.text(max_size=60))
def test_no_text_raises_and_every_length_is_finite(text):
    read = metres(text)
    assert read is None or (math.isfinite(read) and read >= 0)
    whole = count(text)
    assert whole is None or whole >= 0
