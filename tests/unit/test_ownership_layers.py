"""Layers of owners and their union: exact chances against enumeration, quadrature and scipy, and drawn owners."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from scipy import special, stats

from doorview.errors import InputError, StudyError
from doorview.ownership import layers
from doorview.ownership.expected import ONE, at_least_exactly
from doorview.ownership.field import (
    correlation_of_beta,
    correlation_of_field,
    lattice_of,
    neighbour_distance_m,
    strength_of_field,
)
from doorview.ownership.kernels.draws import uniforms
from doorview.ownership.layers import BetaBinomial, Exactly, Field, Independent, Layer, stream_keys, thinned
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.ownership.union import Owners, chances_given_shared, mean_given_shared, mean_of_draws

UNIT = 1.0 / ONE


def keys(number: int, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, number, dtype=np.uint64)


def sets_of(sets: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return start and doors of sets."""
    start = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    return start, np.array([door for s in sets for door in s], np.int64)


def bits(owners: np.ndarray) -> np.ndarray:
    """Return (doors, replicates) bool."""
    shift = np.arange(64, dtype=np.uint64)
    return ((owners[:, :, None] >> shift) & np.uint64(1)).astype(bool).reshape(len(owners), -1)


# --- plain code that knows nothing of urns: every possible ownership, with its chance ------------------------------

States = list[tuple[float, tuple[bool, ...]]]


def by_chance(p: Iterable[float]) -> States:
    p = list(p)
    return [
        (math.prod(q if own else 1 - q for q, own in zip(p, owns, strict=True)), owns)
        for owns in itertools.product((False, True), repeat=len(p))
    ]


def by_lot(stratum: Sequence[int], numbers: Sequence[int]) -> States:
    """All draws of n of each stratum, each as likely as any other."""
    draws = [
        list(itertools.combinations([d for d, s in enumerate(stratum) if s == n], number))
        for n, number in enumerate(numbers)
    ]
    all_draws = list(itertools.product(*draws))
    return [(1 / len(all_draws), tuple(any(d in x for x in drawn) for d in range(len(stratum)))) for drawn in all_draws]


def by_theta(p: float, r: float, cluster: Sequence[int], weight: Sequence[float]) -> States:
    """theta by Gauss-Jacobi quadrature, exact for polynomials up to degree 39."""
    a, b = p * (1 / r - 1), (1 - p) * (1 / r - 1)
    x, w = special.roots_jacobi(20, b - 1, a - 1)
    nodes = [(float(t), float(u)) for t, u in zip((x + 1) / 2, w / w.sum(), strict=True)]
    found: dict[tuple[bool, ...], float] = {}
    for thetas in itertools.product(nodes, repeat=max(cluster) + 1):
        chance = math.prod(u for _, u in thetas)
        for q, owns in by_chance(thetas[c][0] * k for c, k in zip(cluster, weight, strict=True)):
            found[owns] = found.get(owns, 0.0) + q * chance
    return [(q, owns) for owns, q in found.items()]


def kept(states: States, keep: Sequence[float]) -> States:
    return [
        (q * chance, tuple(a and b for a, b in zip(owns, stays, strict=True)))
        for q, owns in states
        for chance, stays in by_chance(keep)
    ]


def united(*layers: States) -> States:
    out: States = [(1.0, (False,) * len(layers[0][0][1]))]
    for layer in layers:
        out = [(q * w, tuple(a or b for a, b in zip(one, two, strict=True))) for q, one in out for w, two in layer]
    return out


def at_least(states: States, sets: Sequence[Sequence[int]], most: int = 3) -> np.ndarray:
    return np.array(
        [[sum(q for q, owns in states if sum(owns[d] for d in s) >= m) for s in sets] for m in range(1, most + 1)]
    )


SETS = [[], [0], [1, 3], [0, 1, 2, 3, 4], [2, 4], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]]
STRATUM, NUMBERS = [0, 1, 0, 0, -1, 1], [2, 1]
KEEP = [1.0, 0.5, 0.25, 1.0, 0.9, 0.0]
P = [0.1, 0.0, 0.6, 1.0, 0.3, 0.2]


