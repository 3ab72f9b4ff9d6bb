"""Words and numbers as people read them, and text from data made safe to draw.

Names of streets, zones and places are untrusted: they may hold control characters, marks that turn the reading
direction, markup, or run on for pages. `clean` deals with what is wrong everywhere; `doorview.show.drawing` draws
every text with the mathematical markup of matplotlib switched off, so that ``$`` stays a dollar sign.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = [
    "CAVEAT",
    "FEET_PER_METRE",
    "OSM_ATTRIBUTION",
    "PLAIN_NAMES",
    "SMALLEST_COUNT",
    "Caption",
    "LevelLike",
    "LevelNote",
    "Units",
    "clean",
    "count",
    "distance",
    "join",
    "level_phrase",
    "percent",
    "place_words",
]

Units = Literal["metric", "us"]

FEET_PER_METRE = 1 / 0.3048
OSM_ATTRIBUTION = "© OpenStreetMap contributors"
CAVEAT = "In view is not recorded, recorded is not kept, kept is not shared. Nothing here shows that theft falls."
"""What no picture goes without either."""
SMALLEST_COUNT = 5
"""Counts from 1 up to one less than this could point at single homes and are never shown."""

PLAIN_NAMES: dict[str, str] = {
    "trigger": "the motion sensor starts a recording",
    "detect": "someone is there",
    "observe": "what they wear",
    "recognise": "someone you already know",
    "identify": "a stranger",
}

_SPACES: dict[str, str] = {
    "all": "public ground",
    "streets": "streets",
    "centreline": "street length",
    "sidewalk_line": "sidewalk length",
}


class LevelLike(Protocol):
    """What showing needs to know of a level."""

    @property
    def name(self) -> str:
        """Name, as in tables."""

    @property
    def plain(self) -> str:
        """What it means, in plain words."""

    @property
    def range_m(self) -> float:
        """Farthest distance at which it counts [m]."""


@dataclass(frozen=True)
class LevelNote:
    """Name, plain name and range [m] of a level."""

    name: str
    plain: str
    range_m: float


@dataclass(frozen=True)
class Caption:
    """What every picture says about itself, whatever it draws.

    Attributes
    ----------
    place
        Short name of the place, for titles; untrusted. Underscores, as in names of files, are shown as spaces.
    camera
        Label of the camera model.
    data_date
        Date of the street data (ISO), or None: "date unknown".
    fictional
        The place does not exist, and the picture says so.
    unconfirmed
        Values of the camera that no maker confirms, in words ("field of view", "trigger range").
    units
        ``metric`` or ``us``: what lengths are printed in.
    attribution
        Who made the data.
    label
        What else the study says about itself: a line of its own under each title; untrusted.
    known
        The picture shows known cameras, not simulated ones.
    mixed
        `camera` is a mix of models, and ranges are those of the model that sees farthest.
    obstacles
        What hides, as a sentence: "Obstacles: buildings only."
    reading
        How a disputed field of view is read, as a sentence; empty where none is disputed.
    ground
        What terrain views are cut by, as ``on the heights of FILE``; empty on flat ground.
    svg
        Each PNG is written as SVG too, beside it.
    """

    place: str
    camera: str
    data_date: str | None = None
    fictional: bool = False
    unconfirmed: tuple[str, ...] = ()
    units: Units = "metric"
    attribution: str = OSM_ATTRIBUTION
    label: str = ""
    known: bool = False
    mixed: bool = False
    obstacles: str = ""
    reading: str = ""
    ground: str = ""
    svg: bool = False

    @property
    def place_name(self) -> str:
        """Place, cleaned and cut to 60 characters, marked where it is fictional and the label does not say so."""
        name = clean(self.place.replace("_", " "), 60) or "a place without a name"
        said = "fictional" in f"{name} {self.label_line}".lower()
        return f"{name} (a fictional town)" if self.fictional and not said else name

    @property
    def label_line(self) -> str:
        """The study's label, cleaned and cut to 100 characters; may be empty."""
        return clean(self.label, 100)

    def heading(self, question: str, *, part: bool = False) -> tuple[str, str]:
        """Return title and the line below it, which may be empty; `part` if only a part of the place is shown.

        A fictional place goes by its label, which introduces it better than the name of its study.
        """
        of = "Part of " if part else ""
        if self.fictional and self.label_line and "fictional" in self.label_line.lower():
            return question, of + self.label_line
        return f"{question} {of}{self.place_name}", self.label_line

    @property
    def simulated(self) -> str:
        """The sentence that no picture goes without."""
        if self.known:
            return "Cameras as they are mapped; what they see is computed with an assumed lens, not measured."
        return "Simulated cameras, not real ones."

    @property
    def source_line(self) -> str:
        """Attribution, licence and date of the data; a fictional town says that it is one."""
        date = f"data of {clean(self.data_date, 20)}" if self.data_date else "data of unknown date"
        line = f"{clean(self.attribution, 120)} ({date})"
        if not self.fictional:
            return line
        return (
            f"No such place exists. {line}"
            if "fictional" in line.lower()
            else f"A fictional town: no such place exists. {line}"
        )

    @property
    def camera_line(self) -> str:
        """Camera model or mix, the terrain it stands on, and which of its values nobody has confirmed."""
        ground = clean(self.ground, 160)
        what, name = "Lens assumed" if self.known else "Camera", clean(self.camera, 60)
        if self.mixed and not self.known:
            what, name = "Cameras, drawn door by door", clean(self.camera, 280)
            name += "; ranges: of the model that sees farthest"
        line = f"{what}: {name}{', ' + ground if ground else ''}."
        if self.unconfirmed:
            line += f" Not confirmed by the maker: {_by_reason(self.unconfirmed)}."
        return f"{line} {clean(self.reading, 200)}".rstrip()

    @property
    def obstacles_line(self) -> str:
        """What hides, cleaned and cut to 300 characters; may be empty."""
        return clean(self.obstacles, 300)


