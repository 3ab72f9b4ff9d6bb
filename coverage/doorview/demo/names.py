"""Invented names. Any likeness to a real street is chance; some carry marks that careless pages would trip over."""

from __future__ import annotations

__all__ = ["ATTRIBUTION", "DISTRICTS", "FICTIONAL", "TOWN", "Names"]

TOWN = "Doorview Falls"
FICTIONAL = "Doorview Falls (fictional)"
ATTRIBUTION = "Fictional demo town, made by doorview's own generator; no real place, person or event"

DISTRICTS = {
    "grid": "Orchard Grid",
    "centre": "Old Centre",
    "terraces": "Weaver Rows",
    "park": "Lantern Park",
    "closes": "Thistle Closes",
    "creek": "Otter Creek",
}

_STREETS: dict[str, tuple[str, ...]] = {
    "grid": ("Applewhistle Street", "Pearbell Street", "Quincemark Street", "Cherrygate Avenue", "Plumstone Avenue"),
    "centre": ("Main Street", "O'Hara & <Sons> Lane", "Bellwether Street", "Čepelka Street", "Lampwright Street"),
    "terraces": ("Loomwright Street", "Shuttlecock Row", "Bobbin & Thread Row", "Ñandú Street"),
    "park": ("Lanternfold Street", "Élan Parkway"),
    "closes": (
        "Thistledown Way",
        "Burrhead Close",
        "Finchwick Close",
        '"Quoted" Close',
        "Bröttle Close",
        "Żabka Close",
    ),
    "creek": ("Millwheel Road", "Otterholt Crescent", "Heronwade Crescent"),
}

_ACROSS = ("Southacre Avenue", "Centennial Parkway", "Northacre Avenue")
_UP = ("Westacre Street", "Foundry Street", "Granary Street", "Eastacre Street")


class Names:
    """The names of one quarter's streets; quarters beyond the first six carry the number of their ward.

    Parameters
    ----------
    kind
        Kind of quarter, a key of `DISTRICTS`.
    ward
        0 for the first of its kind, else the ward's number.
    """

    def __init__(self, kind: str, ward: int) -> None:
        self._ward = ward
        self.district = self._own(DISTRICTS[kind])
        self.streets = tuple(self._own(name) for name in _STREETS[kind])

    def _own(self, name: str) -> str:
        return name if self._ward == 0 else f"{name} (Ward {self._ward + 1})"

    @staticmethod
    def across(row: int) -> str:
        """Return the name of the border street that runs from left to right below row `row` of quarters."""
        return _ACROSS[row] if row < len(_ACROSS) else f"{_ordinal(row)} Parkway"

    @staticmethod
    def up(column: int) -> str:
        """Return the name of the border street that runs upward left of column `column` of quarters."""
        return _UP[column] if column < len(_UP) else f"{_ordinal(column)} Street"


def _ordinal(number: int) -> str:
    teens = number % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
