"""The camera catalogue: every value with its mark and source, and the figures of the sources themselves."""

from __future__ import annotations

import dataclasses
import math

import pytest

from doorview.errors import InputError, UnknownNameError
from doorview.sight.camera import MARKS, CameraModel, Figure, angle_across, camera, catalogue
from doorview.sight.levels import compare_readings, level

DISPUTE = {"stated_field_of_view_degrees", "reading"}
VALUES = {field.name for field in dataclasses.fields(CameraModel)} - {
    *("name", "label", "maker", "figures", "infrared_range_m"),
    *DISPUTE,
}

# As read at the sources: (field of view, vertical, pixels, pixels down) [degrees, pixels].
PICTURES = {
    "ring-video-doorbell-wired": (155, 90, 1920, 1080),
    "ring-video-doorbell-2nd-gen": (155, 90, 1920, 1080),
    "ring-video-doorbell-3": (160, 84, 1920, 1080),
    "ring-video-doorbell-4": (160, 84, 1920, 1080),
    "ring-video-doorbell-3-plus": (160, 84, 1920, 1080),
    "ring-video-doorbell-pro": (160, 90, 1920, 1080),
    "ring-video-doorbell-pro-2": (150, 150, 1536, 1536),
    "ring-battery-doorbell-plus": (150, 150, 1536, 1536),
    "ring-battery-doorbell-pro": (150, 150, 1536, 1536),
    "ring-battery-doorbell-2nd-gen": (150, 150, 1440, 1440),
    "blink-video-doorbell": (135, 80, 1920, 1080),
}
# Printed as one number that is taken as the diagonal: (diagonal, pixels, pixels down). 3:4 and 4:3 are triangles of
# sides 3, 4 and 5: three and four fifths of the number; a square has a diagonal of the square root of two.
DIAGONALS = {
    "nest-hello": (160, 1600, 1200),
    "nest-doorbell-battery": (145, 960, 1280),
    "nest-doorbell-wired-2nd-gen": (145, 960, 1280),
    "nest-doorbell-wired-3rd-gen": (166, 2048, 2048),
    "arlo-essential-video-doorbell": (180, 1536, 1536),
    "eufy-video-doorbell-2k-battery": (160, 2560, 1920),
}
ACROSS_AND_DOWN = {
    "nest-hello": (128.0, 96.0),
    "nest-doorbell-battery": (87.0, 116.0),
    "nest-doorbell-wired-2nd-gen": (87.0, 116.0),
    "nest-doorbell-wired-3rd-gen": (166 / math.sqrt(2), 166 / math.sqrt(2)),
    "arlo-essential-video-doorbell": (180 / math.sqrt(2), 180 / math.sqrt(2)),
    "eufy-video-doorbell-2k-battery": (128.0, 96.0),
}
# Only these are stated by a maker's own page or a review that measured: all else must be called unconfirmed.
CONFIRMED_PICTURE = {"ring-video-doorbell-4", "ring-video-doorbell-pro-2"}


@pytest.mark.parametrize("name", catalogue())
def test_every_value_has_a_mark_and_a_source(name):
    model = catalogue()[name]
    # The printed number and its reading stand together, where the two readings are disputed; no source gives lamps.
    assert set(model.figures) in (VALUES, VALUES | DISPUTE)
    assert (model.stated_field_of_view_degrees is not None) == ("reading" in model.figures)
    assert model.infrared_range_m is None
    for figure in model.figures.values():
        assert figure.mark in set(MARKS) - {"user"}
        assert len(figure.source) > 10


def test_the_pictures_are_those_of_the_sources():
    found = {
        name: (
            model.field_of_view_degrees,
            model.vertical_field_of_view_degrees,
            model.pixels,
            model.pixels_vertical,
        )
        for name, model in catalogue().items()
        if name not in DIAGONALS
    }
    assert found == PICTURES


def test_a_printed_diagonal_is_turned_by_the_lens():
    for name, (stated, pixels, pixels_vertical) in DIAGONALS.items():
        model = camera(name)
        assert (model.stated_field_of_view_degrees, model.reading) == (stated, "diagonal")
        assert (model.pixels, model.pixels_vertical) == (pixels, pixels_vertical)
        found = (model.field_of_view_degrees, model.vertical_field_of_view_degrees)
        assert found == pytest.approx(ACROSS_AND_DOWN[name], abs=1e-6)
        # What follows from an unconfirmed reading is unconfirmed, even where the number itself is printed.
        assert {model.figures[key].mark for key in ("field_of_view_degrees", "reading")} == {"M"}
    assert camera("nest-doorbell-wired-2nd-gen").figures["stated_field_of_view_degrees"].mark == "C"


