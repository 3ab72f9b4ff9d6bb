"""Owners from urns, and a field from lattice noise, against plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from doorview.ownership.kernels.fields import conditional_chances, smoothed
from doorview.ownership.kernels.urns import urn_counts_of_sets

SETS = [[], [0], [1, 3], [0, 1, 2, 3, 4], [2, 4, 5], [5]]
START = np.concatenate([[0], np.cumsum([len(s) for s in SETS])]).astype(np.int64)
MEMBERS = np.array([door for s in SETS for door in s], np.int64)
OWN = [0.1, 0.0, 0.3, 1.0, 0.2, 0.4]
KEEP = [1.0, 1.0, 0.5, 0.2, 0.0, 1.0]


def plain(
    members: list[int], cluster: list[int], urns: list[list[float]], keep: list[float], own: list[float]
) -> list[float]:
    """Every way of drawing the members one by one, then every way of owning."""
    chances = [0.0] * (len(members) + 1)
    for drawn in itertools.product((False, True), repeat=len(members)):
        chance, taken, so_far = 1.0, [0] * len(urns), [0] * len(urns)
        for door, is_drawn in zip(members, drawn, strict=True):
            c = cluster[door]
            if c < 0:
                chance *= 0.0 if is_drawn else 1.0
                continue
            x = (urns[c][0] + so_far[c] * urns[c][2]) / (urns[c][1] + taken[c] * urns[c][2])
            chance *= x if is_drawn else 1.0 - x
            taken[c] += 1
            so_far[c] += is_drawn
        q = [
            1 - (1 - own[d]) * (1 - keep[d]) if is_drawn else own[d] for d, is_drawn in zip(members, drawn, strict=True)
        ]
        for owns in itertools.product((False, True), repeat=len(members)):
            chances[sum(owns)] += chance * math.prod(p if o else 1 - p for p, o in zip(q, owns, strict=True))
    return chances


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("cluster", [[0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, -1], [-1] * 6, [1, -1, 1, 1, 0, 0]])
@pytest.mark.parametrize(
    "urns",
    [
        [[2.0, 6.0, -1.0], [1.0, 6.0, -1.0]],  # 2 and 1 of 6, not put back
        [[0.18, 0.9, 0.1], [0.0, 0.7, 0.3]],  # beta-binomial
    ],
)
def test_counts_of_owners_are_those_of_all_draws(most: int, cluster: list[int], urns: list[list[float]]) -> None:
    for keep, own in ((KEEP, OWN), ([1.0] * 6, [0.0] * 6)):
        found = urn_counts_of_sets(
            START, MEMBERS, np.array(cluster), np.array(urns), np.array(keep), np.array(own), most
        )
        assert found.shape == (most, len(SETS))
        for n, members in enumerate(SETS):
            expected = (plain(members, cluster, urns, keep, own) + [0.0] * 3)[:most]
            assert found[:, n] == pytest.approx(expected, abs=1e-14)


def test_all_drawn_is_certain() -> None:
    found = urn_counts_of_sets(
        START, MEMBERS, np.zeros(6, np.int64), np.array([[6.0, 6.0, -1.0]]), np.ones(6), np.zeros(6), 3
    )
    assert found[0].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert found[1].tolist() == [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]


def test_a_field_is_noise_weighted_by_rows_and_columns() -> None:
    rng = np.random.default_rng(1)
    noise, corner = rng.normal(size=(6, 7)), np.array([[0, 0], [3, 2], [4, 3]])
    wx, wy = rng.random((3, 3)), rng.random((3, 3))
    expected = [
        sum(wy[n, r] * wx[n, c] * noise[corner[n, 1] + r, corner[n, 0] + c] for r in range(3) for c in range(3))
        for n in range(3)
    ]
    assert smoothed(noise, corner, wx, wy) == pytest.approx(expected)


def test_chances_given_the_field() -> None:
    from statistics import NormalDist

    normal = NormalDist()
    threshold, field = np.array([-0.5, 0.3, -np.inf, np.inf]), np.array([0.2, -1.0, 3.0, -3.0])
    found = conditional_chances(threshold, field, 0.36, np.array([1.0, 0.5, 1.0, 1.0]))
    expected = [normal.cdf((-0.5 - 0.6 * 0.2) / 0.8), 0.5 * normal.cdf((0.3 + 0.6) / 0.8), 0.0, 1.0]
    assert found == pytest.approx(expected)
