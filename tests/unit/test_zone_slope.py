"""Slopes over zones: refusals, agreement with plain algebra, and how often the interval holds the truth."""

import re

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import linregress, t

from doorview.errors import InputError
from doorview.overlays.zone_slope import line_slope, zone_slope


def _field(side, reach, rng, draws=1):
    """Return places of a jittered grid, and fields whose likeness falls off as exp(-distance / reach)."""
    place = np.array([(i % side, i // side) for i in range(side * side)], float)
    place = 100.0 * (place + rng.uniform(-0.3, 0.3, place.shape))
    root = np.linalg.cholesky(np.exp(-cdist(place, place) / (100.0 * reach)) + 1e-9 * np.eye(len(place)))
    return place, root @ rng.standard_normal((len(place), draws))


def test_the_plain_slope_is_that_of_scipy():
    rng = np.random.default_rng(1)
    place, both = _field(6, 0.5, rng, 2)
    x, share = 3e4 + 1e4 * both[:, 0], 0.3 + 0.02 * both[:, 1]
    found, expected = zone_slope(share, x, place), linregress((x - x.mean()) / x.std(), share)
    assert found.plain == pytest.approx(expected.slope)
    assert found.plain_error == pytest.approx(expected.stderr)
    assert line_slope(share[:, None], x)[0] == pytest.approx(expected.slope)


def test_the_kernel_error_is_that_of_its_formula():
    """Sum over pairs of zones of K x u u' x', K the triangle over the distance to the k-th neighbour."""
    rng = np.random.default_rng(2)
    place, both = _field(6, 1.0, rng, 2)
    z = (both[:, 0] - both[:, 0].mean()) / both[:, 0].std()
    X = np.column_stack([np.ones(36), z])
    inverse = np.linalg.inv(X.T @ X)
    u = both[:, 1] - X @ (inverse @ X.T @ both[:, 1])
    distance = cdist(place, place)
    reach = np.sort(distance, axis=1)[:, 12] * (1 + 1e-7)
    kernel = np.clip(1 - distance / reach[:, None], 0, None)
    xu = X * u[:, None]
    expected = np.sqrt((inverse @ (xu.T @ kernel @ xu) @ inverse)[1, 1])
    assert zone_slope(both[:, 1], both[:, 0], place).kernel_error == pytest.approx(expected, rel=1e-5)


def test_alike_neighbours_are_found_and_unalike_ones_are_not():
    rng = np.random.default_rng(3)
    place, both = _field(10, 3.0, rng, 2)
    alike = zone_slope(both[:, 0], both[:, 1], place)
    assert alike.moran_p < 0.01
    assert alike.likeness > 0.3
    noise = zone_slope(rng.standard_normal(100), both[:, 1], place)
    assert noise.moran_p > 0.01
    assert 0 <= noise.likeness < 0.4


def test_unlike_neighbours_leave_the_ordinary_line():
    """A chessboard: what lies beside is other. No common cause makes zones so, and the interval is the plain one."""
    rng = np.random.default_rng(4)
    place, x = _field(7, 1.0, rng)
    share = 0.3 + 0.1 * (np.add(*np.divmod(np.arange(49), 7)) % 2) + 0.001 * rng.standard_normal(49)
    found = zone_slope(share, x[:, 0], place)
    assert (found.likeness, found.slope, found.error) == (0.0, found.plain, found.plain_error)


def test_the_slope_is_what_its_weights_add_up_of_shares():
    rng = np.random.default_rng(5)
    place, both = _field(8, 2.0, rng, 2)
    found = zone_slope(both[:, 0], both[:, 1], place)
    assert found.likeness > 0
    assert found.weights @ both[:, 0] == pytest.approx(found.slope, rel=1e-6)
    assert found.weights.sum() == pytest.approx(0, abs=1e-9), "the same more in all zones is no slope"


@pytest.mark.parametrize(
    ("share", "attribute", "words"),
    [
        (np.arange(19) / 40, np.arange(19.0), "too few zones for a slope \\(19"),
        (np.arange(30) / 40, np.full(30, 5.0), "attribute is the same in all zones"),
        (np.full(30, 0.2), np.arange(30.0), "share is the same in all zones"),
        (np.arange(30) / 40, np.arange(30.0) % 2, "two values alone"),
    ],
)
def test_where_no_slope_can_be_given_it_is_said_and_no_figure_stands_there(share, attribute, words):
    place = np.random.default_rng(0).uniform(0, 1e3, (len(share), 2))
    found = zone_slope(share, attribute, place)
    assert np.isnan(found.slope)
    assert re.search(words, found.why_not)


def test_gaps_are_refused():
    with pytest.raises(InputError, match="without gaps"):
        zone_slope([0.1, np.nan], [1.0, 2.0], [[0, 0], [1, 1]])


def _coverage(side, reach, draws, true=0.03):
    """Return how often each 95 % interval holds the true slope: spatial error model, plain, kernel."""
    rng = np.random.default_rng(7)
    held = np.zeros(3)
    for _ in range(draws):
        place, both = _field(side, reach, rng, 2)
        z = (both[:, 0] - both[:, 0].mean()) / both[:, 0].std()
        found = zone_slope(0.3 + true * z + 0.05 * both[:, 1], both[:, 0], place)
        wide = t.ppf(0.975, found.zones - 2)
        held += [
            found.low <= true <= found.high,
            abs(found.plain - true) <= wide * found.plain_error,
            abs(found.plain - true) <= wide * found.kernel_error,
        ]
    return held / draws


def test_the_interval_holds_the_true_slope_where_the_plain_one_does_not():
    """A few draws here; `make test-long` has more."""
    model, plain, _ = _coverage(8, 2.0, 40)
    assert model >= 0.85
    assert plain <= 0.85
    assert plain < model


@pytest.mark.long
@pytest.mark.parametrize(("side", "reach"), [(6, 1.0), (10, 2.0), (16, 3.0)])
def test_the_interval_holds_the_true_slope_about_as_often_as_it_says(side, reach):
    # The noise is no spatial error process, as real noise is none: within 6 points of 95, standard error 1.3.
    model, plain, kernel = _coverage(side, reach, 300)
    assert 0.89 <= model <= 0.99
    assert plain <= model
    assert kernel < model
