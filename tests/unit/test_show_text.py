"""Words, numbers and colours of pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorview.show.style import (
    BREAKS,
    FINE_BREAKS,
    SHARE_COLOURS,
    breaks_for,
    class_labels,
    grey,
    rgb,
    share_class,
    share_classes,
)
from doorview.show.text import Caption, LevelNote, clean, count, distance, join, level_phrase, percent, place_words


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Main Street", "Main Street"),
        ("a\nb\tc\r\x00d", "a b c d"),
        ("safe\u202egnp.exe", "safegnp.exe"),  # right-to-left override
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("$\\frac{1}{0}$", "$\\frac{1}{0}$"),  # markup is not touched here: drawing switches it off
        ("Zal\u0306\u0307\u0308\u030a\u030bgo", "Zal\u0306\u0307go"),
        ("Cafe\u0301", "Café"),
        (None, ""),
        (float("nan"), ""),
        (12, "12"),
        ("שדרות", "שדרות"),
    ],
)
def test_clean(raw, shown):
    assert clean(raw) == shown


@given(st.text(), st.integers(1, 30))
def test_clean_gives_one_short_line_and_is_stable(text, limit):
    line = clean(text, limit)
    assert len(line) <= limit
    assert line == line.strip()
    assert line.isprintable()
    assert clean(line, limit) == line


def test_what_is_cut_shows_that_it_is():
    assert clean("x" * 10_000, 5) == "xxxx…"
    assert clean("abcd efgh", 6) == "abcd…"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "0%"),
        (1e-9, "under 0.1%"),
        (0.0234, "2.3%"),
        (0.0996, "10%"),
        (0.204, "20%"),
        (0.997, "over 99%"),
        (1, "100%"),
    ],
)
def test_percent(share, shown):
    assert percent(share) == shown


def test_percent_without_a_figure():
    assert percent(math.nan) == "no figure"


@pytest.mark.parametrize(
    ("space", "units", "near_m", "words"),
    [
        ("streets_near_homes", "metric", 50.0, "streets within 50\u00a0m of a home"),
        ("streets_near_homes", "us", 50.0, "streets within 164\u00a0ft of a home"),  # 50 / 0.3048 = 164.04
        ("centreline_near_homes", "metric", 30.0, "street length within 30\u00a0m of a home"),
        ("all", "us", 50.0, "public ground"),
        ("some_other", "us", 50.0, "some other"),
    ],
)
def test_spaces_in_words(space, units, near_m, words):
    assert place_words(space, units, near_m) == words


def test_unconfirmed_values_are_named_by_reason_and_never_cut():
    marks = (
        "field of view (secondary source only)",
        "vertical field of view (secondary source only)",
        "pixels (unconfirmed)",
        "projection (unconfirmed)",
    )
    assert Caption("Town", "Camera X", unconfirmed=marks).camera_line == (
        "Camera: Camera X. Not confirmed by the maker: field of view and vertical field of view "
        "(third-party texts only); pixels and projection (unconfirmed)."
    )
    assert Caption("Town", "Camera X").camera_line == "Camera: Camera X."


def test_a_title_names_the_place_once():
    real = Caption("las_palmas", "C", label="Baseline")
    assert real.heading("How?") == ("How? las palmas", "Baseline")
    assert real.heading("How?", part=True) == ("How? Part of las palmas", "Baseline")
    named = Caption("demo", "C", fictional=True, label="Doorview Falls (fictional)")
    assert named.heading("How?", part=True) == ("How?", "Part of Doorview Falls (fictional)")
    assert Caption("demo", "C", fictional=True).heading("How?") == ("How? demo (a fictional town)", "")
    assert "fictional" in Caption("demo", "C", fictional=True, label="A label").heading("How?")[0]


def test_counts_that_could_point_at_single_homes_are_hidden():
    assert [count(n) for n in (0, 1, 4, 5, 12345)] == ["0", "fewer than 5", "fewer than 5", "5", "12,345"]


def test_lengths_in_the_readers_units():
    assert distance(28.4, "metric") == "28\u00a0m"
    assert distance(5.68, "metric") == "5.7\u00a0m"
    assert distance(28.4, "us") == "93\u00a0ft"  # 28.4 / 0.3048 = 93.2


def test_a_level_is_never_shown_without_its_plain_name():
    assert level_phrase(LevelNote("detect", "someone is there", 28.4), "metric") == (
        "detect: someone is there, up to 28\u00a0m"
    )
    assert "someone you already know" in level_phrase(LevelNote("recognise", "", 5.7), "metric")


def test_join():
    assert [join([]), join(["a"]), join(["a", "b"]), join(["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_the_caption_says_what_every_picture_has_to_say():
    plain = Caption("Town", "Camera X", "2016-05-01")
    assert "© OpenStreetMap contributors" in plain.source_line
    assert "2016-05-01" in plain.source_line
    assert "not real" in plain.simulated
    assert "unknown date" in Caption("Town", "Camera X").source_line
    fiction = Caption("Town", "Camera X", fictional=True, unconfirmed=("field of view", "trigger range"))
    assert "fictional" in fiction.place_name
    assert "fictional" in fiction.source_line
    assert "field of view and trigger range" in fiction.camera_line


def test_finer_classes_where_nine_in_ten_shares_are_small():
    assert breaks_for([0, 0, 0.02, 0.09]) == FINE_BREAKS
    assert breaks_for([0.02, 0.3]) == BREAKS
    assert breaks_for([0.01] * 20 + [0.5]) == FINE_BREAKS
    assert breaks_for([math.nan, 0.0]) == breaks_for([]) == BREAKS
    assert class_labels(FINE_BREAKS) == ["up to 0.5%", "0.5 to 1%", "1 to 2%", "2 to 5%", "5 to 10%", "over 10%"]


def test_classes_of_many_shares_are_those_of_each():
    shares = np.array([0, 1e-9, 0.05, 0.050_01, 0.2, 0.61, 1])
    assert share_classes(shares).tolist() == [share_class(value) for value in shares]
    assert share_classes(np.array([0.05, np.nan], np.float32)).tolist() == [1, 0]


def test_share_classes_cover_everything_once():
    assert share_class(0) == 0
    assert share_class(1e-9) == 1
    assert [share_class(value) for value in BREAKS] == [1, 2, 3, 4, 5]
    assert share_class(1) == len(SHARE_COLOURS) == len(class_labels())


def _dichromat(colour, matrix):
    """Return a colour as seen without one kind of cone; the matrices work on linear RGB."""
    linear = np.array(
        [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(rgb(colour)) / 255]
    )
    seen = np.clip(matrix @ linear, 0, 1)
    srgb = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * value):02x}" for value in srgb)


# Machado, Oliveira and Fernandes, 2009, doi:10.1109/TVCG.2009.113, severity 1.0.
_BLIND = {
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


@pytest.mark.parametrize("kind", _BLIND)
def test_more_in_view_is_darker_for_every_eye_and_in_grey(kind):
    light = [grey(_dichromat(colour, _BLIND[kind])) for colour in SHARE_COLOURS]
    steps = -np.diff(light)
    assert steps.min() > 8  # a just noticeable step is about 1; print and paper eat most of the rest
