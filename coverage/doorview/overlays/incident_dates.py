"""Dates as files write them: read where there is one reading, asked where there are two, refused by name else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError

__all__ = ["NOTHING", "Dates", "read_dates"]

NOTHING = frozenset({"", "na", "n/a", "nan", "nat", "none", "null", "unknown", "unk", "-", "#value!", "#n/a"})
"""Texts (small letters) by which files say nothing."""

_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?P<offset> ?(?:Z|[+-]\d{2}:?\d{2}))?)?"
_ISO = re.compile(r"(?P<y>\d{4})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})" + _TIME)
_COMPACT = re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})")
_NUMBERS = re.compile(r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4})" + _TIME)
_DAY_NAME = re.compile(r"(?P<d>\d{1,2})[ .-]+(?P<name>[A-Za-z]{3,9})\.?[ ,-]+(?P<y>\d{4})" + _TIME)
_NAME_DAY = re.compile(r"(?P<name>[A-Za-z]{3,9})\.? +(?P<d>\d{1,2}),? +(?P<y>\d{4})" + _TIME)
_SHORT_YEAR = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(?:[ T].*)?")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december",
        ),
        start=1,
    )
    for name in {names, names[:3], names[:4]}
}  # fmt: skip
_SHOWN = 3


@dataclass(frozen=True)
class Dates:
    """Days as datetime64[D] (rows,), NaT where there is none; counts by reason; notes in words."""

    days: NDArray[np.datetime64]
    counts: dict[str, int]
    notes: list[str]


def read_dates(values: pd.Series, *, where: str, formats: Sequence[str] = (), order: str | None = None) -> Dates:
    """Read a column of dates; times of day are dropped, a UTC offset is passed over: the day is as written.

    Parameters
    ----------
    values
        Text, or dates already.
    where
        File and column, for messages.
    formats
        Formats of `strptime`, tried in turn; without, the year first (ISO), ``20190526``, ``26 May 2019``, ``May 26,
        2019`` and numbers with the year last are read.
    order
        Of numbers with the year last: `day_first`, `month_first`, or None: as those above 12 show.

    Raises
    ------
    InputError
        For text that is no date or has a year of two digits, and for an order of day and month that cannot be told or
        contradicts itself or what is declared; each with its rows.

    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        plain = values.dt.tz_localize(None) if getattr(values.dt, "tz", None) is not None else values
        days = plain.to_numpy().astype("datetime64[D]")
        return Dates(days, _without(days, 0), [])
    texts = [_text(value) for value in values.tolist()]
    if formats:
        return _by_formats(texts, formats, where)
    return _Column(texts, where, order).read()


def _text(value: object) -> str:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = " ".join(str(value).split())
    return "" if text.lower() in NOTHING else text


def _without(days: NDArray[np.datetime64], impossible: int) -> dict[str, int]:
    counts = {
        "without a date": int(np.isnat(days).sum()) - impossible,
        "with a day that does not exist": impossible,
    }
    return {reason: count for reason, count in counts.items() if count}


def _rows(texts: Sequence[str], rows: Iterable[int]) -> str:
    rows = list(rows)
    shown = ", ".join(f"row {row + 1}: {texts[row][:40]!r}" for row in rows[:_SHOWN])
    return shown + (f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else "")


def _by_formats(texts: list[str], formats: Sequence[str], where: str) -> Dates:
    said = pd.Series(texts, dtype=object)
    found = np.full(len(texts), np.datetime64("NaT", "D"), dtype="datetime64[D]")
    counts: Counter[str] = Counter()
    twice: list[int] = []
    for form in formats:
        try:
            read = pd.to_datetime(said.where(said != ""), format=form, errors="coerce", utc="%z" in form)
        except ValueError as error:
            raise InputError(
                f"{where}: {form!r} is no format of dates ({error}). Give one of strptime's, e.g. '%m/%d/%Y'."
            ) from error
        days = read.dt.tz_localize(None).to_numpy().astype("datetime64[D]") if len(read) else found
        known = ~np.isnat(days)
        twice += np.flatnonzero(known & ~np.isnat(found) & (found != days)).tolist()
        counts[form] += int((known & np.isnat(found)).sum())
        found = np.where(np.isnat(found), days, found)
    if twice:
        raise InputError(
            f"{where}: {len(twice)} dates fit two of the formats {list(formats)} on different days "
            f"({_rows(texts, sorted(set(twice)))}), so it is not clear which is meant. Keep the one that holds, or "
            "mend the file."
        )
    unread = [row for row, text in enumerate(texts) if text and np.isnat(found[row])]
    if unread:
        raise InputError(
            f"{where}: {len(unread)} dates fit none of the formats {list(formats)} ({_rows(texts, unread)}). Add "
            "theirs to date_formats, or empty those cells."
        )
    several = [f"{count} as {form}" for form, count in counts.items() if count]
    return Dates(found, _without(found, 0), [f"dates in several formats: {', '.join(several)}"] * (len(several) > 1))


