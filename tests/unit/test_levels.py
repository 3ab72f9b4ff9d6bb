"""Levels: the ranges of the derived table, near ranges, editions and marks."""

from __future__ import annotations

import math

import pytest

from doorview.errors import InputError, UnknownNameError
from doorview.sight.camera import camera
from doorview.sight.levels import DEFAULT_LEVELS, LEVEL_NAMES, level, range_at_density

# d = N / (H v), worked by hand and rounded to 0.1 m: detect, observe, recognise, identify (25, 62.5, 125, 250 px/m).
TABLE = {
    "ring-video-doorbell-wired": (28.4, 11.4, 5.7, 2.8),  # 1920 px over 155 degrees
    "ring-video-doorbell-4": (27.5, 11.0, 5.5, 2.8),  # 1920 px over 160 degrees
    "ring-video-doorbell-pro-2": (23.5, 9.4, 4.7, 2.3),  # 1536 px over 150 degrees
    "blink-video-doorbell": (32.6, 13.0, 6.5, 3.3),  # 1920 px over 135 degrees
}
# The names of 2025: overview, outline and discern (20, 40, 80 px/m).
TABLE_2025 = {
    "ring-video-doorbell-wired": (35.5, 17.7, 8.9),
    "ring-video-doorbell-4": (34.4, 17.2, 8.6),
    "ring-video-doorbell-pro-2": (29.3, 14.7, 7.3),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_ranges_are_those_of_the_table(name):
    names = ("detect", "observe", "recognise", "identify")
    assert tuple(round(level(camera(name), item).range_m, 1) for item in names) == TABLE[name]


@pytest.mark.parametrize("name", TABLE_2025)
def test_the_ranges_of_2025_are_those_of_the_table(name):
    names = ("overview", "outline", "discern")
    assert tuple(round(level(camera(name), item).range_m, 1) for item in names) == TABLE_2025[name]


def test_a_wider_lens_with_the_same_pixels_sees_less_far():
    assert level(camera("ring-video-doorbell-4"), "detect").range_m < 28.4


def test_the_sector_area_is_that_of_the_formula():
    # A = N^2 / (2 H v^2): 1,090 m2 at 25 px/m for 1920 px over 155 degrees.
    found = level(camera("ring-video-doorbell-wired"), "detect")
    area = math.radians(found.field_of_view_degrees) / 2 * found.range_m**2
    assert round(area, -1) == 1090


def test_every_name_of_2025_says_that_its_number_is_a_drafts():
    found = [level(camera("ring-video-doorbell-wired"), name) for name in LEVEL_NAMES if name != "scrutinise"]
    later = [item for item in found if item.edition == "2025"]
    assert {item.name for item in later} == {"overview", "outline", "discern", "perceive", "characterise", "validate"}
    assert all(any("draft" in mark for mark in item.marks) for item in later)
    assert not any("draft" in mark for item in found if item.edition != "2025" for mark in item.marks)


def test_every_level_has_a_plain_name_and_the_marks_it_rests_on():
    for name in DEFAULT_LEVELS:
        found = level(camera("ring-video-doorbell-wired"), name)
        assert found.plain
    assert level(camera("ring-video-doorbell-wired"), "detect").plain == "someone is there"
    assert "projection (unconfirmed)" in level(camera("ring-video-doorbell-wired"), "detect").marks
    assert level(camera("ring-video-doorbell-wired"), "trigger").marks == ()  # all of it is the maker's own word
    assert level(camera("ring-video-doorbell-4"), "trigger").marks


def test_the_sensor_has_its_own_sector():
    found = level(camera("ring-video-doorbell-3-plus"), "trigger")
    assert (found.range_m, found.near_m, found.field_of_view_degrees, found.edition) == (9.0, 1.0, 180.0, "maker")


@pytest.mark.parametrize(
    ("name", "target", "near"),
    [
        # A level lens 1.2 m up sees the ground from 1.2 / tan(VFOV / 2): 84, 90 and 150 degrees.
        ("ring-video-doorbell-4", 0.0, 1.33),
        ("ring-video-doorbell-wired", 0.0, 1.20),
        ("ring-video-doorbell-pro-2", 0.0, 0.32),
        ("ring-video-doorbell-wired", 1.5, 0.30),  # a face 0.3 m above a lens with 45 degrees up
        ("ring-video-doorbell-wired", 1.2, 0.0),
    ],
)
def test_the_near_range_is_where_the_target_comes_into_the_picture(name, target, near):
    assert level(camera(name), "detect", target_height_m=target).near_m == pytest.approx(near, abs=0.005)


def test_a_rectilinear_lens_reaches_far_less():
    # On the axis d = N / (2 tan(H / 2) v); for 155 degrees that is 3.3 times shorter.
    lens = camera("ring-video-doorbell-wired").with_values(projection="rectilinear")
    assert range_at_density(lens, 25.0) == pytest.approx(1920 / (2 * math.tan(math.radians(77.5)) * 25.0))
    assert 3 < range_at_density(camera("ring-video-doorbell-wired"), 25.0) / range_at_density(lens, 25.0) < 4


def test_what_cannot_be_is_refused():
    model = camera("ring-video-doorbell-wired")
    with pytest.raises(UnknownNameError, match="Did you mean 'recognise'"):
        level(model, "recognize")
    for wrong in (-0.1, 3.5, float("nan")):
        with pytest.raises(InputError, match="target_height_m"):
            level(model, "detect", target_height_m=wrong)
    # 1500 px/m is reached 0.47 m away, and a face comes into the picture from 0.3 m, the ground from 1.2 m on.
    assert level(model, "scrutinise").range_m == pytest.approx(0.473, abs=0.001)
    with pytest.raises(InputError, match="nothing is in view"):
        level(model, "scrutinise", target_height_m=0.0)


# --- night ---------------------------------------------------------------------------------------------------------


def test_lamps_cap_every_pixel_density_at_night():
    lit = camera("ring-video-doorbell-wired").with_values(infrared_range_m=9.0)
    by_day = {name: level(lit, name) for name in LEVEL_NAMES if name != "scrutinise"}
    by_night = {name: level(lit, name, night=True) for name in by_day}
    # The day's ranges of the table: 28.4 and 11.4 m are capped, 5.7 and 2.8 m lie within the lamps' reach.
    assert [by_night[name].range_m for name in ("detect", "observe")] == [9.0, 9.0]
    for name in ("recognise", "identify"):
        assert by_night[name].range_m == by_day[name].range_m < 9.0
    for name, found in by_night.items():
        assert found.range_m == (by_day[name].range_m if name == "trigger" else min(9.0, by_day[name].range_m))
        assert (found.near_m, found.field_of_view_degrees) == (by_day[name].near_m, by_day[name].field_of_view_degrees)


def test_the_sensor_is_the_same_at_night():
    model = camera("ring-video-doorbell-wired")
    assert level(model, "trigger", night=True) == level(model, "trigger")


def test_a_night_that_nobody_knows_is_refused():
    with pytest.raises(InputError, match=r"no source says how far.*infrared_range_m"):
        level(camera("ring-video-doorbell-wired"), "detect", night=True)


def test_a_night_says_so_and_a_day_says_nothing_new():
    lit = camera("ring-video-doorbell-wired").with_values(infrared_range_m=9.0)
    found = level(lit, "detect", night=True)
    assert found.plain == "someone is there, at night"
    assert found.as_dict()["night"] is True
    assert "night" not in level(lit, "detect").as_dict()
    assert not any("infrared" in mark for mark in found.marks)  # the user's own word


def test_a_night_in_which_nothing_is_in_view_is_refused():
    lit = camera("ring-video-doorbell-wired").with_values(infrared_range_m=0.2)
    with pytest.raises(InputError, match=r"0\.20 m at night"):
        level(lit, "detect", night=True)


def test_the_open_area_is_the_ring_sector():
    found = level(camera("ring-video-doorbell-3-plus"), "trigger")  # half a ring from 1 to 9 m
    assert found.open_area_m2 == pytest.approx(math.pi / 2 * (81 - 1))
