"""Draws of owners, and what sets of doors see in them, against enumeration and plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from doorview.ownership.kernels.draws import (
    add_bits,
    at_least_of_sets,
    normals,
    owned_bits_of_sets,
    owner_bits,
    salted,
    smallest_bits,
    uniforms,
    weighed_bits,
)
from doorview.share.kernels.draws import bits_of_sets, replicate_amounts

SEED = np.uint64(7)


def keys(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, count, dtype=np.uint64)


def bits_to_bool(bits: np.ndarray) -> np.ndarray:
    """Replicates as columns: bit b of word w is replicate 64 w + b."""
    return np.array([[(int(word) >> b) & 1 for word in row for b in range(64)] for row in bits], bool).reshape(
        len(bits), -1
    )


def test_a_door_owns_where_its_number_is_below_its_chance() -> None:
    key, p = keys(20), np.linspace(0.0, 1.0, 20)
    owners = bits_to_bool(owner_bits(key, p, SEED, 2))
    for replicate in range(128):
        assert np.array_equal(owners[:, replicate], uniforms(key, SEED, replicate) < p)
    assert not owners[0].any()
    assert owners[-1].all()


def test_owners_are_nested_across_rates() -> None:
    key = keys(40)
    few, more = (owner_bits(key, np.full(40, rate), SEED, 2) for rate in (0.2, 0.5))
    assert not (few & ~more).any()
    assert (few != more).any()


def test_owners_do_not_depend_on_the_order_of_doors() -> None:
    key, p = keys(30), np.linspace(0.1, 0.9, 30)
    order = np.random.default_rng(1).permutation(30)
    assert np.array_equal(owner_bits(key, p, SEED, 1)[order], owner_bits(key[order], p[order], SEED, 1))


def test_seed_replicate_and_door_all_count() -> None:
    key = keys(50)
    one = uniforms(key, SEED, 0)
    for other in (uniforms(key, np.uint64(8), 0), uniforms(key, SEED, 1), uniforms(keys(50, 4), SEED, 0)):
        assert len(np.intersect1d(one, other)) == 0


def test_numbers_are_uniform_and_unrelated() -> None:
    """Chi-square of 3,200 numbers, and of pairs of them, in 16 classes: by chance above 45 once in 10,000."""
    key = np.arange(1, 101, dtype=np.uint64)  # keys that differ little must do as well
    numbers = np.array([uniforms(key, SEED, replicate) for replicate in range(32)])
    assert ((numbers >= 0.0) & (numbers < 1.0)).all()
    counts = np.bincount((numbers.ravel() * 16).astype(int), minlength=16)
    assert float(((counts - 200.0) ** 2 / 200.0).sum()) < 45.0
    for one, other in ((numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:])):
        pairs = np.bincount(((one * 4).astype(int) * 4 + (other * 4).astype(int)).ravel(), minlength=16)
        expected = one.size / 16.0
        assert float(((pairs - expected) ** 2 / expected).sum()) < 45.0


SETS = [[], [0], [1, 3], [0, 1, 2, 3, 4], [2, 4, 5]]
START = np.concatenate([[0], np.cumsum([len(s) for s in SETS])]).astype(np.int64)
MEMBERS = np.array([door for s in SETS for door in s], np.int64)


@pytest.mark.parametrize("p", [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.0, 1.0, 0.5, 1.0, 0.0, 0.25], [0.2] * 6])
def test_at_least_m_owners_by_enumeration(p: list[float]) -> None:
    """The chance of every subset of owners is a product; those with m owners or more in the set add up."""
    found = at_least_of_sets(START, MEMBERS, np.array(p), 3)
    for n, members in enumerate(SETS):
        for most in (1, 2, 3):
            total = 0.0
            for owns in itertools.product([False, True], repeat=6):
                if sum(owns[door] for door in members) >= most:
                    total += math.prod(q if own else 1.0 - q for q, own in zip(p, owns, strict=True))
            assert found[most - 1, n] == pytest.approx(total, abs=1e-14)


def test_replicates_in_view() -> None:
    owners = np.random.default_rng(5).integers(0, 2**63, (6, 2), dtype=np.uint64)
    bits = bits_of_sets(START, MEMBERS, owners)
    owns = bits_to_bool(owners)
    expected = np.array([owns[members].any(axis=0) for members in SETS])
    assert np.array_equal(bits_to_bool(bits), expected)
    base, sets, amount = np.array([0, 2, 2, 0, 1]), np.array([1, 2, 3, 4, 0]), np.array([5, 7, 11, 2**40, 13])
    out = np.ones((3, 128), np.int64)
    replicate_amounts(base, sets, amount, bits, out)
    wanted = np.ones((3, 128), np.int64)
    for b, s, a in zip(base, sets, amount, strict=True):
        wanted[b] += a * expected[s]
    assert np.array_equal(out, wanted)


def test_a_salt_gives_other_keys_one_to_one() -> None:
    key = np.arange(200, dtype=np.uint64)
    assert np.array_equal(salted(key, 0), key)
    made = [salted(key, salt) for salt in (0, 1, 2, 9)]
    assert len(np.unique(np.concatenate(made))) == 800
    one, other = uniforms(made[1], SEED, 0), uniforms(made[2], SEED, 0)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.3


def test_bits_of_one_replicate_are_those_of_all() -> None:
    key, p = keys(25), np.linspace(0.0, 1.0, 25)
    out = np.zeros((25, 2), np.uint64)
    for replicate in range(128):
        add_bits(key, p, SEED, replicate, out)
    assert np.array_equal(out, owner_bits(key, p, SEED, 2))


@pytest.mark.parametrize("number", [0, 1, 4, 9, 10])
def test_the_smallest_numbers_own(number: int) -> None:
    key = keys(10)
    owners = bits_to_bool(smallest_bits(key, number, SEED, 1))
    for replicate in range(64):
        expected = np.zeros(10, bool)
        expected[np.argsort(uniforms(key, SEED, replicate))[:number]] = True
        assert np.array_equal(owners[:, replicate], expected)


def test_normal_numbers_are_normal() -> None:
    """16 classes of equal chance, 3,200 numbers: a chi-square above 45 comes by chance once in 10,000."""
    numbers = np.concatenate([normals(np.arange(1, 101, dtype=np.uint64), SEED, replicate) for replicate in range(32)])
    below = np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in numbers])
    counts = np.bincount((below * 16).astype(int), minlength=16)
    assert float(((counts - 200.0) ** 2 / 200.0).sum()) < 45.0
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.07


def test_replicates_with_at_least_m_owners() -> None:
    owners = np.random.default_rng(5).integers(0, 2**63, (6, 2), dtype=np.uint64)
    owns = bits_to_bool(owners)
    found = owned_bits_of_sets(START, MEMBERS, owners, 3)
    for least in (1, 2, 3):
        expected = np.array([owns[members].sum(axis=0) >= least for members in SETS])
        assert np.array_equal(bits_to_bool(found[least - 1]), expected)


@pytest.mark.parametrize(("rows", "largest"), [(0, 10), (7, 2), (8, 2), (9, 300), (200, 90), (200, 2**50)])
def test_sums_of_replicates_of_any_length(rows: int, largest: int) -> None:
    """Around the block of eight rows, with amounts of 1 and of 2^50, bases in order and not, against plain sums."""
    rng = np.random.default_rng(rows)
    bits = rng.integers(0, 2**64, (30, 3), dtype=np.uint64)
    sets, amount = rng.integers(0, 30, rows), rng.integers(0, largest, rows)
    flags = bits_to_bool(bits)
    for base in (np.sort(rng.integers(0, 4, rows)), rng.integers(0, 4, rows)):
        out = np.zeros((4, 192), np.int64)
        replicate_amounts(base, sets, amount, bits, out)
        for place in range(4):
            here = base == place
            assert out[place].tolist() == (amount[here, None] * flags[sets[here]]).sum(axis=0).tolist()


def test_amounts_of_replicates() -> None:
    owners = np.random.default_rng(5).integers(0, 2**63, (6, 2), dtype=np.uint64)
    amount = np.array([1.0, 20.0, 300.0, 4000.0, 0.5, 7.0])
    assert weighed_bits(owners, amount) == pytest.approx(amount @ bits_to_bool(owners))
