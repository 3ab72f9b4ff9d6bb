"""Intervals of shares of incidents, against the exact binomial of another library and by counting coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binomtest, t

from doorview.errors import InputError
from doorview.overlays.intervals import bootstrap_means, places_of, share_interval


def alone(count: int):
    return places_of(np.column_stack([np.arange(count) * 7.0, np.zeros(count)]))


@pytest.mark.parametrize(("hits", "number"), [(0, 12), (1, 12), (5, 12), (12, 12), (40, 269), (3, 3)])
def test_with_every_incident_at_its_own_place_it_is_the_exact_binomial(hits, number):
    value = np.zeros(number)
    value[:hits] = 1.0
    exact = binomtest(hits, number).proportion_ci(0.95, method="exact")
    assert share_interval(value, alone(number)) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_incidents_at_one_place_count_as_one_observation_or_little_more():
    # 40 places of 5 incidents each that all lie in the forecast, or all outside: as good as 40 incidents, not 200.
    xy = np.column_stack([np.repeat(np.arange(40) * 9.0, 5), np.zeros(200)])
    value = np.repeat(np.arange(40) < 10, 5).astype(float)
    # By hand: the variance between places is p (1 - p) / 39, that of 200 alone p (1 - p) / 199, wider by Student's t.
    count = 200 * 39 / 199 * (t.ppf(0.975, 199) / t.ppf(0.975, 39)) ** 2
    assert 37 < count < 40
    assert share_interval(value, places_of(xy)) == pytest.approx(
        (beta.ppf(0.025, count / 4, 0.75 * count + 1), beta.ppf(0.975, count / 4 + 1, 0.75 * count)), rel=1e-9
    )


def test_a_block_is_one_place_whatever_its_coordinates():
    xy = np.random.default_rng(0).uniform(0, 99, (6, 2))
    assert len(places_of(xy).key) == 6
    assert len(places_of(xy, np.array(["A", "A", "B", "B", "", ""], object)).key) == 4


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        size = rng.integers(1, 6, 60)
        inside = rng.uniform(size=60) < 0.3
        xy = np.column_stack([np.repeat(np.arange(60) * 9.0, size), np.zeros(size.sum())])
        low, high = share_interval(np.repeat(inside, size).astype(float), places_of(xy))
        held += low <= 0.3 <= high
    assert held / 300 >= 0.93  # 0.95 less 1.6 standard errors of 300 draws


def test_the_bootstrap_has_the_spread_of_theory_and_no_order():
    rng = np.random.default_rng(5)
    value = (rng.uniform(size=120) < 0.4).astype(float)
    places = alone(120)
    drawn = bootstrap_means(value, places, seed=1)
    # Rubin: mean and variance p (1 - p) / (n + 1) of the posterior.
    p = value.mean()
    assert drawn.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 121 / 2000))
    assert drawn.std() == pytest.approx(np.sqrt(p * (1 - p) / 121), rel=0.06)
    turned = rng.permutation(120)
    again = bootstrap_means(value[turned], places_of(np.column_stack([turned * 7.0, np.zeros(120)])), seed=1)
    assert (drawn == again).all()


def test_no_incident_has_no_interval():
    with pytest.raises(InputError, match="at least"):
        share_interval(np.zeros(0), alone(0))
    with pytest.raises(InputError, match="0 to 1"):
        share_interval(np.array([1.2]), alone(1))