_REASONS = {"secondary source only": "third-party texts only"}


def _by_reason(items: Sequence[str]) -> str:
    """Return ``a and b (reason); c (other reason)`` for items that each end in their reason in brackets, or in none."""
    groups: dict[str, list[str]] = {}
    for item in items:
        name, bracket, reason = clean(item, 120).removesuffix(")").partition(" (")
        groups.setdefault(_REASONS.get(reason, reason) if bracket else "", []).append(name)
    return "; ".join(join(names) + (f" ({reason})" if reason else "") for reason, names in groups.items())


def clean(text: object, limit: int = 80) -> str:
    """Return untrusted text fit for one line: no control or direction marks, single spaces, at most `limit` characters.

    Text that is too long ends in an ellipsis. None and NaN become the empty string. Markup is left as it is: escaping
    belongs to where the text goes.
    """
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return ""
    raw = str(text)[: 20 * limit]
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", raw):
        category = unicodedata.category(char)
        if category in ("Cc", "Zl", "Zp", "Zs"):
            kept.append(" ")
            continue
        if category in ("Cf", "Cs", "Co", "Cn"):  # direction marks, zero width characters, half pairs, no character
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= 2:  # more accents on one letter than any language writes would cover the lines above
            kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def percent(share: float) -> str:
    """Return a share in [0, 1] as per cent with two figures; never a bare 0 or 100 that is not exactly that."""
    if math.isnan(share):
        return "no figure"
    if share in (0, 1):
        return "0%" if share == 0 else "100%"
    value = 100 * share
    if value < 0.1:
        return "under 0.1%"
    if value > 99:
        return "over 99%"
    if value >= 9.95:
        return f"{value:.0f}%"
    return f"{value:.1f}%"


def count(number: int) -> str:
    """Return a count with thousands separated; 1 to 4 become "fewer than 5", which could point at single homes."""
    if 0 < number < SMALLEST_COUNT:
        return f"fewer than {SMALLEST_COUNT}"
    return f"{number:,}"


def distance(metres: float, units: Units) -> str:
    """Return a length [m] in the units of the reader, to two figures below ten and whole ones above."""
    value, unit = (metres * FEET_PER_METRE, "ft") if units == "us" else (metres, "m")
    number = f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
    return f"{number}\u00a0{unit}"  # a number and its unit stay on one line


def place_words(space: str, units: Units, near_m: float = 50.0) -> str:
    """Return a key of the column ``space`` in words: ``streets within 50 m of a home``."""
    name = space.removesuffix("_near_homes")
    words = _SPACES.get(name, clean(name, 40).replace("_", " "))
    return f"{words} within {distance(near_m, units)} of a home" if name != space else words


def level_phrase(level: LevelLike, units: Units) -> str:
    """Return a level in plain words: ``detect: someone is there, up to 28 m``."""
    plain = clean(level.plain, 60) or PLAIN_NAMES.get(level.name, "")
    words = f"{clean(level.name, 30)}: {plain}" if plain else clean(level.name, 30)
    return f"{words}, up to {distance(level.range_m, units)}"


def join(items: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
