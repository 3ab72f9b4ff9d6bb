"""Parsing of tag text: lengths and counts as people write them in OSM.

Nothing here raises: what cannot be read with certainty is None, and the caller's default holds. Lengths are metres
unless a unit stands with them (OSM wiki, Key:width and Map features/Units: ``2.5``, ``2.5 m``, ``16'3"``, ``10 ft``).
"""

from __future__ import annotations

import math
import re

__all__ = ["count", "metres", "number"]

FOOT_M = 0.3048
INCH_M = 0.0254
"""International foot and inch [m]."""

_UNITS_M = {
    "": 1.0,
    "m": 1.0,
    "metre": 1.0,
    "metres": 1.0,
    "meter": 1.0,
    "meters": 1.0,
    "mm": 0.001,
    "cm": 0.01,
    "km": 1000.0,
    "ft": FOOT_M,
    "feet": FOOT_M,
    "foot": FOOT_M,
    "'": FOOT_M,
    "in": INCH_M,
    "inch": INCH_M,
    "inches": INCH_M,
    '"': INCH_M,
    "mi": 1609.344,
    "yd": 0.9144,
}
# A comma is a decimal comma only where one or two digits follow: "3,5" is 3.5, but "1,000" may be either.
_NUMBER = r"([0-9]{1,7}(?:\.[0-9]{0,9}|,[0-9]{1,2})?|\.[0-9]{1,9})"
_LENGTH = re.compile(_NUMBER + r"\s*([a-z]{0,6}|'|\")\.?")
_FEET_INCHES = re.compile(r"([0-9]{1,5})\s*(?:'|ft|feet|foot)\s*" + _NUMBER + r"\s*(?:\"|''|in|inch|inches)?")
_PLAIN = re.compile(_NUMBER)
_PRIMES = str.maketrans({"′": "'", "’": "'", "″": '"', "”": '"', "\u00a0": " "})
_LONGEST = 40


def _text(value: object) -> str | None:
    """Return tag text in one spelling, or None for what is no text (None, NaN) or too long to be a value."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    return value.translate(_PRIMES).strip().lower()


def _float(digits: str) -> float:
    return float(digits.replace(",", "."))


def metres(value: object) -> float | None:
    """Return a length in tag text [m], or None.

    >>> metres("10 ft"), metres("3 m"), metres("2;3")
    (3.048, 3.0, None)
    """
    text = _text(value)
    if text is None:
        return None
    text = text.replace("''", '"')
    both = _FEET_INCHES.fullmatch(text)
    if both is not None:
        inches = _float(both[2])
        return float(both[1]) * FOOT_M + inches * INCH_M if inches < 12 else None
    one = _LENGTH.fullmatch(text)
    if one is None or one[2] not in _UNITS_M:
        return None
    return _float(one[1]) * _UNITS_M[one[2]]


def number(value: object) -> float | None:
    """Return a plain number of zero or more in tag text (``building:levels=1.5``), or None."""
    text = _text(value)
    if text is None or _PLAIN.fullmatch(text) is None:
        return None
    return _float(text)


def count(value: object) -> int | None:
    """Return a whole number of zero or more in tag text (``lanes=2``, ``2.0``), or None; ``2.5`` and ``2;3`` are none.

    >>> count("4"), count("2;3")
    (4, None)
    """
    read = number(value)
    if read is None or not math.isfinite(read) or read != math.floor(read):
        return None
    return int(read)
