"""Who owns a camera in each replicate, as bits; and the chance that a set has at least m owners.

A number is a hash of a key, a seed and a replicate, so it never depends on the order of drawing. What needs numbers of
its own (a second layer of owners, the app of a household, a cluster) hashes its keys with a salt first.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = [
    "add_bits",
    "at_least_of_sets",
    "normals",
    "owned_bits_of_sets",
    "owner_bits",
    "salted",
    "smallest_bits",
    "uniforms",
    "uniforms_at",
]

STEP = np.uint64(0x9E3779B97F4A7C15)


@nb.njit(cache=True, nogil=True)
def _mix(z: Any) -> Any:
    """Return the splitmix64 finaliser of z (Steele, Lea and Flood 2014, doi 10.1145/2714064.2660195)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@nb.njit(cache=True, nogil=True)
def _number(key: Any, seed: Any, replicate: int) -> Any:
    """Return 64 bits that depend on seed, replicate and key alone; different keys never give the same."""
    return _mix(_mix(key + STEP * (np.uint64(replicate) + np.uint64(1))) ^ (seed * STEP + np.uint64(1)))


@nb.njit(cache=True, nogil=True)
def _uniform(key: Any, seed: Any, replicate: int) -> float:
    """Return a number in [0, 1) that depends on seed, replicate and door key alone."""
    return float(_number(key, seed, replicate) >> np.uint64(11)) / 9007199254740992.0


@nb.njit(cache=True, nogil=True)
def salted(keys: Any, salt: int) -> Any:
    """Return other keys for the same doors, one to one; salt 0 gives the keys as they are."""
    out = np.empty(keys.shape[0], np.uint64)
    turned = _mix(np.uint64(salt) * STEP)
    for n in range(keys.shape[0]):
        out[n] = keys[n] if salt == 0 else _mix(keys[n] ^ turned)
    return out


@nb.njit(cache=True, nogil=True)
def uniforms(keys: Any, seed: Any, replicate: int) -> Any:
    """Return one number in [0, 1) per door."""
    out = np.empty(keys.shape[0])
    for door in range(keys.shape[0]):
        out[door] = _uniform(keys[door], seed, replicate)
    return out


@nb.njit(cache=True, nogil=True)
def uniforms_at(keys: Any, seed: Any, replicates: Any) -> Any:
    """Return one number in [0, 1) for each pair of a key and a replicate (pairs,)."""
    out = np.empty(keys.shape[0])
    for n in range(keys.shape[0]):
        out[n] = _uniform(keys[n], seed, replicates[n])
    return out


@nb.njit(cache=True, nogil=True)
def owner_bits(keys: Any, p: Any, seed: Any, words: int) -> Any:
    """Return owners (doors, words) uint64: bit b of word w: does the door own a camera in replicate 64 w + b."""
    out = np.zeros((keys.shape[0], words), np.uint64)
    for door in range(keys.shape[0]):
        for word in range(words):
            bits = np.uint64(0)
            for bit in range(64):
                if _uniform(keys[door], seed, 64 * word + bit) < p[door]:
                    bits |= np.uint64(1) << np.uint64(bit)
            out[door, word] = bits
    return out


@nb.njit(cache=True, nogil=True)
def add_bits(keys: Any, p: Any, seed: Any, replicate: int, out: Any) -> None:
    """Set in `out` (doors, words) the bit of one replicate where a door's number is below its chance there."""
    word, bit = replicate // 64, np.uint64(1) << np.uint64(replicate % 64)
    for door in range(keys.shape[0]):
        if _uniform(keys[door], seed, replicate) < p[door]:
            out[door, word] |= bit


@nb.njit(cache=True, nogil=True)
def smallest_bits(keys: Any, number: int, seed: Any, words: int) -> Any:
    """Return owners (doors, words) as bits: in each replicate the `number` doors with the smallest numbers.

    A draw without preference, nested across `number`. All 64 bits are compared, so no two doors tie.
    """
    count = keys.shape[0]
    out = np.zeros((count, words), np.uint64)
    if number == 0:
        return out
    numbers = np.empty(count, np.uint64)
    for replicate in range(64 * words):
        for door in range(count):
            numbers[door] = _number(keys[door], seed, replicate)
        last = np.partition(numbers, number - 1)[number - 1]
        bit = np.uint64(1) << np.uint64(replicate % 64)
        for door in range(count):
            if numbers[door] <= last:
                out[door, replicate // 64] |= bit
    return out


@nb.njit(cache=True, nogil=True)
def normals(keys: Any, seed: Any, replicate: int) -> Any:
    """Return one standard normal number per key (Box and Muller 1958, doi 10.1214/aoms/1177706645)."""
    out = np.empty(keys.shape[0])
    for n in range(keys.shape[0]):
        radius = math.sqrt(-2.0 * math.log(1.0 - _uniform(keys[n], seed, 2 * replicate)))
        out[n] = radius * math.cos(2.0 * math.pi * _uniform(keys[n], seed, 2 * replicate + 1))
    return out


@nb.njit(cache=True, nogil=True)
def at_least_of_sets(start: Any, doors: Any, p: Any, most: int) -> Any:
    """Return (most, sets): the chance that at least 1 .. `most` doors of each set own a camera, doors independent.

    The Poisson binomial by its recursion f_m <- f_m (1 - p_j) + f_{m-1} p_j, doors in their order.
    """
    sets = start.shape[0] - 1
    out = np.empty((most, sets))
    f = np.empty(most)
    for n in range(sets):
        f[:] = 0.0
        f[0] = 1.0
        for i in range(start[n], start[n + 1]):
            pj = p[doors[i]]
            for m in range(most - 1, 0, -1):
                f[m] = f[m] * (1.0 - pj) + f[m - 1] * pj
            f[0] *= 1.0 - pj
        below = 0.0
        for m in range(most):
            below += f[m]
            out[m, n] = max(1.0 - below, 0.0)
    return out


@nb.njit(cache=True, nogil=True)
def owned_bits_of_sets(start: Any, doors: Any, owners: Any, most: int) -> Any:
    """Return (most, sets, words) uint64: in which replicates at least 1 .. `most` doors of each set own a camera."""
    words = owners.shape[1]
    out = np.zeros((most, start.shape[0] - 1, words), np.uint64)
    for n in range(start.shape[0] - 1):
        for i in range(start[n], start[n + 1]):
            for w in range(words):
                bits = owners[doors[i], w]
                for m in range(most - 1, 0, -1):
                    out[m, n, w] |= out[m - 1, n, w] & bits
                out[0, n, w] |= bits
    return out


@nb.njit(cache=True, nogil=True)
def weighed_bits(bits: Any, amount: Any) -> Any:
    """Return (64 words,): the amounts (sets,) added up over the sets whose bit is set, replicate by replicate."""
    words = bits.shape[1]
    out = np.zeros(64 * words)
    for n in range(bits.shape[0]):
        for w in range(words):
            left = bits[n, w]
            for bit in range(64):
                if (left >> np.uint64(bit)) & np.uint64(1):
                    out[64 * w + bit] += amount[n]
    return out
