"""Faults of what is given to ownership: all are found before any is told of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.city.chances import check_seed
from doorview.errors import DoorviewError, InputError, StudyError

__all__ = ["Faults"]


class Faults:
    """A list of faults, raised together: one as itself, several as one `StudyError` that lists them all."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[str | DoorviewError] = []

    def add(self, fault: str | DoorviewError) -> None:
        """Note one fault: a message, or the error that it would be alone."""
        self.found.append(fault)

    def refuse(self) -> None:
        """Raise if a fault was found."""
        if len(self.found) == 1:
            only = self.found[0]
            raise only if isinstance(only, DoorviewError) else InputError(f"{self.where}: {only}")
        if self.found:
            raise StudyError(self.where, [str(fault) for fault in self.found])

    def chances(self, what: str, values: ArrayLike, doors: int | None = None) -> NDArray[np.float64]:
        """Return chances as float64, one for each of `doors` doors (one value stands for all); note what is none."""
        array = self._numbers(what, values)
        bad = ~((array >= 0.0) & (array <= 1.0))
        if bad.any():
            which = "" if array.ndim == 0 else f" of {bad.sum():,} of {array.size:,} doors"
            first = array[bad].flat[0]
            self.add(f"{what}{which} lies outside [0, 1] or is no number ({first:g}): it is a share, 5 % is 0.05.")
            array = np.where(bad, 0.0, array)
        if doors is None or array.shape == (doors,):
            return array
        if array.ndim:
            self.add(f"{what} holds {array.size:,} values for {doors:,} doors: give one for each door, or one number.")
            return np.zeros(doors)
        return np.full(doors, float(array))

    def chance(self, what: str, value: Any) -> float:
        """Return one chance as float; note it if it is none."""
        array = self.chances(what, value)
        if array.ndim:
            self.add(f"{what} must be one number, not {array.size:,}.")
            return 0.0
        return float(array)

    def amount(self, what: str, value: Any, *, least: float = 0.0, above: bool = False) -> float:
        """Return a number of `least` or more (`above`: of more than `least`); note it if it is none."""
        array = self._numbers(what, value)
        found = float(array) if array.ndim == 0 else np.nan
        if not np.isfinite(found) or found < least or (above and found == least):
            bound = f"above {least:g}" if above else f"of {least:g} or more"
            self.add(f"{what} is {value!r}: it must be a number {bound}.")
            return least + 1.0
        return found

    def count(self, what: str, value: Any) -> int:
        """Return a whole number of 0 or more; note it if it is none."""
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
        if not whole or value < 0:
            self.add(f"{what} is {value!r}: it must be a whole number of 0 or more.")
            return 0
        return int(value)

    def seed(self, value: Any) -> int:
        """Return the seed; note it if it is no whole number in [0, 2^63)."""
        try:
            return check_seed(value)
        except InputError as fault:
            self.add(fault)
            return 0

    def _numbers(self, what: str, values: ArrayLike) -> NDArray[np.float64]:
        """Return values as float64; note what cannot be read as numbers."""
        try:
            return np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            self.add(f"{what} is no number: {values!r}.")
            return np.float64(0.0) * np.ones(())