def exact(*layers: Layer) -> np.ndarray:
    found = Owners(layers).at_least(*sets_of(SETS))
    assert found is not None
    assert found.dtype == np.int64
    return found * UNIT


# --- exact chances -------------------------------------------------------------------------------------------------


def test_independent_owners_are_those_of_enumeration() -> None:
    assert exact(Independent(np.array(P))) == pytest.approx(at_least(by_chance(P), SETS), abs=2 * UNIT)


@pytest.mark.parametrize("numbers", [[2, 1], [0, 0], [3, 2], [1, 0]])
def test_an_exact_number_in_strata_is_that_of_enumeration(numbers: list[int]) -> None:
    layer = Exactly(np.array(STRATUM), np.array(numbers))
    assert exact(layer) == pytest.approx(at_least(by_lot(STRATUM, numbers), SETS), abs=2 * UNIT)


def test_an_exact_number_of_whom_some_keep_theirs() -> None:
    layer = Exactly(np.array(STRATUM), np.array(NUMBERS), np.array(KEEP))
    states = kept(by_lot(STRATUM, NUMBERS), KEEP)
    assert exact(layer) == pytest.approx(at_least(states, SETS), abs=2 * UNIT)


def test_an_exact_number_beside_owners_by_chance_counts_a_door_once() -> None:
    states = united(kept(by_lot(STRATUM, NUMBERS), KEEP), by_chance(P))
    layer = Exactly(np.array(STRATUM), np.array(NUMBERS), np.array(KEEP))
    assert exact(layer, Independent(np.array(P))) == pytest.approx(at_least(states, SETS), abs=2 * UNIT)


CLUSTER = [0, 1, 0, 0, 1, 0]


# scipy's own nodes are good to 1e-11 where theta is mostly 0 or 1.
@pytest.mark.parametrize("r", [0.05, 0.1, 0.45, 0.9])
def test_clusters_are_those_of_quadrature(r: float) -> None:
    layer = BetaBinomial(np.full(6, 0.2), np.array(CLUSTER), r)
    assert exact(layer) == pytest.approx(at_least(by_theta(0.2, r, CLUSTER, [1.0] * 6), SETS), abs=1e-11)


def test_thinned_clusters_beside_owners_by_chance() -> None:
    states = united(by_theta(0.3, 0.2, CLUSTER, KEEP), by_chance(P))
    layer = BetaBinomial(np.full(6, 0.3), np.array(CLUSTER), 0.2, np.array(KEEP))
    assert exact(layer, Independent(np.array(P))) == pytest.approx(at_least(states, SETS), abs=2 * UNIT)


def test_chances_that_differ_in_a_cluster_thin_the_highest() -> None:
    p = np.array([0.1, 0.4, 0.2, 0.4, 0.4, 0.3])
    # Cluster 0 holds doors 0, 2, 3, 5, whose highest chance is 0.4; so has cluster 1.
    states = by_theta(0.4, 0.15, CLUSTER, (p / 0.4).tolist())
    layer = BetaBinomial(p, np.array(CLUSTER), 0.15)
    assert exact(layer) == pytest.approx(at_least(states, SETS), abs=2 * UNIT)
    assert layer.marginal() == pytest.approx(p)


def test_a_cluster_is_scipys_beta_binomial() -> None:
    layer = BetaBinomial(np.full(60, 0.2), np.zeros(60, np.int64), 0.1)
    found = Owners((layer,)).at_least(*sets_of([range(k) for k in (1, 5, 20, 60)]))
    for n, k in enumerate((1, 5, 20, 60)):
        expected = stats.betabinom.sf([0, 1, 2], k, 0.2 * 9, 0.8 * 9)
        assert found is not None
        assert found[:, n] * UNIT == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(
    ("k", "p", "alone", "together"),
    [(5, 0.2, 0.672, 0.598), (5, 0.27, 0.793, 0.721), (8, 0.2, 0.832, 0.727), (8, 0.27, 0.919, 0.836)],
)
def test_clustering_lowers_the_share_at_the_same_mean(k: int, p: float, alone: float, together: float) -> None:
    """The figures of facts.md: five doors at rate 0.20 and correlation 0.1 see 0.598 instead of 0.672."""
    cluster = np.zeros(k, np.int64)
    one = Owners((Independent(np.full(k, p)),)).at_least(*sets_of([range(k)]))
    two = Owners((BetaBinomial(np.full(k, p), cluster, 0.1),)).at_least(*sets_of([range(k)]))
    assert one is not None
    assert two is not None
    assert round(one[0, 0] * UNIT, 3) == alone
    assert round(two[0, 0] * UNIT, 3) == together


