"""The camera catalogue: every value with its mark and source, and the figures of the sources themselves."""

from __future__ import annotations

import dataclasses

import pytest

from doorview.errors import InputError, UnknownNameError
from doorview.sight.camera import MARKS, CameraModel, Figure, camera, catalogue

VALUES = {field.name for field in dataclasses.fields(CameraModel)} - {"name", "label", "maker", "figures"}

# As read at the sources: (field of view, vertical, pixels, pixels down) [degrees, pixels].
PICTURES = {
    "ring-video-doorbell-wired": (155, 90, 1920, 1080),
    "ring-video-doorbell-2nd-gen": (155, 90, 1920, 1080),
    "ring-video-doorbell-4": (160, 84, 1920, 1080),
    "ring-video-doorbell-3-plus": (160, 84, 1920, 1080),
    "ring-video-doorbell-pro": (160, 90, 1920, 1080),
    "ring-video-doorbell-pro-2": (150, 150, 1536, 1536),
    "ring-battery-doorbell-plus": (150, 150, 1536, 1536),
    "blink-video-doorbell": (135, 80, 1920, 1080),
}
# Only these are stated by a maker's own page or a review that measured: all else must be called unconfirmed.
CONFIRMED_PICTURE = {"ring-video-doorbell-4", "ring-video-doorbell-pro-2"}


@pytest.mark.parametrize("name", catalogue())
def test_every_value_has_a_mark_and_a_source(name):
    model = catalogue()[name]
    assert set(model.figures) == VALUES
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
    }
    assert found == PICTURES


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
