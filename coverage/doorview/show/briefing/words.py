"""Numbers as people say them, in the language of the reader, and the strings of the briefing.

"About a third" is said where a share lies within 5 % of a third, "a little over a third" within 12 %; else shares
become "about 8 in 100" or "about 4 in 1,000", with one figure below ten in a hundred and two above.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from doorview.errors import UnknownNameError
from doorview.show.text import FEET_PER_METRE, SMALLEST_COUNT, Units

__all__ = ["FRACTIONS", "Language", "Words", "load_words"]

Language = Literal["en", "es"]

FRACTIONS: dict[str, float] = {
    "tenth": 1 / 10, "eighth": 1 / 8, "seventh": 1 / 7, "sixth": 1 / 6, "fifth": 1 / 5, "quarter": 1 / 4,
    "third": 1 / 3, "two_fifths": 2 / 5, "half": 1 / 2, "three_fifths": 3 / 5, "two_thirds": 2 / 3,
    "three_quarters": 3 / 4, "four_fifths": 4 / 5, "nine_tenths": 9 / 10,
}  # fmt: skip
"""Fractions that people say; their names are keys of the strings."""
SQUARE_METRES_PER_ACRE = 4046.8564224
_ABOUT, _NEAR = 0.05, 0.12


class Words:
    """The strings of one language, with its way of writing numbers.

    Text from data goes into a string's ``{places}`` as a value and is never read as a template.
    """

    def __init__(self, language: Language, strings: Mapping[str, Any]) -> None:
        self.language = language
        self._strings = strings
        self._marks: dict[str, str] = strings["marks"]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a string by its dotted key, with `values` in its places."""
        found: Any = self._strings
        for part in key.split("."):
            found = found[part]
        return str(found).format_map(values) if values else str(found)

    def get(self, key: str, default: str) -> str:
        """Return a string that need not be there."""
        found: Any = self._strings
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return default
            found = found[part]
        return str(found)

    def items(self, key: str) -> list[str]:
        """Return a list of strings."""
        return [str(item) for item in self._strings[key]]

    def number(self, value: float, decimals: int = 0) -> str:
        """Return a number with the language's decimal and thousands marks."""
        text = f"{value:,.{decimals}f}"
        if not text.strip("-0.,"):
            text = text.lstrip("-")  # no minus before nothing
        return "".join(self._marks.get({",": "thousands", ".": "decimal"}.get(char, ""), char) for char in text)

    def short(self, value: float) -> str:
        """Return a number of any kind to three figures, without zeros at its end."""
        if abs(value) >= 100:
            return self.number(value)
        decimals = 1 if abs(value) >= 10 else 2
        text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
        return self.number(float(text), len(text.partition(".")[2]))

    def percent(self, share: float) -> str:
        """Return a share in [0, 1] in per cent: whole from 10 % up, one decimal below, never a false 0 or 100."""
        value = 100 * share
        if 0 < value < 0.1:
            return self("say.under_percent", number=self._percent(self.number(0.1, 1)))
        if 99 < value < 100:
            return self("say.over_percent", number=self._percent(self.number(99)))
        return self._percent(self.number(value, 0 if value >= 9.95 or value == 0 else 1))

    def exact(self, share: float) -> str:
        """Return a share or a change in per cent with three decimals."""
        return self._percent(self.number(100 * share, 3))

    def points(self, change: float) -> str:
        """Return a change of a share in percentage points with its sign, as a table has it."""
        value = 100 * change
        if abs(value) < 0.05:
            return self("say.no_change") if value == 0 else self("say.under_points", number=self.number(0.1, 1))
        return ("+" if value > 0 else "\u2212") + self.number(abs(value), 1 if abs(value) < 9.95 else 0)

    def _percent(self, number: str) -> str:
        return f"{number}{self._marks['percent']}"

    def share(self, share: float) -> str:
        """Return a share in [0, 1] as people say it: ``about a third``, ``about 8 in 100``."""
        if share <= 0 or share >= 1:
            return self("say.none" if share <= 0 else "say.all")
        if share > 0.96:
            return self("say.nearly_all")
        name, fraction = min(FRACTIONS.items(), key=lambda item: abs(share / item[1] - 1))
        off = share / fraction - 1
        if abs(off) <= _ABOUT:
            return self("say.about", what=self(f"fractions.{name}"))
        if abs(off) <= _NEAR and share >= 0.095:
            return self("say.little_over" if off > 0 else "say.little_under", what=self(f"fractions.{name}"))
        if share < 0.0005:
            return self("say.under", number=self.number(1), of=self.number(1000))
        of = 1000 if share < 0.0095 else 100
        return self("say.in", number=self.number(share * of), of=self.number(of))

    def rate(self, rate: float) -> str:
        """Return a rate of ownership: ``1 in 5`` where it is one exactly, else per cent."""
        if rate > 0 and abs(1 / rate - round(1 / rate)) < 1e-9:
            return self("say.one_in", number=self.number(round(1 / rate)))
        return self("say.rate_percent", percent=self.percent(rate))

    def count(self, number: float) -> str:
        """Return a count to the whole; 1 to 4 become "fewer than 5", which could point at single homes."""
        if 0 < round(number) < SMALLEST_COUNT:
            return self("say.fewer", number=SMALLEST_COUNT)
        return self.number(round(number))

    def length(self, metres: float, units: Units) -> str:
        """Return a length [m] in the units of the reader."""
        value = metres * FEET_PER_METRE if units == "us" else metres
        number = self.number(value, 1 if value < 9.95 else 0)
        return f"{number}\u00a0{self('say.ft' if units == 'us' else 'say.m')}"

    def area(self, square_metres: float, units: Units) -> str:
        """Return an area [m2] in the units of the reader: acres, or hectares."""
        value = square_metres / SQUARE_METRES_PER_ACRE if units == "us" else square_metres / 1e4
        return (
            f"{self.number(value, 1 if value < 9.95 else 0)} {self('say.acres' if units == 'us' else 'say.hectares')}"
        )

    def range(self, low: str, high: str) -> str:
        """Return ``low to high``, or one of them where both are said alike."""
        return low if low == high else self("say.range", low=low, high=high)

    def with_range(self, share: str, low: str, high: str) -> str:
        """Return ``share (low to high)``, or the share alone where all three are said alike."""
        return share if share == low == high else self("say.with_range", share=share, range=self.range(low, high))

    def join(self, items: list[str]) -> str:
        """Return ``a, b and c``."""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self('say.and')} {items[-1]}"


@cache
def load_words(language: str) -> Words:
    """Return the strings of a language.

    Raises
    ------
    UnknownNameError
        For a language that there are no strings of.
    """
    known = get_args(Language)
    if language not in known:
        raise UnknownNameError("language", language, known, "Give one of them, as in --language es.")
    text = resources.files("doorview.show.briefing").joinpath(f"strings_{language}.toml").read_text(encoding="utf-8")
    return Words("es" if language == "es" else "en", tomllib.loads(text))