def test_no_correlation_and_no_cluster_are_independence() -> None:
    p = np.array(P)
    expected = at_least(by_chance(P), SETS)
    for cluster, r in (([0, 0, 0, 0, 0, 0], 0.0), ([-1] * 6, 0.5)):
        layer = BetaBinomial(p, np.array(cluster), r)
        assert exact(layer) == pytest.approx(expected, abs=2 * UNIT)
        assert layer.conditional(keys(6), 0, 0) == pytest.approx(p)


def test_several_urns_miss_by_the_product_and_are_else_left_to_simulation() -> None:
    owners = Owners(
        (Exactly(np.array(STRATUM), np.array(NUMBERS)), BetaBinomial(np.full(6, 0.2), np.array(CLUSTER), 0.1))
    )
    states = united(by_lot(STRATUM, NUMBERS), by_theta(0.2, 0.1, CLUSTER, [1.0] * 6))
    start, doors = sets_of(SETS)
    one = owners.at_least(start, doors, 1)
    assert one is not None
    assert one * UNIT == pytest.approx(at_least(states, SETS, 1), abs=2 * UNIT)
    assert owners.at_least(start, doors, 2) is None
    found = mean_given_shared(owners, keys(6), start, doors, replicates=2000, seed=1)
    assert (np.abs(found.mean - at_least(states, SETS)) <= 4.5 * found.error + 1e-11).all()


def test_the_old_exact_number_is_the_new_one() -> None:
    # 30 doors, the first 20 inside; doors outside own independently at the same rate.
    inside = np.arange(30) < 20
    start, doors = sets_of([[0, 1, 25], [3, 4, 5, 6, 7, 8], [21, 22], [19, 20]])
    layer = Exactly(np.where(inside, 0, -1), np.array([6]))
    found = Owners((layer, Independent(np.where(inside, 0.0, 0.3)))).at_least(start, doors)
    old = at_least_exactly(np.array([2, 6, 0, 1]), np.array([1, 0, 2, 1]), 6, 20)
    assert found == pytest.approx(old, abs=4)


def test_a_large_city_is_exact_to_the_rounding() -> None:
    # 1 - C(N - k, n) / C(N, n) in whole numbers.
    from fractions import Fraction

    total, n = 27_567, 5_513
    layer = Exactly(np.zeros(total, np.int64), np.array([n]))
    for k in (1, 30, 300):
        none = Fraction(1)
        for drawn in range(k):
            none *= Fraction(total - n - drawn, total - drawn)
        found = Owners((layer,)).at_least(*sets_of([range(k)]), 1)
        assert found is not None
        assert found[0, 0] * UNIT == pytest.approx(float(1 - none), abs=UNIT)


# --- drawn owners --------------------------------------------------------------------------------------------------

