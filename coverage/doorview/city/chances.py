"""Random numbers that depend on what they are drawn for, never on the order of drawing.

A number is a hash of a key, a seed and a counter: splitmix64's finaliser twice (Steele, Lea and Flood 2014,
doi 10.1145/2714064.2660195), the formula of `doorview.ownership.kernels.draws` in plain numpy. So a car or a porch
stays where it is when a file is sorted otherwise, when a street is added, or when only a part of the city is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from doorview.errors import InputError

__all__ = ["check_seed", "keys_of", "uniform"]

_STEP = np.uint64(0x9E3779B97F4A7C15)


def check_seed(seed: int) -> int:
    """Return the seed; refuse what is no whole number in [0, 2^63)."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed!r}: it must be a whole number of 0 or more, below 2^63, e.g. seed=0.")
    return int(seed)


def keys_of(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return a 64-bit key per text, shape (n,), the same on every machine (BLAKE2b)."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(keys: NDArray[np.uint64], seed: int, counter: int = 0) -> NDArray[np.float64]:
    """Return one number in [0, 1) per key, shape (n,); another `counter` gives other numbers of the same keys.

    Raises
    ------
    InputError
        If the seed is no whole number of 0 or more.

    """
    mask = (1 << 64) - 1
    step = int(_STEP)
    turned = np.uint64((check_seed(seed) * step + 1) & mask)
    moved = np.uint64((counter + 1) * step & mask)
    z = _mix(_mix(np.asarray(keys, dtype=np.uint64) + moved) ^ turned)
    return (z >> np.uint64(11)).astype(np.float64) / 9007199254740992.0