def test_only_what_a_source_states_is_called_confirmed():
    confirmed = {name for name, model in catalogue().items() if model.figures["field_of_view_degrees"].mark == "C"}
    assert confirmed == CONFIRMED_PICTURE
    # No source gives a size in pixels ("1080p"), nor any maker the projection of its lens.
    for model in catalogue().values():
        assert model.figures["pixels"].mark in ("M", "C2")
        assert model.figures["projection"].mark == "M"


def test_the_sensors_are_those_of_the_makers_pages():
    wired, plus = camera("ring-video-doorbell-wired"), camera("ring-video-doorbell-3-plus")
    assert (wired.trigger_near_m, wired.trigger_range_m, wired.trigger_field_of_view_degrees) == (1.5, 7.0, 155.0)
    assert (plus.trigger_near_m, plus.trigger_range_m, plus.trigger_field_of_view_degrees) == (1.0, 9.0, 180.0)
    assert {model.figures["trigger_range_m"].mark for model in (wired, plus)} == {"C"}
    # A third party's 30 ft is no maker's word.
    assert camera("ring-video-doorbell-4").figures["trigger_range_m"].mark == "C2"
    assert {model.mount_height_m for model in catalogue().values()} == {1.2}


def test_unconfirmed_values_are_named_in_words():
    words = camera("ring-video-doorbell-wired").unconfirmed()
    assert "pixels (unconfirmed)" in words
    assert "field of view (secondary source only)" in words
    assert not any("trigger range" in word for word in words)
    assert camera("ring-video-doorbell-wired").unconfirmed("trigger_range_m", "pixels") == ["pixels (unconfirmed)"]


def test_an_unknown_camera_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'ring-video-doorbell-pro-2'"):
        camera("ring-video-dorbell-pro-2")
    with pytest.raises(UnknownNameError, match="doorview cameras"):
        camera("camera")


def test_a_model_is_taken_as_it_is():
    model = camera("blink-video-doorbell")
    assert camera(model) is model


def test_values_of_the_user_are_marked_as_such():
    changed = camera("ring-video-doorbell-wired").with_values(pixels=2560)
    assert changed.pixels == 2560
    assert changed.figures["pixels"] == Figure("user", "given by the user")
    assert "pixels (unconfirmed)" not in changed.unconfirmed()
    assert camera("ring-video-doorbell-wired").pixels == 1920
    with pytest.raises(UnknownNameError, match="Did you mean 'pixels'"):
        changed.with_values(pixel=1)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"field_of_view_degrees": 0.0}, "field_of_view_degrees"),
        ({"field_of_view_degrees": float("nan")}, "field_of_view_degrees"),
        ({"vertical_field_of_view_degrees": 181.0}, "vertical_field_of_view_degrees"),
        ({"pixels": 0}, "pixels"),
        ({"trigger_range_m": float("inf")}, "trigger_range_m"),
        ({"trigger_near_m": 7.0}, "below trigger_range_m"),
        ({"mount_height_m": -1.0}, "mount_height_m"),
        ({"projection": "fisheye"}, "equidistant or rectilinear"),
        ({"projection": "rectilinear", "field_of_view_degrees": 180.0}, "cannot see 180"),
    ],
)
def test_values_that_no_camera_has_are_refused(values, what):
    with pytest.raises(InputError, match=what):
        camera("ring-video-doorbell-wired").with_values(**values)


def test_all_faults_of_a_model_are_told_at_once():
    with pytest.raises(InputError) as caught:
        camera("ring-video-doorbell-wired").with_values(pixels=0, mount_height_m=0.0)
    assert "pixels" in str(caught.value)
    assert "mount_height_m" in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [{"pixels": "1920"}, {"pixels": True}, {"trigger_near_m": float("nan")}, {"infrared_range_m": 0.0}],
)
def test_what_is_no_number_is_refused_by_name(values):
    with pytest.raises(InputError, match=next(iter(values))):
        camera("ring-video-doorbell-wired").with_values(**values)


# --- both readings of a disputed field of view ---------------------------------------------------------------------


def test_a_lens_spreads_angles_or_tangents():
    # A square: a diagonal of 180 degrees is 127.28 across if angles are spread evenly (180 over the root of two).
    assert angle_across(180.0, 1.0, math.sqrt(2)) == pytest.approx(127.279221, abs=1e-6)
    # Rectilinear: 90 degrees on the diagonal is a tangent of one, so that the side has one of 1 / root two: 70.53.
    assert angle_across(90.0, 1.0, math.sqrt(2), "rectilinear") == pytest.approx(70.528779, abs=1e-6)
    with pytest.raises(InputError, match="180 degrees or more"):
        angle_across(180.0, 1.0, 2.0, "rectilinear")