XY = np.random.default_rng(3).uniform(0.0, 600.0, (60, 2)) + np.array([440_000.0, 4_350_000.0])
LAYERS: dict[str, Layer] = {
    "independent": Independent(np.linspace(0.0, 0.6, 60)),
    "exactly": Exactly(np.arange(60) % 4 - 1, np.array([3, 0, 15])),
    "exactly, kept": Exactly(np.arange(60) % 4 - 1, np.array([3, 8, 15]), np.array(0.6)),
    "clusters": BetaBinomial(np.full(60, 0.25), np.arange(60) // 7 - 1, 0.2),
    "clusters, thinned": BetaBinomial(np.linspace(0.05, 0.4, 60), np.arange(60) // 7, 0.2, np.array(0.7)),
    "field": Field(np.full(60, 0.25), XY, 120.0, 0.4),
}
MANY = [list(range(n, min(n + k, 60))) for k in (1, 2, 5, 9) for n in range(0, 60, 7)]


@pytest.mark.parametrize("name", LAYERS)
def test_simulated_means_are_the_exact_ones(name: str) -> None:
    """1,024 draws, and means given what is shared; 36 sets by 3 counts: beyond 4.5 errors once in 1,400 runs."""
    owners = Owners((LAYERS[name], Independent(np.full(60, 0.05))))
    start, doors = sets_of(MANY)
    drawn = mean_of_draws(owners, keys(60), start, doors, words=16, seed=5)
    given = mean_given_shared(owners, keys(60), start, doors, replicates=1024, seed=5)
    exactly = owners.at_least(start, doors)
    expected = given.mean if exactly is None else exactly * UNIT
    error = np.hypot(drawn.error, given.error) if exactly is None else drawn.error
    # Where nothing was drawn in 1,024 the error is told as 0.
    assert (np.abs(drawn.mean - expected) <= 4.5 * error + 5e-3).all()
    assert (np.abs(given.mean - expected) <= 4.5 * given.error + 1e-11).all()
    ones = mean_of_draws(owners, keys(60), *sets_of([[n] for n in range(60)]), words=16, seed=6, most=1)
    assert (np.abs(ones.mean[0] - owners.marginal()) <= 4.5 * ones.error[0] + 3e-3).all()


@pytest.mark.parametrize("name", LAYERS)
def test_the_order_of_rows_changes_no_owner(name: str) -> None:
    layer, order = LAYERS[name], np.random.default_rng(1).permutation(60)
    parts = {
        field: np.asarray(getattr(layer, field))[order]
        for field in ("p", "stratum", "cluster", "xy", "keep")
        if hasattr(layer, field)
    }
    rest = {field: getattr(layer, field) for field in ("numbers", "correlation", "distance_m") if hasattr(layer, field)}
    turned = type(layer)(**parts, **rest)
    key = keys(60)
    assert np.array_equal(layer.draw(key, 9, 2)[order], turned.draw(key[order], 9, 2))


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_thinned_was_there_before(name: str) -> None:
    layer, key = LAYERS[name], keys(60)
    fewer = thinned(layer, 0.5)
    before, after = bits(layer.draw(key, 2, 8)), bits(fewer.draw(key, 2, 8))
    assert (after <= before).all()
    assert fewer.marginal() == pytest.approx(0.5 * layer.marginal())
    assert after.sum() == pytest.approx(0.5 * before.sum(), rel=0.1)


def test_seed_and_stream_change_the_owners() -> None:
    for layer in LAYERS.values():
        first = layer.draw(keys(60), 1, 2)
        assert (first != layer.draw(keys(60), 2, 2)).any()
        assert (first != layer.draw(keys(60), 1, 2, stream=1)).any()


def test_layers_of_a_union_draw_apart() -> None:
    # Two layers of chance 1/2: a door owns by either with 3/4; drawn by the same numbers it would be 1/2.
    half = Independent(np.full(60, 0.5))
    assert bits(Owners((half, half)).draw(keys(60), 0, 8)).mean() == pytest.approx(0.75, abs=0.01)
    assert Owners((half, half)).expected_number() == pytest.approx(45.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: Independent(np.full(60, p)),
        lambda p: Exactly(np.zeros(60, np.int64), np.array([round(60 * p)])),
        lambda p: BetaBinomial(np.full(60, p), np.arange(60) // 7, 0.3),
        lambda p: Field(np.full(60, p), XY, 120.0, 0.4),
    ],
    ids=["independent", "exactly", "clusters", "field"],
)
def test_owners_are_nested_across_rates(make) -> None:
    drawn = [bits(make(p).draw(keys(60), 4, 4)) for p in (0.0, 0.1, 0.25, 0.6, 1.0)]
    for few, more in itertools.pairwise(drawn):
        assert (few <= more).all()
    assert not drawn[0].any()
    assert drawn[-1].all()


def test_the_owners_of_a_replicate_are_draws_given_what_it_shares() -> None:
    for name in ("clusters", "clusters, thinned", "field"):
        layer, key = LAYERS[name], keys(60)
        drawn = bits(layer.draw(key, 3, 1))
        for replicate in (0, 17, 63):
            given = Owners((layer,)).given(key, 3, replicate).draw(key, 3, 1)
            assert np.array_equal(bits(given)[:, replicate], drawn[:, replicate])


def test_scenarios_draw_as_before() -> None:
    from doorview.ownership import processes

    inside, one, key = np.arange(50) < 40, np.ones(50, np.int64), keys(50)
    old = draw_owners(Scenario("a", process="exactly", number=12), key, one, inside, 3, 4)
    assert np.array_equal(processes.exactly(12, inside).draw(key, 3, 4), old)
    old = draw_owners(Scenario("a", rate=0.2), key, one, inside, 3, 4)
    assert np.array_equal(processes.independent(np.full(50, 0.2)).draw(key, 3, 4), old)


# --- the field -----------------------------------------------------------------------------------------------------


def test_a_field_has_unit_variance_and_its_correlation() -> None:
    away = np.array([0.0, 20.0, 100.0, 150.0, 300.0])
    xy = np.column_stack([1234.5 + away, np.full(5, -77.7)])
    lattice = lattice_of(xy, 100.0)
    values = np.stack([lattice.values(2, replicate) for replicate in range(20_000)])
    assert values.mean(axis=0) == pytest.approx(np.zeros(5), abs=0.03)
    assert np.cov(values.T)[0] == pytest.approx(np.exp(-(away**2) / 2e4), abs=0.04)
    assert values.var(axis=0) == pytest.approx(np.ones(5), abs=0.04)


def test_a_field_at_a_place_does_not_depend_on_the_rest_of_the_city() -> None:
    xy = np.array([[10.0, 20.0], [500.0, 90.0], [1e6, -1e6]])
    whole, part = lattice_of(xy, 150.0), lattice_of(xy[:1], 150.0)
    assert len(whole.keys) < 3000
    assert whole.values(4, 5)[0] == part.values(4, 5)[0]


def test_a_pair_of_doors_follows_the_bivariate_normal() -> None:
    # Two doors 60 m apart, L = 100 m, r = 0.5: both own with the chance of a bivariate normal.
    near = 0.5 * math.exp(-(60.0**2) / 2e4)
    both = stats.multivariate_normal([0, 0], [[1, near], [near, 1]]).cdf([special.ndtri(0.3), special.ndtri(0.2)])
    layer = Field(np.array([0.3, 0.2]), np.array([[0.0, 0.0], [60.0, 0.0]]), 100.0, 0.5)
    found = mean_given_shared(Owners((layer,)), keys(2), *sets_of([[0, 1]]), replicates=4000, most=2)
    assert abs(found.mean[0, 0] - (0.5 - both)) < 4 * found.error[0, 0]
    assert abs(found.mean[1, 0] - both) < 4 * found.error[1, 0]
    assert found.error.max() < 0.006


def test_strength_is_that_of_scipys_bivariate_normal_and_back() -> None:
    r, p, near, length = 0.6, 0.2, 20.0, 150.0
    c = r * math.exp(-(near**2) / (2 * length**2))
    t = special.ndtri(p)
    both = stats.multivariate_normal([0, 0], [[1, c], [c, 1]]).cdf([t, t])
    assert strength_of_field(r, p, near, length) == pytest.approx(both / p**2, rel=1e-5)
    assert correlation_of_field(strength_of_field(r, p, near, length), p, near, length) == pytest.approx(r, abs=1e-9)
    assert correlation_of_field(1.0, p, near, length) == 0.0


def test_a_beta_cluster_is_as_strong_as_said() -> None:
    # At 20 %, twice as likely beside an owner: both own with 0.2 * 0.4.
    r = correlation_of_beta(2.0, 0.2)
    found = Owners((BetaBinomial(np.full(2, 0.2), np.zeros(2, np.int64), r),)).at_least(*sets_of([[0, 1]]), 2)
    assert found is not None
    assert found[1, 0] * UNIT == pytest.approx(0.08, abs=2 * UNIT)


@pytest.mark.parametrize("strength", [0.9, 0.0, float("nan"), 5.0, 7.0, "x"])
def test_a_strength_that_cannot_be_is_refused(strength) -> None:
    with pytest.raises(InputError):
        correlation_of_beta(strength, 0.2)
    with pytest.raises(InputError):
        correlation_of_field(strength, 0.2, 20.0, 150.0)


def test_next_door_is_the_nearest_door_elsewhere() -> None:
    assert neighbour_distance_m(np.array([[0.0, 0.0], [0.0, 0.0], [20.0, 0.0], [20.0, 30.0]])) == 20.0
    with pytest.raises(InputError, match="neighbour_m"):
        neighbour_distance_m(np.zeros((3, 2)))


# --- errors of simulation ------------------------------------------------------------------------------------------


def test_replicates_are_as_many_as_the_error_asks() -> None:
    owners = Owners((LAYERS["field"],))
    start, doors = sets_of(MANY)
    amount = np.arange(1, len(MANY) + 1)
    loose = mean_given_shared(owners, keys(60), start, doors, replicates=4096, amount=amount, error=0.01)
    tight = mean_given_shared(owners, keys(60), start, doors, replicates=4096, amount=amount, error=0.004)
    assert loose.error.max() <= 0.01
    assert tight.error.max() <= 0.004
    assert loose.replicates < tight.replicates < 4096
    # A share is the sum of amount * chance / sum of amount, replicate by replicate.
    each = mean_given_shared(owners, keys(60), start, doors, replicates=loose.replicates)
    assert loose.mean == pytest.approx(each.mean @ amount / amount.sum())
    drawn = mean_of_draws(owners, keys(60), start, doors, words=16, amount=amount)
    assert (np.abs(drawn.mean - tight.mean) < 4 * np.hypot(drawn.error, tight.error)).all()
    # Given the field the owners themselves add no error.
    assert (tight.error * math.sqrt(tight.replicates) < drawn.error * math.sqrt(drawn.replicates)).all()


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [[0.2, 1.1], [-0.1, 0.2], [float("nan"), 0.2], "x"])
def test_chances_that_are_none_are_refused(p) -> None:
    with pytest.raises(InputError):
        Independent(p)


def test_more_cameras_than_doors_are_refused_stratum_by_stratum() -> None:
    with pytest.raises(StudyError) as caught:
        Exactly(np.array([0, 0, 1, -1]), np.array([3, 2]), np.array(1.5))
    assert len(caught.value.faults) == 3
    assert "stratum 0 hands out 3 cameras, but only 2" in str(caught.value)


@pytest.mark.parametrize(
    ("stratum", "numbers"), [([0, 2], [1]), ([0, -2], [1]), ([0.5, 1.0], [1]), ([0, 0], [-1]), ([0, 0], [1.5])]
)
def test_strata_and_numbers_that_do_not_fit_are_refused(stratum, numbers) -> None:
    with pytest.raises(InputError):
        Exactly(np.array(stratum), np.array(numbers))


def test_all_faults_of_a_cluster_and_a_field_are_told_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        BetaBinomial(np.array([0.2, 2.0]), np.array([0.0, 1.0]), 1.0, np.array(-1.0))
    assert len(caught.value.faults) == 4
    with pytest.raises(StudyError) as caught:
        Field(np.array([0.2, 2.0]), np.zeros((2, 2)), -5.0, 1.0)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("seed", [1.5, "7", None, -1, True, 2**63])
def test_a_seed_is_a_whole_number(seed) -> None:
    with pytest.raises(InputError, match="seed"):
        Owners((Independent(np.full(3, 0.5)),)).draw(keys(3), seed, 1)


def test_keys_and_layers_must_fit() -> None:
    owners = Owners((Independent(np.full(3, 0.5)),))
    with pytest.raises(InputError, match="a key of its own"):
        owners.draw(np.array([1, 2, 2], np.uint64), 0, 1)
    with pytest.raises(InputError, match="same doors"):
        Owners((Independent(np.full(3, 0.5)), Independent(np.full(4, 0.5))))
    with pytest.raises(InputError, match="at least one"):
        Owners(())
    with pytest.raises(InputError, match="streams"):
        Owners((Independent(np.full(3, 0.5)),), (0, 1))


# --- words of replicates ---------------------------------------------------------------------------------------------


def layers_that_share() -> dict[str, Layer]:
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(100, 140), 5)
    cluster[:7] = -1
    p = np.full(200, 0.2)
    return {
        "clusters": BetaBinomial(p, cluster, 0.1),
        "clusters that differ": BetaBinomial(np.where(np.arange(200) % 3 > 0, 0.3, 0.1), cluster, 0.2, np.array(0.8)),
        "certain and never": BetaBinomial(np.where(np.arange(200) < 100, 1.0, 0.0), cluster, 0.2),
        "alike, but independent": BetaBinomial(p, cluster, 0.0),
        "nearly as one": BetaBinomial(p, cluster, 0.97),
        "field": Field(p, rng.uniform(0, 900, (200, 2)), 150.0, 0.3),
        "field without": Field(p, rng.uniform(0, 900, (200, 2)), 150.0, 0.0),
        "independent": Independent(rng.random(200)),
    }


