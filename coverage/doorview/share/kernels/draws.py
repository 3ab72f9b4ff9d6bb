"""What is in view in each replicate of an ownership scenario."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["bits_of_sets", "replicate_amounts"]

PLACES = 64
"""Binary places of a sum: int64 holds no more."""
BLOCK = 8
"""Rows added in one go."""


@nb.njit(cache=True, nogil=True)
def bits_of_sets(start: Any, doors: Any, owners: Any) -> Any:
    """Return (sets, words) uint64: in which replicates at least one door of the set owns a camera."""
    words = owners.shape[1]
    out = np.zeros((start.shape[0] - 1, words), np.uint64)
    for n in range(start.shape[0] - 1):
        for i in range(start[n], start[n + 1]):
            for w in range(words):
                out[n, w] |= owners[doors[i], w]
    return out


@nb.njit(cache=True, nogil=True)
def _add_at(place: int, word: Any, sums: Any, waiting: Any, full: Any) -> None:
    """Add the bits of `word` (words,), each worth 2^place, to 64 counters a word that are kept as binary places.

    Counter b of word w is the sum of (sums[place, w] >> b & 1) * 2^place, with what is waiting to be added. Two words
    of one place and the sum there make a full adder, whose carry goes one place on. `word` is overwritten.
    """
    while full[place]:
        full[place] = False
        for w in range(word.shape[0]):
            s, a, b = sums[place, w], waiting[place, w], word[w]
            either = s ^ a
            sums[place, w] = either ^ b
            word[w] = (s & a) | (either & b)
        place += 1
    full[place] = True
    for w in range(word.shape[0]):
        waiting[place, w] = word[w]


@nb.njit(cache=True, nogil=True)
def _add_block(sets: Any, at: int, bits: Any, ones: Any, twos: Any, fours: Any, eights: Any) -> None:
    """Add the bits of `sets[at : at + 8]`, carry-save, by Harley and Seal's circuit.

    The circuit is drawn in Mula, Kurz and Lemire 2018 (doi 10.1093/comjnl/bxx046).
    `ones`, `twos` and `fours` (words,) hold what is left over from block to block, `eights` what this one carries.
    """
    i0, i1, i2, i3 = sets[at], sets[at + 1], sets[at + 2], sets[at + 3]
    i4, i5, i6, i7 = sets[at + 4], sets[at + 5], sets[at + 6], sets[at + 7]
    for w in range(ones.shape[0]):
        s, a, b = ones[w], bits[i0, w], bits[i1, w]
        x = s ^ a
        two_a, s = (s & a) | (x & b), x ^ b
        a, b = bits[i2, w], bits[i3, w]
        x = s ^ a
        two_b, s = (s & a) | (x & b), x ^ b
        a, b = bits[i4, w], bits[i5, w]
        x = s ^ a
        two_c, s = (s & a) | (x & b), x ^ b
        a, b = bits[i6, w], bits[i7, w]
        x = s ^ a
        two_d, ones[w] = (s & a) | (x & b), x ^ b
        t = twos[w]
        x = t ^ two_a
        four_a, t = (t & two_a) | (x & two_b), x ^ two_b
        x = t ^ two_c
        four_b, twos[w] = (t & two_c) | (x & two_d), x ^ two_d
        f = fours[w]
        x = f ^ four_a
        eights[w], fours[w] = (f & four_a) | (x & four_b), x ^ four_b


@nb.njit(cache=True, nogil=True)
def _add_rows(sets: Any, count: int, place: int, bits: Any, sums: Any, waiting: Any, full: Any) -> None:
    """Add the bits of `sets[:count]`, each worth 2^place."""
    ones = np.zeros(bits.shape[1], np.uint64)
    twos = np.zeros(bits.shape[1], np.uint64)
    fours = np.zeros(bits.shape[1], np.uint64)
    word = np.empty(bits.shape[1], np.uint64)
    blocks = count // BLOCK
    for block in range(blocks):
        _add_block(sets, BLOCK * block, bits, ones, twos, fours, word)
        _add_at(place + 3, word, sums, waiting, full)
    for i in range(BLOCK * blocks, count):
        for w in range(word.shape[0]):
            word[w] = bits[sets[i], w]
        _add_at(place, word, sums, waiting, full)
    if blocks:
        _add_at(place, ones, sums, waiting, full)
        _add_at(place + 1, twos, sums, waiting, full)
        _add_at(place + 2, fours, sums, waiting, full)


@nb.njit(cache=True, nogil=True)
def _read_and_clear(sums: Any, waiting: Any, full: Any, line: Any) -> None:
    """Add the counters to `line` (64 words,) int64 and set them to nothing."""
    for place in range(PLACES):
        for w in range(sums.shape[1]):
            s = sums[place, w]
            a = waiting[place, w] if full[place] else np.uint64(0)
            if s | a:
                for bit in range(64):
                    both = ((s >> np.uint64(bit)) & np.uint64(1)) + ((a >> np.uint64(bit)) & np.uint64(1))
                    line[64 * w + bit] += np.int64(both) << np.int64(place)
            sums[place, w] = np.uint64(0)
        full[place] = False


@nb.njit(cache=True, nogil=True)
def replicate_amounts(base: Any, sets: Any, amount: Any, bits: Any, out: Any) -> None:
    """Add to `out` (bases, replicates) int64 the amount of every row that is in view in each replicate.

    Rows of one base that follow each other are added up in binary places, 64 replicates at a time, so rows in order of
    their base cost least.
    """
    sums = np.zeros((PLACES, bits.shape[1]), np.uint64)
    waiting = np.zeros((PLACES, bits.shape[1]), np.uint64)
    full = np.zeros(PLACES, np.bool_)
    chosen = np.empty(base.shape[0], np.int64)
    first = 0
    while first < base.shape[0]:
        last = first
        digits = np.int64(0)
        while last < base.shape[0] and base[last] == base[first]:
            digits |= amount[last]
            last += 1
        place = 0
        while digits >> place > 0:
            count = 0
            for row in range(first, last):
                # Written always, kept by counting: a branch here would be guessed wrong half of the time.
                chosen[count] = sets[row]
                count += (amount[row] >> place) & 1
            _add_rows(chosen, count, place, bits, sums, waiting, full)
            place += 1
        _read_and_clear(sums, waiting, full, out[base[first]])
        first = last
