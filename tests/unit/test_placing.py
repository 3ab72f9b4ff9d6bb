"""Best placements against every choice of doors, against an integer program by scipy, and against spopt."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, sparse

from doorview.errors import InputError, UnknownNameError
from doorview.share.outputs import outputs_of
from doorview.share.placing import least_in_view, most_in_view
from doorview.share.rows import SetRows, set_rows
from helpers.sets import coverage_of, random_rows
from helpers.town import covered, town

DOORS = 8
KEYS = np.random.default_rng(0).integers(1, 2**63, 200, dtype=np.uint64)
GREEDY = 1.0 - 1.0 / math.e


def seen_of(sets, seen, doors: set[int], level: int = 1, spaces: tuple[str, ...] = ("carriageway", "park")) -> int:
    """The amount that doors see together, by plain loops."""
    return sum(a for at, s, space, a in seen if at == level and space in spaces and doors & set(sets[s]))


@pytest.mark.parametrize("seed", range(6))
def test_never_below_the_bound_and_never_above_the_best(seed):
    """Every choice of n of eight doors, for every n."""
    rows, sets, seen = random_rows(seed, count=16)
    found = most_in_view(rows, KEYS[:DOORS], DOORS, level="far", space="all")
    table = found.table
    whole = rows.outputs.amount[rows.output_number("all")]
    for n in range(DOORS + 1):
        best = max(seen_of(sets, seen, set(choice)) for choice in itertools.combinations(range(DOORS), n))
        amount = table["amount"].iloc[n] / 0.25
        assert amount == seen_of(sets, seen, set(found.doors[:n].tolist()))
        assert GREEDY * best <= amount <= best
        assert best <= table["upper_bound"].iloc[n] * whole * (1 + 1e-12)
        assert table["of_bound"].iloc[n] >= GREEDY
        assert table["share"].iloc[n] == amount / whole
    assert table["door"].tolist() == [None, *rows.door_ids[found.doors].tolist()]
    assert table["added"].sum() == table["amount"].iloc[-1]
    # Cameras that add less and less.
    assert (np.diff(table["added"].iloc[1:]) <= 0.0).all()


def test_a_case_that_greedy_gets_wrong_lies_within_the_bound():
    """The first door sees 10 of 18; the two others 9 each, and together everything: greedy ends at 14 of 18."""
    sets, amounts = [[0, 1], [0, 2], [1], [2]], [5, 5, 4, 4]
    coverage = coverage_of(sets, [(1, n, "park", a) for n, a in enumerate(amounts)], 3, spare=0)
    rows = set_rows(coverage, outputs_of(coverage))
    table = most_in_view(rows, KEYS[:3], 2, level="far", space="park").table
    assert (table["amount"] / 0.25).tolist() == [0, 10, 14]
    assert table["upper_bound"].iloc[2] >= 1.0
    assert table["of_bound"].iloc[2] == pytest.approx(14 / 18)


def test_certain_cameras_count_and_are_not_chosen():
    rows, sets, seen = random_rows(7, count=16)
    certain, allowed = np.zeros(DOORS, bool), np.ones(DOORS, bool)
    certain[[2, 5]] = True
    allowed[0] = False
    found = most_in_view(rows, KEYS[:DOORS], 20, level="far", space="park", certain=certain, allowed=allowed)
    assert sorted(found.doors.tolist()) == [1, 3, 4, 6, 7]
    for n in range(6):
        amount = found.table["amount"].iloc[n] / 0.25
        assert amount == seen_of(sets, seen, {2, 5, *found.doors[:n].tolist()}, spaces=("park",))
        choices = itertools.combinations([1, 3, 4, 6, 7], n)
        best = max(seen_of(sets, seen, {2, 5, *choice}, spaces=("park",)) for choice in choices)
        whole = rows.outputs.amount[rows.output_number("park")]
        assert best <= found.table["upper_bound"].iloc[n] * whole * (1 + 1e-12)


def test_ties_are_decided_by_key_whatever_the_order_of_doors():
    sets = [[n] for n in range(5)]
    coverage = coverage_of(sets, [(1, n, "park", 4) for n in range(5)], 5)
    rows = set_rows(coverage, outputs_of(coverage))
    for order in ([3, 1, 4, 0, 2], [0, 1, 2, 3, 4]):
        keys = np.empty(5, np.uint64)
        keys[order] = np.arange(5, dtype=np.uint64) + np.uint64(2**63)
        for choose in (most_in_view, least_in_view):
            assert choose(rows, keys, 5, level="far", space="park").doors.tolist() == order


def test_the_least_found_adds_least_each_time():
    rows, sets, seen = random_rows(9, count=16)
    found = least_in_view(rows, KEYS[:DOORS], DOORS, level="far", space="all")
    assert list(found.table.columns) == ["cameras", "door", "added", "amount", "share"]
    for n in range(DOORS):
        chosen = set(found.doors[:n].tolist())
        least = min(seen_of(sets, seen, chosen | {d}) for d in range(DOORS) if d not in chosen)
        assert found.table["amount"].iloc[n + 1] / 0.25 == least


def test_worth_takes_the_place_of_ground():
    """What a set sees counted by homes: sets worth nothing do not matter."""
    rows, sets, seen = random_rows(10, count=16)
    worth = np.arange(len(sets)) % 3
    found = most_in_view(rows, KEYS[:DOORS], DOORS, level="far", space="all", worth=worth)
    weighted = [(level, s, space, a * int(worth[s])) for level, s, space, a in seen]
    for n in range(DOORS + 1):
        assert found.table["amount"].iloc[n] == seen_of(sets, weighted, set(found.doors[:n].tolist()))
        best = max(seen_of(sets, weighted, set(c)) for c in itertools.combinations(range(DOORS), n))
        assert found.table["amount"].iloc[n] >= GREEDY * best
    assert found.table["share"].iloc[-1] == 1.0


def matrix_of(rows: SetRows, level: str, space: str) -> tuple[np.ndarray, np.ndarray]:
    """(sets, doors) which door sees each set, and the sets' amounts."""
    sets, amount = rows.of_output(rows.level_number(level), rows.output_number(space))
    sees = np.zeros((len(sets), len(rows.door_ids)), bool)
    for n, s in enumerate(sets):
        sees[n, rows.members.doors[rows.members.start[s] : rows.members.start[s + 1]]] = True
    return sees, amount