def test_both_readings_of_a_disputed_field_are_models():
    wired = camera("ring-video-doorbell-wired")
    first, other = wired.readings()
    assert first is wired
    assert other.name == "ring-video-doorbell-wired+diagonal"
    # 155 x 1920 / sqrt(1920^2 + 1080^2) = 155 x 16 / sqrt(337).
    assert other.field_of_view_degrees == pytest.approx(155 * 16 / math.sqrt(337), rel=1e-12)
    assert other.field_of_view_degrees == pytest.approx(135.09, abs=0.005)
    assert other.vertical_field_of_view_degrees == 90.0  # stated by itself
    assert "field of view (unconfirmed)" in level(other, "detect").marks
    assert other.pixels == wired.pixels
    assert [item.name for item in other.readings()] == [other.name, "ring-video-doorbell-wired+horizontal"]
    back = other.readings()[1]
    assert (back.field_of_view_degrees, back.label) == (155.0, "Ring Video Doorbell Wired (2021) (read as horizontal)")


def test_the_vertical_field_follows_where_no_source_states_it():
    (_, wide) = camera("eufy-video-doorbell-2k-battery").readings()
    assert (wide.name, wide.field_of_view_degrees) == ("eufy-video-doorbell-2k-battery+horizontal", 160.0)
    assert wide.vertical_field_of_view_degrees == pytest.approx(120.0)
    assert wide.readings()[1].vertical_field_of_view_degrees == pytest.approx(96.0)
    # 145 degrees across an upright picture would be 193 down: no more than 180 is in front of a lens.
    assert camera("nest-doorbell-battery+horizontal").vertical_field_of_view_degrees == 180.0
    # 90 degrees down is what 160 across come to, but a source states it: it stays.
    assert camera("ring-video-doorbell-pro+diagonal").vertical_field_of_view_degrees == 90.0


def test_a_field_stated_both_ways_has_one_reading():
    model = camera("ring-video-doorbell-pro-2")
    assert model.readings() == (model,)
    with pytest.raises(InputError, match="one reading"):
        camera("ring-video-doorbell-pro-2+diagonal")


def test_a_reading_is_taken_by_name():
    assert camera("nest-hello+diagonal") is camera("nest-hello")
    assert camera("nest-hello+horizontal").field_of_view_degrees == 160.0
    with pytest.raises(UnknownNameError, match="Did you mean 'diagonal'"):
        camera("nest-hello+diagnal")
    with pytest.raises(UnknownNameError, match="Did you mean 'nest-hello'"):
        camera("nest-helo+diagonal")


def test_a_field_given_by_the_user_settles_the_dispute():
    model = camera("nest-hello").with_values(field_of_view_degrees=120.0)
    assert (model.field_of_view_degrees, model.readings()) == (120.0, (model,))
    assert not DISPUTE & set(model.figures)
    # Other pixels make another picture of the same diagonal: square, and so 160 over the root of two both ways.
    square = camera("nest-hello").with_values(pixels=1200)
    assert square.field_of_view_degrees == pytest.approx(160 / math.sqrt(2))
    assert square.vertical_field_of_view_degrees == pytest.approx(160 / math.sqrt(2))


def test_readings_are_compared_by_level():
    table = compare_readings(camera("ring-video-doorbell-wired"), ["detect", "recognise"])
    name = "ring-video-doorbell-wired"
    assert list(table.index) == [
        *((name, "detect"), (name, "recognise")),
        *((f"{name}+diagonal", "detect"), (f"{name}+diagonal", "recognise")),
    ]
    # d = N / (H v): the narrower reading reaches sqrt(337) / 16 times as far; the area but for what is too near goes
    # by the same factor (A = N^2 / (2 H v^2)).
    factor = math.sqrt(337) / 16
    ranges = table["range_m"].to_numpy()
    assert ranges[2:] / ranges[:2] == pytest.approx([factor, factor], rel=1e-12)
    assert table.loc[(f"{name}+diagonal", "detect"), "area_ratio"] == pytest.approx(factor, rel=1e-3)
    assert round(table.loc[(name, "detect"), "area_m2"], -1) == 1090
    assert len(compare_readings(camera("ring-video-doorbell-pro-2"), ["detect"])) == 1
    with pytest.raises(UnknownNameError, match="Did you mean 'detect'"):
        compare_readings(camera("nest-hello"), ["detct"])
