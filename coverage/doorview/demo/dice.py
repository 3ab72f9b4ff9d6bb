"""Random draws that stay the same on every platform and with every release of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["Dice"]

_BLOCK = 1024
T = TypeVar("T")


class Dice:
    """Uniform draws from PCG64, taken from its raw stream alone.

    numpy keeps the stream of a bit generator fixed for ever but may change how a distribution is drawn from it, so
    every draw here is arithmetic on raw 64-bit words.

    Parameters
    ----------
    keys
        Whole numbers that name the stream, such as the seed of the town and the place of a quarter in it.
    """

    def __init__(self, *keys: int) -> None:
        self._source = np.random.PCG64(np.random.SeedSequence(keys))
        self._block: list[float] = []

    def random(self) -> float:
        """Return the next number in [0, 1), a multiple of 2^-53."""
        if not self._block:
            raw = self._source.random_raw(_BLOCK)
            self._block = ((raw >> np.uint64(11)) * 2.0**-53).tolist()
            self._block.reverse()
        return self._block.pop()

    def many(self, count: int) -> np.ndarray:
        """Return `count` numbers in [0, 1) as an array, from words not drawn before."""
        raw: np.ndarray = np.atleast_1d(self._source.random_raw(count))
        return (raw >> np.uint64(11)) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.random()

    def chance(self, probability: float) -> bool:
        """Return True with `probability`."""
        return self.random() < probability

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of `items`, each as likely as any other."""
        return items[int(self.random() * len(items))]
