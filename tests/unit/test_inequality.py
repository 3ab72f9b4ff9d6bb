"""Lorenz, Gini and Theil of area in view over homes, against hand calculation, other formulas and PySAL's split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorview.errors import InputError
from doorview.overlays.inequality import gini, gini_of_draws, lorenz, theil, theil_of_draws

ZONES = st.lists(
    st.tuples(st.floats(0.0, 1e6, allow_subnormal=False), st.integers(0, 30), st.sampled_from("abc")),
    min_size=2,
    max_size=12,
).filter(lambda rows: sum(amount for amount, homes, _ in rows if homes) > 1.0)


def _homes(rows):
    amount, homes, district = (np.array(part) for part in zip(*rows, strict=True))
    held = homes > 0
    each = np.repeat(amount[held] / homes[held], homes[held])
    return amount, homes, district, each, np.repeat(district[held], homes[held])


def test_gini_by_hand():
    # Homes 1, 1, 4: pairs differ by 0, 3, 3; both ways 12; 12 / (2 * 9 * 2).
    assert gini([2.0, 4.0], [2, 1]) == pytest.approx(12 / 36)
    assert gini([3.0, 3.0, 3.0], [1, 1, 1]) == pytest.approx(0.0)
    assert gini([0.0, 5.0], [3, 1]) == pytest.approx(3 / 4)


def test_a_zone_without_homes_says_nothing_of_homes():
    assert gini([2.0, 99.0, 4.0], [2, 0, 1]) == gini([2.0, 4.0], [2, 1])


def test_nothing_in_view_is_no_inequality_and_no_number():
    assert np.isnan(gini([0.0, 0.0], [3, 1]))
    assert lorenz([0.0, 0.0], [3, 1])[0].size == 0
    assert np.isnan(theil([0.0, 0.0], [3, 1], ["a", "b"]).total)
    assert np.isnan(gini_of_draws(np.zeros((2, 1)), [3, 1]))
    assert np.isnan(theil_of_draws(np.zeros((2, 1)), [3, 1]))


@settings(deadline=None, max_examples=40)
@given(ZONES)
def test_gini_is_the_mean_absolute_difference_of_homes(rows):
    amount, homes, _, each, _ = _homes(rows)
    expected = np.abs(each[:, None] - each[None, :]).mean() / 2 / each.mean()
    assert gini(amount, homes) == pytest.approx(expected, abs=1e-9)
    assert gini_of_draws(amount[:, None], homes)[0] == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(ZONES)
def test_gini_is_twice_the_area_between_the_lorenz_curve_and_equality(rows):
    amount, homes, *_ = _homes(rows)
    part, curve = lorenz(amount, homes)
    assert (part[0], curve[0], part[-1], curve[-1]) == (0.0, 0.0, 1.0, pytest.approx(1.0))
    assert (np.diff(curve, 2) >= -1).all()
    assert gini(amount, homes) == pytest.approx(1 - 2 * np.trapezoid(curve, part), abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(ZONES)
def test_theil_is_the_decomposition_of_pysal(rows):
    from inequality.theil import TheilD

    amount, homes, district, each, where = _homes(rows)
    expected = TheilD(each, where)
    found = theil(amount, homes, district)
    assert found.total == pytest.approx(float(np.ravel(expected.T)[0]), abs=1e-9)
    assert found.between == pytest.approx(float(np.ravel(expected.bg)[0]), abs=1e-9)
    assert found.within == pytest.approx(float(np.ravel(expected.wg)[0]), abs=1e-9)
    assert theil_of_draws(amount[:, None], homes)[0] == pytest.approx(found.total, abs=1e-9)


def test_theil_by_hand():
    # Two homes, 1 and 3, mean 2: (0.5 ln 0.5 + 1.5 ln 1.5) / 2.
    expected = (0.5 * np.log(0.5) + 1.5 * np.log(1.5)) / 2
    apart = theil([1.0, 3.0], [1, 1], ["a", "b"])
    assert (apart.total, apart.between) == (pytest.approx(expected), pytest.approx(expected))
    together = theil([1.0, 3.0], [1, 1], ["a", "a"])
    assert (together.within, together.between) == (pytest.approx(expected), pytest.approx(0.0))


@pytest.mark.parametrize(
    ("amount", "homes"), [([1.0, np.nan], [1, 1]), ([1.0, -1.0], [1, 1]), ([1.0], [1, 1]), ([1.0, 1.0], [1.5, 1])]
)
def test_what_is_no_amount_or_no_number_of_homes_is_refused(amount, homes):
    with pytest.raises(InputError, match="by zone must be"):
        gini(amount, homes)