class _Column:
    """A column of dates as text, read by what tells its formats apart."""

    def __init__(self, texts: list[str], where: str, order: str | None) -> None:
        self.texts, self.where, self.order = texts, where, order
        self.days = np.full(len(texts), np.datetime64("NaT", "D"), dtype="datetime64[D]")
        self.impossible = 0
        self.offsets = 0
        self.formats: Counter[str] = Counter()
        self.numbers: dict[str, list[tuple[int, int, int, int]]] = {}
        self.orders: dict[str, str] = {}

    def read(self) -> Dates:
        unread = [row for row, text in enumerate(self.texts) if text and not self._one(row, text)]
        if unread:
            raise InputError(self._unread(unread))
        for separator, rows in self.numbers.items():
            self._with_order(separator, rows)
        notes = [f"dates of {words}" for words in self.orders.values()]
        if len(self.formats) > 1:
            several = ", ".join(f"{count} as {name}" for name, count in sorted(self.formats.items()))
            notes.insert(0, f"dates in several formats: {several}")
        if self.offsets:
            notes.append(f"{self.offsets} dates have a UTC offset: the day counts as written")
        return Dates(self.days, _without(self.days, self.impossible), notes)

    def _one(self, row: int, text: str) -> bool:
        """Read what can be read alone; keep numbers with the year last for later. Return whether it is a date."""
        for name, pattern in (("2019-05-26", _ISO), ("20190526", _COMPACT)):
            if got := pattern.fullmatch(text):
                self._put(row, int(got["y"]), int(got["m"]), int(got["d"]), name)
                self.offsets += bool(got.groupdict().get("offset"))
                return True
        for name, pattern in (("26 May 2019", _DAY_NAME), ("May 26, 2019", _NAME_DAY)):
            if got := pattern.fullmatch(text):
                month = _MONTHS.get(got["name"].lower())
                if month is None:
                    return False
                self._put(row, int(got["y"]), month, int(got["d"]), name)
                return True
        if got := _NUMBERS.fullmatch(text):
            self.numbers.setdefault(got["sep"], []).append((row, int(got["a"]), int(got["b"]), int(got["y"])))
            self.offsets += bool(got["offset"])
            return True
        return False

    def _put(self, row: int, year: int, month: int, day: int, name: str) -> None:
        self.formats[name] += 1
        try:
            self.days[row] = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "D")
        except ValueError:
            self.impossible += 1

    def _with_order(self, separator: str, rows: list[tuple[int, int, int, int]]) -> None:
        """Read numbers with the year last, once it is clear which is the day."""
        day_first = [row for row, a, b, _ in rows if a > 12 >= b]
        month_first = [row for row, a, b, _ in rows if b > 12 >= a]
        example = f"26{separator}05{separator}2019", f"05{separator}26{separator}2019"
        order = self.order
        wrong = {"day_first": month_first, "month_first": day_first}.get(order or "", [])
        if order and wrong:
            raise InputError(
                f"{self.where}: {len(wrong)} dates cannot be {order.replace('_', ' ')} ({_rows(self.texts, wrong)}), "
                f"as date_order says. Mend date_order, or those rows."
            )
        if not order and day_first and month_first:
            raise InputError(
                f"{self.where}: {len(day_first)} dates can only have the day first ({_rows(self.texts, day_first)}), "
                f"and {len(month_first)} only the month ({_rows(self.texts, month_first)}), so nobody can tell what "
                "the rest mean. Mend the file to one order, best 2019-05-26."
            )
        if not order and not day_first and not month_first:
            if any(a != b for _, a, b, _ in rows):
                unclear = [row for row, a, b, _ in rows if a != b]
                raise InputError(
                    f"{self.where}: no date shows whether the day or the month comes first "
                    f"({_rows(self.texts, unclear)}). Say which: date_order = 'day_first' or 'month_first'."
                )
            order = "day_first"  # 05/05/2019 is the same day either way
        elif not order:
            order = "day_first" if day_first else "month_first"
            shows = len(day_first or month_first)
            self.orders[separator] = (
                f"the form {example[order == 'month_first']}: {order.replace('_', ' ')}, as {shows} of {len(rows)} show"
            )
        name = example[order == "month_first"]
        for row, a, b, year in rows:
            month, day = (b, a) if order == "day_first" else (a, b)
            self._put(row, year, month, day, name)

    def _unread(self, rows: list[int]) -> str:
        texts = [self.texts[row] for row in rows]
        if any(_SHORT_YEAR.fullmatch(text) for text in texts):
            why = "a year of two digits tells no century and often no order: give date_formats = ['%m/%d/%y'], say"
        elif any(text.isdigit() and len(text) in (10, 13) for text in texts):
            why = "they look like seconds or milliseconds since 1970: write them as 2019-05-26"
        elif any(text.isdigit() and len(text) == 5 for text in texts):
            why = "they look like a spreadsheet's day numbers: format the column as a date and save again"
        else:
            why = "give their format, e.g. date_formats = ['%d %b %Y'], or empty those cells if they say nothing"
        return f"{self.where}: {len(rows)} dates cannot be read ({_rows(self.texts, rows)}); {why}."
