"""What a briefing holds: blocks of plain text, and for each number in them the file and the cell that it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from doorview.show.briefing.tables import Run
from doorview.show.briefing.words import Words
from doorview.show.text import Units, clean

__all__ = ["Block", "Book", "Content", "Figure", "Kind"]

Kind = Literal["share", "percent", "exact", "points", "rate", "count", "length", "area", "short"]
Block = dict[str, Any]
"""A ``kind`` (lead, para, note, list, table, image, heading) and its text; all text is plain, none is markup."""


@dataclass(frozen=True)
class Figure:
    """A number as the briefing says it, and where it stands.

    `key` names the row of the table by its columns, `column` the cell; of run.json, `column` is the dotted path.
    `kind` is how it was put into words.
    """

    said: str
    value: float
    kind: Kind
    file: str
    column: str
    key: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """A briefing: plain data that both the page and the PDF are made from.

    `sections` hold ``title``, ``blocks`` and ``new_page``; `figures` every number with its place in the tables;
    `quoted` text that is the study's own or a source's, as it is printed; `images` the pictures by name.
    """

    title: str
    subtitle: list[str]
    language: str
    footer: str
    sections: list[dict[str, Any]]
    figures: list[Figure]
    quoted: list[str]
    images: dict[str, Path]
    logo: Path | None
    logo_alt: str
    letter: bool


@dataclass
class Book:
    """Puts numbers and names of a run into words, and keeps what was said."""

    run: Run
    words: Words
    units: Units
    figures: list[Figure] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    images: dict[str, Path] = field(default_factory=dict)

    def say(self, kind: Kind, file: str, column: str, /, **key: str) -> str | None:
        """Return a number of a table in words, or None where the table has none."""
        value = self.run.value(file, column, **key)
        return None if value is None else self._record(kind, value, file, column, key)

    def fact(self, kind: Kind, path: str) -> str | None:
        """Return a number of run.json in words, or None where it has none."""
        value = self.run.fact(path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return self._record(kind, float(value), "run.json", path, {})

    def _record(self, kind: Kind, value: float, file: str, column: str, key: Mapping[str, str]) -> str:
        w = self.words
        if kind == "length":
            said = w.length(value, self.units)
        elif kind == "area":
            said = w.area(value, self.units)
        else:
            said = str(getattr(w, kind)(value))
        self.figures.append(Figure(said, value, kind, file, column, dict(key)))
        return said

    def quote(self, text: object, limit: int = 160) -> str:
        """Return text from data or from the study, cleaned for one line."""
        said = clean(text, limit)
        if said and said not in self.quoted:
            self.quoted.append(said)
        return said

    def image(self, name: str, alt: str, caption: str) -> Block | None:
        """Return a picture of the run's maps, or None where it drew none of that name."""
        path = self.run.picture(name)
        if path is None:
            return None
        self.images[name] = path
        return {"kind": "image", "file": name, "alt": alt, "caption": caption}
