"""64 replicates at once against the kernels for one, and chances against plain Python."""

from __future__ import annotations

import math

import numpy as np

from doorview.ownership.kernels.blocks import (
    block_bits,
    block_chances,
    block_normals,
    block_smoothed,
    cluster_bits,
    summed_chances_of_sets,
)
from doorview.ownership.kernels.draws import add_bits, at_least_of_sets, normals, uniforms, uniforms_at
from doorview.ownership.kernels.fields import conditional_chances, smoothed

SEED = np.uint64(7)
WORD = 2


def keys(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, count, dtype=np.uint64)


def test_bits_of_a_word_are_those_of_its_replicates() -> None:
    key, p = keys(5), np.random.default_rng(1).random((5, 64))
    out, alone = np.zeros((5, 4), np.uint64), np.zeros((5, 4), np.uint64)
    block_bits(key, p, SEED, WORD, out)
    for bit in range(64):
        add_bits(key, np.ascontiguousarray(p[:, bit]), SEED, 64 * WORD + bit, alone)
    assert (out == alone).all()
    assert out[:, WORD].any()
    assert not out[:, [0, 1, 3]].any()


def test_fields_of_a_word_are_those_of_its_replicates() -> None:
    rng = np.random.default_rng(2)
    key, corner = keys(30), np.array([[0, 0], [2, 1], [3, 2]])
    wx, wy = rng.random((2, 3, 3))
    noise = block_normals(key, SEED, WORD)
    field = block_smoothed(noise, 6, corner, wx, wy)
    threshold, keep = np.array([-0.8, np.inf, -np.inf]), np.array([1.0, 1.0, 0.5])
    chance = block_chances(threshold, field, 0.3, keep)
    for bit in range(64):
        one = normals(key, SEED, 64 * WORD + bit)
        assert (noise[:, bit] == one).all()
        at = smoothed(one.reshape(5, 6), corner, wx, wy)
        assert (field[:, bit] == at).all()
        assert (chance[:, bit] == conditional_chances(threshold, at, 0.3, keep)).all()


def test_numbers_of_pairs_are_those_of_their_replicates() -> None:
    key, replicates = keys(40), np.arange(40) * 7
    pairs = uniforms_at(key, SEED, replicates)
    assert pairs.tolist() == [uniforms(key[n : n + 1], SEED, int(replicates[n]))[0] for n in range(40)]


def test_a_table_of_quantiles_decides_rightly_or_says_that_it_does_not() -> None:
    # The quantile of theta at u is u^2 here: monotone, and known everywhere.
    door, shared = keys(6), keys(2, seed=5)
    number, thinning, own = np.array([0, 0, 1, 1, 1, -1]), np.array([1.0, 0.5, 1.0, 0.25, 0.0, 0.0]), np.zeros(6)
    own[5] = 0.3
    nodes = 8
    table = (np.arange(nodes + 1) / nodes)[None] ** 2
    out, doubt = np.zeros((2, 6, 2), np.uint64)
    cluster_bits(door, shared, number, thinning, own, table, np.zeros(2, np.int64), SEED, out, doubt)
    decided = 0
    for n in range(6):
        for replicate in range(128):
            word, bit = divmod(replicate, 64)
            u = uniforms(door[n : n + 1], SEED, replicate)[0]
            theta = uniforms(shared[number[n] : number[n] + 1], SEED, replicate)[0] ** 2 if number[n] >= 0 else 0.0
            chance = own[n] if number[n] < 0 else theta * thinning[n]
            if not int(doubt[n, word]) >> bit & 1:
                assert (int(out[n, word]) >> bit & 1) == (u < chance)
                decided += 1
            else:
                assert not int(out[n, word]) >> bit & 1
    assert 500 < decided < 6 * 128


def test_summed_chances_are_those_of_every_replicate() -> None:
    rng = np.random.default_rng(4)
    start, doors, unit = np.array([0, 1, 4, 4, 6]), np.array([2, 0, 1, 3, 1, 2]), float(2**20)
    p = rng.random((4, 64))
    p[0, 5], p[1, 6] = 1.0, 0.0
    total = np.zeros((3, 4), np.int64)
    for bit in range(64):
        one = at_least_of_sets(start, doors, np.ascontiguousarray(p[:, bit]), 3)
        total += np.rint(one * unit).astype(np.int64)
    assert (summed_chances_of_sets(start, doors, p, 3, unit) == total).all()
    # And seen by one, by hand: 1 - the product over the set's doors.
    by_hand = sum(round((1 - math.prod(1 - p[d, bit] for d in (0, 1, 3))) * unit) for bit in range(64))
    assert abs(total[0, 1] - by_hand) <= 1
