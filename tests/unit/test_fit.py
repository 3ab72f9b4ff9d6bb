"""Fitting a lens: synthetic photographs with a known lens, with and without noise, and every kind of bad table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import doorview as dv
from doorview.errors import InputError, UnknownNameError
from doorview.sight.camera import camera
from doorview.sight.fit import COLUMNS, CameraFit, fit_camera
from doorview.sight.levels import level

K = 1920 / math.radians(155)  # pixels per radian
NARROW = 1200.0  # a rectilinear lens of 77.3 degrees over 1920 pixels


def edge_direction(distance: float, bearing: float, offset: float) -> float:
    """Return the bearing [radians] of a board's edge by coordinates: the camera at the origin looks along y."""
    theta = math.radians(bearing)
    centre = np.array([math.sin(theta), math.cos(theta)]) * distance
    along = np.array([math.cos(theta), -math.sin(theta)])  # the board faces the camera
    x, y = centre + offset * along
    return math.atan2(x, y)


def photographs(projection: str, scale: float, places, *, noise_px: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Return a table of photographs through a lens: the edges are projected one by one and their distance measured."""
    rng = np.random.default_rng(seed)
    rows = []
    for width, distance, bearing in places:
        left, right = (edge_direction(distance, bearing, side * width / 2) for side in (-1, 1))
        spots = [scale * (math.tan(edge) if projection == "rectilinear" else edge) for edge in (left, right)]
        rows.append((width, distance, bearing, spots[1] - spots[0] + noise_px * rng.standard_normal()))
    return pd.DataFrame(rows, columns=list(COLUMNS), index=[f"IMG_{row:04}" for row in range(len(rows))])


WIDE = [(0.6, d, b) for d in (1.0, 2.0, 4.0) for b in (-60.0, -40.0, 0.0, 20.0, 55.0)]
LESS_WIDE = [(0.6, d, b) for d in (1.5, 2.5, 4.0) for b in (-28.0, -15.0, 0.0, 20.0, 25.0)]


def test_an_equidistant_lens_is_found_again():
    found = fit_camera(photographs("equidistant", K, WIDE))
    assert (found.lens.projection, found.decided) == ("equidistant", True)
    assert found.lens.pixels_per_radian == pytest.approx(K, rel=1e-9)
    assert found.lens.standard_error == pytest.approx(0.0, abs=1e-6)
    assert found.model.field_of_view_degrees == pytest.approx(155.0, abs=1e-4)
    assert found.model.vertical_field_of_view_degrees == pytest.approx(155.0 * 9 / 16, abs=1e-4)


def test_a_rectilinear_lens_is_found_again():
    found = fit_camera(photographs("rectilinear", NARROW, LESS_WIDE))
    assert (found.lens.projection, found.decided) == ("rectilinear", True)
    assert found.lens.pixels_per_radian == pytest.approx(NARROW, rel=1e-9)
    # tan(H / 2) = (1920 / 2) / 1200 = 0.8
    assert found.model.field_of_view_degrees == pytest.approx(2 * math.degrees(math.atan(0.8)), rel=1e-9)
    assert found.model.projection == "rectilinear"


def test_the_standard_error_is_that_of_repeated_photographs():
    # 300 sets of photographs with 3 pixels of noise: the spread of the estimates is what each set says of itself, and
    # the 95 % intervals hold the truth in about 95 % (0.95 +- 3.5 standard errors of 300 trials is 0.906 to 0.994).
    fits = [fit_camera(photographs("equidistant", K, WIDE, noise_px=3.0, seed=seed)) for seed in range(300)]
    values = np.array([item.lens.pixels_per_radian for item in fits])
    claimed = np.sqrt(np.mean([item.lens.standard_error**2 for item in fits]))
    assert claimed == pytest.approx(values.std(ddof=1), rel=0.12)  # a spread of 300 is known to 4 %
    assert abs(values.mean() - K) < 4 * claimed / math.sqrt(len(fits))
    held = np.mean([low <= K <= high for low, high in (item.interval() for item in fits)])
    assert 0.906 <= held <= 0.994
    assert all(item.lens.projection == "equidistant" and item.decided for item in fits)
    assert np.mean([item.lens.residual_px**2 for item in fits]) == pytest.approx(9.0, rel=0.1)


def test_noise_does_not_turn_a_rectilinear_lens_into_the_other():
    fits = [fit_camera(photographs("rectilinear", NARROW, LESS_WIDE, noise_px=2.0, seed=seed)) for seed in range(50)]
    assert {(item.lens.projection, item.decided) for item in fits} == {("rectilinear", True)}
    assert np.mean([item.lens.pixels_per_radian for item in fits]) == pytest.approx(NARROW, rel=2e-3)


def test_photographs_near_the_axis_tell_nothing_of_the_lens():
    near = [(0.6, d, b) for d in (2.0, 3.0, 4.0) for b in (-4.0, 0.0, 4.0)]
    found = fit_camera(photographs("rectilinear", K, near, noise_px=2.0, seed=1))
    assert not found.decided
    assert found.odds < 20
    # The base's lens stays, and with it the mark that nobody confirms it.
    assert found.model.projection == found.lens.projection == "equidistant"
    assert found.model.figures["projection"].mark == "M"
    assert "do not tell" in found.report()
    assert found.lens.pixels_per_radian == pytest.approx(K, rel=0.03)  # the two lenses are alike there


def test_what_is_seen_beyond_90_degrees_rules_a_rectilinear_lens_out():
    found = fit_camera(photographs("equidistant", 1920 / math.pi, [*WIDE, (0.4, 2.0, 85.0), (0.4, 2.0, -86.0)]))
    assert (found.lens.projection, found.decided, found.odds) == ("equidistant", True, math.inf)
    assert "impossible" in found.report()
    assert found.rows["rectilinear_px"].isna().all()


def test_rows_stand_on_the_index_of_the_table():
    table = photographs("equidistant", K, WIDE, noise_px=2.0)
    found = fit_camera(table)
    assert found.rows.index.equals(table.index)
    assert (found.rows["equidistant_px"] + found.rows["residual_px"]).to_numpy() == pytest.approx(table["pixels"])


def test_the_order_of_the_rows_changes_nothing():
    table = photographs("equidistant", K, WIDE, noise_px=2.0)
    turned = fit_camera(table.iloc[::-1])
    assert turned.lens.pixels_per_radian == pytest.approx(fit_camera(table).lens.pixels_per_radian, rel=1e-12)


def test_a_board_twice_as_wide_and_twice_as_far_is_the_same():
    table = photographs("equidistant", K, WIDE, noise_px=2.0)
    doubled = table.assign(board_width_m=2 * table["board_width_m"], distance_m=2 * table["distance_m"])
    assert fit_camera(doubled).lens == fit_camera(table).lens
    mirrored = table.assign(bearing_degrees=-table["bearing_degrees"])
    assert fit_camera(mirrored).lens.pixels_per_radian == pytest.approx(fit_camera(table).lens.pixels_per_radian)


def test_the_model_goes_wherever_a_camera_does():
    found = dv.fit_camera(photographs("equidistant", K, WIDE, noise_px=2.0), name="mine")
    assert isinstance(found, CameraFit)
    reach, error = found.range_m(25.0)
    detect = level(camera(found.model), "detect")
    assert detect.range_m == pytest.approx(reach, rel=1e-12)
    assert reach == pytest.approx(K / 25, abs=4 * error)
    assert not any("field of view" in mark or "projection" in mark for mark in detect.marks)
    assert "pixels (unconfirmed)" in detect.marks
    assert (found.model.name, found.model.readings()) == ("mine", (found.model,))
    assert found.model.mount_height_m == 1.2


def test_the_size_of_the_picture_changes_the_field_and_not_the_range():
    table = photographs("equidistant", K, LESS_WIDE)
    found = [fit_camera(table, pixels=pixels, pixels_vertical=720) for pixels in (1280, 1920)]
    assert [item.model.pixels for item in found] == [1280, 1920]
    assert found[0].model.field_of_view_degrees == pytest.approx(155.0 * 1280 / 1920, abs=1e-4)
    assert [item.range_m(25.0)[0] for item in found] == pytest.approx([K / 25, K / 25])
    assert found[0].model.figures["pixels"].mark == "user"


def test_the_report_names_what_matters():
    text = fit_camera(photographs("equidistant", K, WIDE, noise_px=2.0)).report()
    for word in ("15 photographs", "pixels per radian", "+-", "equidistant", "rectilinear", "detect", "field of view"):
        assert word in text


# --- bad tables ----------------------------------------------------------------------------------------------------


def refusal(table: object, **options) -> str:
    with pytest.raises(InputError) as caught:
        fit_camera(table, **options)
    return str(caught.value)


def test_every_fault_is_named_at_once():
    table = photographs("equidistant", K, WIDE[:7]).astype(object)
    table.loc["IMG_0000", "distance_m"] = 0.0
    table.loc["IMG_0001", "pixels"] = "212 px"
    table.loc["IMG_0002", "bearing_degrees"] = 270.0
    table.loc["IMG_0003", "board_width_m"] = -0.6
    table.loc["IMG_0004", "pixels"] = float("nan")
    table.loc["IMG_0005", "distance_m"] = None
    message = refusal(table)
    for words in (
        "6 faults",
        "'IMG_0000': distance_m is 0.0; it must be above 0",
        "'IMG_0001': pixels is '212 px'; it must be a number",
        "'IMG_0002': bearing_degrees is 270.0; it must lie from -180 to 180",
        "'IMG_0003': board_width_m is -0.6; it must be above 0",
        "'IMG_0004': pixels is nan; it must be a finite number",
        "'IMG_0005': distance_m is None; it must be a number",
    ):
        assert words in message


def test_columns_and_rows_that_are_missing_are_named_together():
    table = photographs("equidistant", K, WIDE[:2]).rename(columns={"bearing_degrees": "bearing", "pixels": "px"})
    message = refusal(table)
    assert "column bearing_degrees is missing; is it 'bearing'?" in message
    assert "column pixels is missing" in message
    assert "2 photographs are too few: take 4 or more" in message
    assert "3 faults" in message
    assert "takes a table" in refusal([1, 2, 3])
    twice = photographs("equidistant", K, WIDE)
    twice.columns = ["board_width_m", "distance_m", "pixels", "pixels"]
    assert "pixels stands there twice" in refusal(twice)


def test_photographs_that_contradict_each_other_are_named():
    table = photographs("equidistant", K, [*WIDE, WIDE[0], WIDE[1]])
    fit_camera(table)  # taken twice alike: no fault
    table.loc["IMG_0015", "pixels"] *= 2
    message = refusal(table)
    assert "'IMG_0000' and 'IMG_0015' contradict each other" in message
    assert "IMG_0016" not in message


def test_photographs_that_no_lens_explains_are_refused():
    table = photographs("equidistant", K, WIDE)
    table["pixels"] = table["pixels"].to_numpy()[::-1]  # far boards look larger than near ones
    message = refusal(table)
    assert "neither lens explains it" in message
    assert "IMG_" in message


def test_boards_beyond_the_picture_are_refused_with_what_mends_it():
    table = photographs("equidistant", K, WIDE)
    message = refusal(table, pixels=640)
    assert "reach beyond it" in message
    assert "'IMG_0000'" in message
    assert "pixels=..." in message


def test_distances_in_other_units_are_told_by_an_impossible_field():
    table = photographs("equidistant", K, LESS_WIDE)
    table["board_width_m"] *= 3.28  # feet
    assert "more than there are" in refusal(table)


def test_a_base_that_does_not_exist_is_refused():
    with pytest.raises(UnknownNameError, match="nest-hello"):
        fit_camera(photographs("equidistant", K, WIDE), base="nest-helo")
    with pytest.raises(InputError, match="between 0 and 1"):
        fit_camera(photographs("equidistant", K, WIDE)).interval(95)
