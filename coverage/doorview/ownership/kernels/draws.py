"""Who owns a camera in each replicate, as bits; and the chance that a set has at least m owners."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["at_least_of_sets", "owner_bits", "uniforms"]

STEP = np.uint64(0x9E3779B97F4A7C15)


@nb.njit(cache=True, nogil=True)
def _mix(z: Any) -> Any:
    """Return the splitmix64 finaliser of z (Steele, Lea and Flood 2014, doi 10.1145/2714064.2660195)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@nb.njit(cache=True, nogil=True)
def _uniform(key: Any, seed: Any, replicate: int) -> float:
    """Return a number in [0, 1) that depends on seed, replicate and door key alone."""
    z = _mix(_mix(key + STEP * (np.uint64(replicate) + np.uint64(1))) ^ (seed * STEP + np.uint64(1)))
    return float(z >> np.uint64(11)) / 9007199254740992.0


@nb.njit(cache=True, nogil=True)
def uniforms(keys: Any, seed: Any, replicate: int) -> Any:
    """Return one number in [0, 1) per door."""
    out = np.empty(keys.shape[0])
    for door in range(keys.shape[0]):
        out[door] = _uniform(keys[door], seed, replicate)
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
