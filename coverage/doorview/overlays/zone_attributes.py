"""An attribute of zones as a file holds it, made into numbers or categories, and zones into groups of alike homes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError

__all__ = ["MOST_CATEGORIES", "NO_ESTIMATE", "ZoneAttribute", "group_names", "home_groups", "zone_attribute"]

MOST_CATEGORIES = 12
"""More different values than this are no categories."""
NO_ESTIMATE = (-999999999.0, -888888888.0, -666666666.0, -555555555.0, -333333333.0, -222222222.0)
"""In place of an estimate in files of the American Community Survey, "Notes on ACS Estimate and Annotation Values"."""
LONGEST = 60
"""Characters of a cell that are read: names and numbers are shorter, and messages quote them."""
NAMED = 5
"""Zones that a message names, before it counts the rest."""


@dataclass(frozen=True, eq=False)
class ZoneAttribute:
    """What zones say of themselves.

    Attributes
    ----------
    numbers
        By zone (zones,), NaN where there is none; all NaN for a category.
    categories
        By zone (zones,), None where there is none; all None for a number.
    empty, unread, coded
        Zones without a value, with one that is no plain number (with its text), and with a census code for no estimate.

    """

    kind: str
    numbers: NDArray[np.float64]
    categories: NDArray[np.object_]
    empty: tuple[str, ...] = ()
    unread: dict[str, str] = field(default_factory=dict)
    coded: tuple[str, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which zones (zones,) have a value."""
        if self.kind == "number":
            return np.isfinite(self.numbers)
        return np.array([item is not None for item in self.categories], dtype=bool)

    def notes(self) -> list[str]:
        """Return what was left out, by zone, in words; the text comes from data."""
        said = []
        if self.empty:
            said.append(f"{_zones(len(self.empty))} without a value ({_some(self.empty)})")
        if self.unread:
            pairs = [f"{zone}: {text!r}" for zone, text in self.unread.items()]
            said.append(f"{_zones(len(self.unread))} with what is no plain number ({_some(pairs)})")
        if self.coded:
            said.append(f"{_zones(len(self.coded))} with a census code for no estimate ({_some(self.coded)})")
        return said


def _zones(number: int) -> str:
    return "1 zone" if number == 1 else f"{number:,} zones"


def _some(items: Sequence[str]) -> str:
    more = len(items) - NAMED
    return ", ".join(items[:NAMED]) + (f" and {more} more" if more > 0 else "")


def zone_attribute(values: Sequence[Any], zones: Sequence[str], kind: str, name: str) -> ZoneAttribute:
    """Return the attribute of zones as numbers or categories.

    Plain numbers are read, also as text (``" 56000 "``, ``"1e3"``). What could be read in two ways or has a unit
    ("1,234", "$56k", "2,500+") is not guessed: the zone has no value, and is named.

    Parameters
    ----------
    values
        By zone, as the file has them.
    zones
        Ids of the zones, for messages.
    kind
        ``number`` or ``category``.
    name
        Of the column, for messages.

    Raises
    ------
    InputError
        For a column without any value, a column of words asked for as numbers, and one with too many different values
        for categories.

    """
    if kind not in ("number", "category"):
        raise InputError(f"column '{name}': kind {kind!r} must be number or category.")
    texts = [_text(value) for value in values]
    empty = tuple(zone for zone, text in zip(zones, texts, strict=True) if text is None)
    if len(empty) == len(texts):
        raise InputError(f"column '{name}': no zone of {len(texts)} has a value. Fill the column, or name another.")
    nothing = np.full(len(texts), np.nan), np.full(len(texts), None, dtype=object)
    if kind == "category":
        different = sorted({text for text in texts if text is not None})
        if len(different) > MOST_CATEGORIES:
            numbers = all(_number(text) is not None for text in different)
            mend = 'Write kind = "number".' if numbers else "Join them into fewer, or name another column."
            raise InputError(
                f"column '{name}': {len(different)} different values ({_some(different)}) are too many for categories, "
                f"of which a table and a map can show {MOST_CATEGORIES}. {mend}"
            )
        return ZoneAttribute(kind, nothing[0], np.array(texts, dtype=object), empty)
    numbers_found, unread, coded = nothing[0], {}, []
    for place, (zone, text) in enumerate(zip(zones, texts, strict=True)):
        if text is None:
            continue
        number = _number(text)
        if number is None:
            unread[zone] = text
        elif number in NO_ESTIMATE:
            coded.append(zone)
        else:
            numbers_found[place] = number
    if not np.isfinite(numbers_found).any():
        shown = [f"{zone}: {text!r}" for zone, text in unread.items()] or coded
        raise InputError(
            f"column '{name}': no zone holds a plain number ({_some(shown)}). Write numbers without thousands "
            'separators, signs of money or units, or, if these are words on purpose, kind = "category".'
        )
    return ZoneAttribute(kind, numbers_found, nothing[1], empty, unread, tuple(coded))


def _text(value: object) -> str | None:
    """Return a cell as text, None where it is empty; whole numbers that a file holds as 12.0 are 12."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = " ".join(str(value)[:LONGEST].split())
    return None if text in ("", "<NA>", "NaT", "nan") else text


def _number(text: str) -> float | None:
    """Return a plain finite number, else None. Python's own underscores in numbers are no plain number."""
    if "_" in text or not text.isascii():
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def home_groups(values: ArrayLike, homes: ArrayLike, most: int = 5) -> tuple[NDArray[np.int64], int]:
    """Return the group of each zone (zones,), 0 the lowest, and how many groups there are: about as many homes in each.

    A zone belongs to the group in which the middle of its homes lies when all homes are put in order of the attribute;
    zones with the same value are kept together. With fewer than two zones to a group there are fewer groups; below four
    zones, or with one value alone, none, and all are -1. Groups come out empty where few zones hold many homes; then
    the rest are numbered on.

    Parameters
    ----------
    values
        By zone (zones,), no gaps.
    homes
        By zone (zones,), above 0.
    most
        Groups wanted: 5 are fifths.

    Examples
    --------
    >>> home_groups([10, 20, 30, 40], [5, 5, 5, 5], most=2)
    (array([0, 0, 1, 1]), 2)

    """
    x, weight = np.asarray(values, dtype=np.float64), np.asarray(homes, dtype=np.float64)
    different, place = np.unique(x, return_inverse=True)
    groups = min(most, len(x) // 2, len(different))
    if groups < 2:
        return np.full(len(x), -1, np.int64), 0
    held = np.bincount(place, weight)
    middle = (np.cumsum(held) - held / 2) / held.sum()
    wanted = np.minimum((middle * groups).astype(np.int64), groups - 1)
    used, number = np.unique(wanted, return_inverse=True)
    if len(used) < 2:
        return np.full(len(x), -1, np.int64), 0
    return number.astype(np.int64)[place], len(used)


def group_names(number: int) -> list[str]:
    """Return what tables call the groups: ``1 of 5 (lowest)``, ``2 of 5`` ... ``5 of 5 (highest)``."""
    ends = {0: " (lowest)", number - 1: " (highest)"}
    return [f"{place + 1} of {number}{ends.get(place, '')}" for place in range(number)]