@pytest.mark.parametrize("name", layers_that_share())
def test_draws_and_chances_of_a_word_are_those_of_its_replicates_to_the_bit(name: str) -> None:
    layer, key, words = layers_that_share()[name], keys(200), 80
    drawn = bits(layer.draw(key, 3, words, stream=2))
    own = stream_keys(key, 2)
    for word in (0, 7, 79):
        block = layer.block(key, 3, word, 2)
        assert block is not None
        for bit in range(0, 64, 9):
            replicate = 64 * word + bit
            p = layer.conditional(key, 3, replicate, 2)
            assert p is not None
            assert (block[:, bit] == p).all()
            assert (drawn[:, replicate] == (uniforms(own, np.uint64(3), replicate) < p)).all()


def test_quantiles_of_clusters_are_bounded_and_the_doubtful_ones_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a coarse table nearly every draw is doubtful, and the owners are the same."""
    layer, key = layers_that_share()["clusters that differ"], keys(200)
    fine = layer.draw(key, 3, 80)
    monkeypatch.setattr(layers, "NODES", 2)
    assert (layer.draw(key, 3, 80) == fine).all()
    # A table that pays for nothing is not made.
    monkeypatch.setattr(layers, "NODES", 10**9)
    assert (layer.draw(key, 3, 80) == fine).all()


def test_several_lots_and_clusters_keep_the_exact_chance_of_being_seen_at_all() -> None:
    doors = 60
    key, (start, members) = keys(doors), sets_of([[0], [1, 2, 3], list(range(10)), list(range(0, 60, 3))])
    today = Owners((BetaBinomial(np.full(doors, 0.2), np.repeat(np.arange(12), 5), 0.2),))
    both = today.joined_by(Exactly(np.zeros(doors, np.int64), np.array([10]), np.array(0.8)))
    mean = chances_given_shared(both, key, start, members, seed=1, words=16)
    assert mean is not None
    miss = both.miss(start, members)
    assert miss is not None
    assert mean[0] / ONE == pytest.approx(1.0 - miss, abs=0.02)
    # Two lots beside a field: no closed form even given it.
    field = Owners((Field(np.full(doors, 0.2), np.random.default_rng(1).uniform(0, 500, (doors, 2)), 150.0, 0.3),))
    lot = Exactly(np.zeros(doors, np.int64), np.array([5]))
    assert chances_given_shared(field.joined_by(lot, lot), key, start, members, seed=1, words=1) is None