def best_by_integer_program(sees: np.ndarray, amount: np.ndarray, number: int) -> float:
    """The maximal covering location problem (Church and ReVelle 1974) by scipy's HiGHS."""
    sets, doors = sees.shape
    cost = np.concatenate([np.zeros(doors), -amount.astype(float)])
    covers = sparse.hstack([sparse.csr_array(sees.astype(float)), -sparse.eye_array(sets)])
    count = np.concatenate([np.ones(doors), np.zeros(sets)])[None, :]
    found = optimize.milp(
        cost,
        integrality=np.ones(doors + sets),
        bounds=optimize.Bounds(0, 1),
        constraints=[
            optimize.LinearConstraint(covers, 0, np.inf),
            optimize.LinearConstraint(count, number, number),
        ],
    )
    assert found.success
    return -float(found.fun)


@pytest.fixture(scope="module")
def streets() -> SetRows:
    run = covered(town(doors=40, seed=5))
    return set_rows(run.coverage, run.outputs)


@pytest.mark.parametrize("number", [1, 3, 8, 15])
def test_the_integer_program_lies_between_greedy_and_its_bound(streets, number):
    """A town of forty doors: the best by HiGHS, at least what greedy finds, at most the printed bound."""
    sees, amount = matrix_of(streets, "detect", "all")
    best = best_by_integer_program(sees, amount, number)
    row = most_in_view(streets, KEYS[:40], number, level="detect", space="all").table.iloc[-1]
    whole = streets.outputs.amount[streets.output_number("all")]
    assert GREEDY * best <= row["share"] * whole <= best * (1 + 1e-9)
    assert best <= row["upper_bound"] * whole * (1 + 1e-9)
    assert row["of_bound"] >= GREEDY


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("number", [3, 8])
def test_spopt_finds_no_more_than_the_bound(streets, number):
    pulp = pytest.importorskip("pulp", reason="pulp is not installed: spopt's maximal covering needs it")
    locate = pytest.importorskip("spopt.locate", reason="spopt is not installed: scipy's integer program stands in")
    sees, amount = matrix_of(streets, "detect", "all")
    problem = locate.MCLP.from_cost_matrix(np.where(sees, 0.0, 10.0), amount, service_radius=1.0, p_facilities=number)
    problem = problem.solve(pulp.PULP_CBC_CMD(msg=False))
    best = float(pulp.value(problem.problem.objective))
    assert best == pytest.approx(best_by_integer_program(sees, amount, number))
    row = most_in_view(streets, KEYS[:40], number, level="detect", space="all").table.iloc[-1]
    whole = streets.outputs.amount[streets.output_number("all")]
    assert GREEDY * best <= row["share"] * whole <= best * (1 + 1e-9)
    assert best <= row["upper_bound"] * whole * (1 + 1e-9)


def test_no_cameras_and_nothing_to_see():
    rows, _, _ = random_rows(2)
    table = most_in_view(rows, KEYS[:DOORS], 0, level="near", space="all").table
    assert table[["cameras", "amount", "share", "upper_bound"]].to_numpy().tolist() == [[0, 0.0, 0.0, 0.0]]
    nobody = np.zeros(DOORS, bool)
    assert len(most_in_view(rows, KEYS[:DOORS], 3, level="near", space="all", allowed=nobody).table) == 1
    assert len(least_in_view(rows, KEYS[:DOORS], 3, level="near", space="all", allowed=nobody).table) == 1


def test_wrong_wishes_are_refused():
    rows, sets, _ = random_rows(2)
    wish = {"level": "far", "space": "all"}
    for number in (-1, 2.5, True):
        with pytest.raises(InputError, match="whole number of cameras"):
            most_in_view(rows, KEYS[:DOORS], number, **wish)
    with pytest.raises(UnknownNameError, match=r"unknown level 'fra'\. Did you mean 'far'"):
        most_in_view(rows, KEYS[:DOORS], 2, level="fra", space="all")
    with pytest.raises(UnknownNameError, match=r"unknown space 'parks'\. Did you mean 'park'"):
        most_in_view(rows, KEYS[:DOORS], 2, level="far", space="parks")
    with pytest.raises(UnknownNameError, match="unknown zone 'ward/3'"):
        most_in_view(rows, KEYS[:DOORS], 2, **wish, zoning="ward", zone="3")
    with pytest.raises(InputError, match="one per door"):
        most_in_view(rows, KEYS[:3], 2, **wish)
    for worth in (np.ones(len(sets)), np.full(len(sets), -1), np.ones(1, int)):
        with pytest.raises(InputError, match="worth"):
            most_in_view(rows, KEYS[:DOORS], 2, **wish, worth=worth)
