"""What all pictures of reported thefts share: what they say of themselves, colours, head and foot."""

from __future__ import annotations

import re
from dataclasses import dataclass

from doorview.errors import InputError
from doorview.overlays.publish import SMALLEST_COUNT
from doorview.show.drawing import Sheet
from doorview.show.maps import FOOT, MARGIN
from doorview.show.style import THEFT_COLOURS, spread_colours
from doorview.show.text import CAVEAT, Caption, clean

__all__ = [
    "ASSOCIATION",
    "HATCH",
    "InView",
    "TheftNote",
    "check_months",
    "class_colours",
    "draw_theft_foot",
    "draw_theft_head",
    "theft_lead",
]

HATCH = "//////"
ASSOCIATION = "Association, not cause: cameras raise reports and reports raise hot spots."
"""Beside every figure that sets coverage and thefts side by side."""

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_DAY = re.compile(r"\d{4}\W?\d{2}\W?\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


@dataclass(frozen=True)
class TheftNote:
    """What a picture of reported thefts says of its incidents.

    Attributes
    ----------
    source
        Who gave the incidents, with licence and date of the data; untrusted.
    first, last
        First and last month of the window (``2024-01``).
    incidents
        How many reported thefts the picture rests on; None where each window states its own.
    counted
        What the file counts as a theft, in words; untrusted; may be empty.
    blocks
        Places are known to the block only.

    Raises
    ------
    InputError
        For a date finer than a month, months out of order, and fewer than 5 incidents.
    """

    source: str
    first: str
    last: str
    incidents: int | None = None
    counted: str = ""
    blocks: bool = False

    def __post_init__(self) -> None:
        """Refuse what is not fit to publish."""
        if not (_MONTH.fullmatch(self.first) and _MONTH.fullmatch(self.last) and self.first <= self.last):
            raise InputError(
                f"the window is '{clean(self.first, 20)}' to '{clean(self.last, 20)}': pictures of thefts go by whole "
                "months, the earlier first, so that no date points at one report. Give first='2024-01', last='2024-12'."
            )
        if self.incidents is not None and self.incidents < SMALLEST_COUNT:
            raise InputError(
                f"a picture of fewer than {SMALLEST_COUNT} reported thefts points at homes and shows no pattern. "
                "Take a longer window, or draw none."
            )

    @property
    def words(self) -> str:
        """How many and when: ``300 reported thefts, 2024-01 to 2025-12``."""
        when = self.first if self.first == self.last else f"{self.first} to {self.last}"
        number = "Reported thefts" if self.incidents is None else f"{self.incidents:,} reported thefts"
        return f"{number}, {when}"


@dataclass(frozen=True)
class InView:
    """Coverage beside hot spots: share of public ground in view by class; the level and scenario are the map's.

    `shares`: class (and ``none`` for the rest of the counted area) -> share in [0, 1].
    """

    shares: dict[str, float]


def check_months(text: str) -> str:
    """Return a window's name, cleaned; refuse one that holds a day."""
    if _DAY.search(text):
        raise InputError(
            f"the window '{clean(text, 60)}' holds a day: nothing finer than a month is published. Name it as "
            "'60 days to 2019-05' (Window.published)."
        )
    return clean(text, 40)


def class_colours(number: int) -> tuple[str, ...]:
    """Return the colours of so many classes, the last always the darkest."""
    return spread_colours(THEFT_COLOURS, number)


def draw_theft_head(
    sheet: Sheet, caption: Caption, question: str, below: str, *, part: bool = False
) -> tuple[str, float]:
    """Write what is asked and what is drawn; return the title and where the head ends [inches]."""
    title, label = caption.heading(question, part=part)
    width = sheet.width - 2 * MARGIN
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(MARGIN, sheet.height - (0.22 if label else 0.3), title, width, size=size, bold=True)
    if label:
        y = sheet.write(MARGIN, y - 0.02, label, width, size=9.5)
    return title, sheet.write(MARGIN, y - 0.03, below, width, size=9.5)


def theft_lead(caption: Caption) -> str:
    """Return what a picture of thefts shows, and what it does not."""
    lead = "Reported thefts: what was reported, not all that was taken. No single report is shown."
    return f"{lead} Thefts and town are made up." if caption.fictional else lead


def draw_theft_foot(sheet: Sheet, caption: Caption, note: TheftNote, *, beside: bool) -> float:
    """Write what no picture of thefts goes without at the page's foot; `beside`: coverage is shown too."""
    width = sheet.width - 2 * MARGIN
    y = sheet.write(MARGIN, FOOT - 0.07, f"{theft_lead(caption)} Made with doorview.", width, size=8.5, bold=True)
    why = (
        f"{ASSOCIATION} {caption.simulated} {CAVEAT}" if beside else "Where reports are many; not why, and not by whom."
    )
    y = sheet.write(MARGIN, y, why, width, size=7.5)
    told = [f"Thefts: {clean(note.source, 120) or 'source not stated'}."]
    if note.counted:
        told.append(f"Counted: {clean(note.counted, 100).rstrip('.')}.")
    if note.blocks:
        told.append("Place known to the block.")
    return sheet.write(MARGIN, y, f"{' '.join(told)} Map: {caption.source_line}.", width, size=7)
