"""What is withheld cannot be recovered: against every table that a reader must think possible, counted out."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from doorview.errors import InputError
from doorview.overlays.publish import (
    Withheld,
    check_bandwidth,
    count_words,
    exposed,
    month_of,
    possible,
    withhold,
)


def one_total(zones: int) -> np.ndarray:
    """Return the parts of zones and their total."""
    return np.vstack([np.eye(zones, dtype=bool), np.ones((1, zones), bool)])


def counted_out(counts: list[int], parts: np.ndarray, withheld: Withheld) -> list[set[int]]:
    """Return every value of every cell over all tables that fit what is published, by trying each one."""
    most = max(counts) + 6
    seen: list[set[int]] = [set() for _ in counts]
    for atoms in itertools.product(range(most + 1), repeat=parts.shape[1]):
        cells = parts.astype(int) @ np.array(atoms)
        fits = all(
            (cell < 5) if small else (cell >= 5) if other else cell == count
            for cell, count, small, other in zip(cells, counts, withheld.small, withheld.other, strict=True)
        )
        if fits:
            for values, cell in zip(seen, cells.tolist(), strict=True):
                values.add(cell)
    return seen


CASES = [
    [3, 9, 12],
    [0, 4, 14],
    [4, 4, 5],
    [1, 0, 6],
    [2, 5, 5],
    [6, 7, 8],
    [0, 0, 0],
    [4, 4, 4],
    [2, 3, 11],
]


@pytest.mark.parametrize("zones", CASES, ids=str)
def test_no_total_gives_a_small_count_away(zones):
    counts, parts = [*zones, sum(zones)], one_total(3)
    withheld = withhold(counts, parts)
    assert withheld.small.tolist() == [count < 5 for count in counts]
    assert not (withheld.small & withheld.other).any()
    seen = counted_out(counts, parts, withheld)
    for cell in np.flatnonzero(withheld.small):
        assert seen[cell] == {0, 1, 2, 3, 4}
    assert exposed(counts, parts, withheld) == []


def test_without_more_withholding_a_total_does_give_it_away():
    # 29 - 9 - 17 = 3: the check must find what everyone can work out.
    counts, parts = [3, 9, 17, 29], one_total(3)
    bare = Withheld(np.array([True, False, False, False]), np.zeros(4, bool))
    assert possible(counts, parts, bare, 0) == (3, 3)
    assert exposed(counts, parts, bare) == [0]
    # Two of 4 beside a published rest: their sum of 8 leaves no other way.
    counts = [4, 4, 9, 17]
    both = Withheld(np.array([True, True, False, False]), np.zeros(4, bool))
    assert exposed(counts, parts, both) == [0, 1]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_possible_is_what_counting_out_finds(seed):
    rng = np.random.default_rng(seed)
    zones = rng.integers(0, 9, 3).tolist()
    parts = one_total(3)
    counts = [*zones, sum(zones)]
    small = np.array(counts) < 5
    other = ~small & (rng.random(4) < 0.5)
    withheld = Withheld(small, other)
    seen = counted_out(counts, parts, withheld)
    for cell in np.flatnonzero(small):
        assert possible(counts, parts, withheld, int(cell)) == (min(seen[cell]), max(seen[cell]))


def test_a_table_of_two_ways_is_safe_both_ways():
    # 2 x 2 zones and categories with totals of rows, columns and all.
    body = np.array([[2, 6], [6, 5]])
    atoms = np.eye(4, dtype=bool)
    parts = np.vstack([atoms, [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]]).astype(bool)
    counts = (parts.astype(int) @ body.ravel()).tolist()
    withheld = withhold(counts, parts)
    seen = counted_out(counts, parts, withheld)
    assert {0, 1, 2, 3, 4} == seen[0]


def test_zones_before_totals_and_the_fewest():
    withheld = withhold([3, 9, 40, 50, 102], one_total(4))
    assert withheld.other.tolist() == [False, True, False, False, False]
    # 5 beside 3 would leave 0 to 3 only: the next one up is taken.
    withheld = withhold([3, 5, 40, 50, 98], one_total(4))
    assert withheld.other.tolist() == [False, False, True, False, False]
    # Nothing adds up to it, so nothing else need go.
    assert not withhold([3, 9, 40], np.eye(3, dtype=bool)).other.any()


def test_a_total_that_must_stand_stands_or_is_refused():
    counts, parts = [3, 9, 40, 52], one_total(3)
    assert not withhold(counts, parts, known=[3]).other[3]
    with pytest.raises(InputError, match="whatever is withheld"):
        withhold([4, 4, 8], one_total(2), known=[2])
    with pytest.raises(InputError, match="under 5"):
        withhold([1, 2, 3], one_total(2), known=[2])


def test_many_zones_stay_safe():
    rng = np.random.default_rng(3)
    zones = rng.poisson(7.0, 60)
    counts = [*zones.tolist(), int(zones.sum())]
    withheld = withhold(counts, one_total(60))
    assert exposed(counts, one_total(60), withheld) == []
    assert withheld.other.sum() <= 1


def test_words_months_and_bandwidth():
    withheld = Withheld(np.array([True, False, False]), np.array([False, True, False]))
    assert count_words([3, 9, 40], withheld) == ["fewer than 5", "withheld", "40"]
    dates = pd.Series(pd.to_datetime(["2019-05-26", None]), index=[7, 3])
    assert month_of(dates).to_dict() == {7: "2019-05", 3: ""}
    assert check_bandwidth(100) == 100.0
    for wrong in (99.9, 0, float("nan")):
        with pytest.raises(InputError, match="100 m or more"):
            check_bandwidth(wrong)


@pytest.mark.parametrize(
    ("counts", "parts", "match"),
    [
        ([1.5, 9], np.eye(2), "whole numbers"),
        ([-1, 9], np.eye(2), "whole numbers"),
        ([1, 9], np.eye(3), "a row per count"),
        ([1, 9, 99], one_total(2), "do not fit"),
    ],
)
def test_tables_that_are_none_are_refused(counts, parts, match):
    with pytest.raises(InputError, match=match):
        withhold(counts, parts)
