"""What is in view in each replicate of an ownership scenario."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["bits_of_sets", "replicate_amounts"]


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
def replicate_amounts(base: Any, sets: Any, amount: Any, bits: Any, out: Any) -> None:
    """Add to `out` (bases, replicates) int64 the amount of every row that is in view in each replicate."""
    words = bits.shape[1]
    for row in range(base.shape[0]):
        line = out[base[row]]
        a = amount[row]
        for w in range(words):
            b = bits[sets[row], w]
            for bit in range(64):
                line[64 * w + bit] += a * np.int64((b >> np.uint64(bit)) & np.uint64(1))
