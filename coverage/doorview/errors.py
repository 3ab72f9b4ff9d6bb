"""Errors that a user can cause, each with a builtin parent so that ordinary ``except`` clauses work.

A message says what is wrong, where, why it matters, and the call that mends it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DoorviewError",
    "EmptyCityError",
    "InputError",
    "MissingFileError",
    "NetworkError",
    "OutputError",
    "StudyError",
    "UnknownNameError",
    "nearest_name",
]


_MOST_FAULTS = 50
"""Faults that a message lists: a file of another kind may hold thousands."""


class DoorviewError(Exception):
    """Parent of every error that bad input can cause; the command line prints it and exits 1."""


class InputError(DoorviewError, ValueError):
    """A file, layer, table or argument that cannot be used as it is."""


class MissingFileError(DoorviewError, FileNotFoundError):
    """A file or folder that is not there."""

    def __str__(self) -> str:
        """Return the message alone: `OSError` would print an errno."""
        return str(self.args[0]) if self.args else ""


class EmptyCityError(InputError):
    """An input that reads well but holds no buildings, no streets or no homes."""


class NetworkError(DoorviewError, ConnectionError):
    """A service that cannot be reached, is overloaded, or answers something else than it should."""

    def __str__(self) -> str:
        """Return the message alone: `OSError` would print an errno."""
        return str(self.args[0]) if self.args else ""


class OutputError(DoorviewError, OSError):
    """An output folder that cannot be written or is not one of ours."""

    def __str__(self) -> str:
        """Return the message alone: `OSError` would print an errno."""
        return str(self.args[0]) if self.args else ""


class StudyError(InputError):
    """A study file with faults; all of them are listed at once in `faults`."""

    def __init__(self, where: str, faults: Iterable[str]) -> None:
        self.where = where
        self.faults = list(faults)
        count = len(self.faults)
        head = f"{where}: {count} fault{'s' if count != 1 else ''} found. Mend and run again:"
        rest = count - _MOST_FAULTS
        more = [f"  ... and {rest} more, which are told once these are mended"] if rest > 0 else []
        super().__init__("\n".join([head, *(f"  - {fault}" for fault in self.faults[:_MOST_FAULTS]), *more]))


class UnknownNameError(InputError, KeyError):
    """A name that does not exist, with the nearest one that does."""

    def __init__(self, what: str, name: str, known: Iterable[str], mend: str = "") -> None:
        known = sorted(known)
        near = nearest_name(name, known)
        hint = f" Did you mean '{near}'?" if near else ""
        listed = ", ".join(known) if len(known) <= 20 else ", ".join(known[:20]) + ", ..."
        self.name = name
        self.near = near
        super().__init__(f"unknown {what} '{name}'.{hint} Known: {listed}.{' ' + mend if mend else ''}")

    def __str__(self) -> str:
        """Return the message alone: `KeyError` would print its repr."""
        return str(self.args[0])


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that is spelled most like `name`, or None if none is near."""
    lowered = {item.lower(): item for item in known}
    found = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    return lowered[found[0]] if found else None
