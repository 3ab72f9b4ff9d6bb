"""A finished run's folder as plain tables: what the briefing says stands in these files, and nowhere else."""

from __future__ import annotations

import csv
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doorview.errors import InputError, MissingFileError
from doorview.show.columns import data_dictionary
from doorview.show.finished import CHECKSUMS, check_tables, read_facts

__all__ = ["Run", "as_number", "read_run"]

TABLES = (
    "shares.csv", "curve.csv", "change.csv", "drivers.csv", "stages.csv", "hotspots.csv", "incidents_in_view.csv",
    "partnership.csv", "densities.csv", "private_ground.csv",
    "fairness.csv", "fairness_change.csv", "fairness_by_people.csv",
    "routes.csv", "routes_homes.csv",
    "fairness_attributes.csv",
)  # fmt: skip
_ROUNDING = 1e-9
Row = dict[str, str]


@dataclass(frozen=True)
class Run:
    """What a run's folder holds: `facts` of run.json, and rows of tables by name of file; absent files have none."""

    folder: Path
    facts: dict[str, Any]
    tables: dict[str, list[Row]]
    zone_names: dict[tuple[str, str], str] = field(default_factory=dict)
    _index: dict[tuple[str, ...], dict[tuple[str | None, ...], list[Row]]] = field(default_factory=dict, repr=False)

    def rows(self, file: str, **key: str) -> list[Row]:
        """Return the rows of a table in which each column of `key` has its value."""
        return list(self._rows(file, key))

    def _rows(self, file: str, key: dict[str, str]) -> list[Row]:
        """Return the rows of a key, from an index by its columns: a briefing asks a large table some hundred times."""
        columns = tuple(sorted(key))
        index = self._index.get((file, *columns))
        if index is None:
            index = self._index[file, *columns] = {}
            for row in self.tables.get(file, []):
                index.setdefault(tuple(row.get(column) for column in columns), []).append(row)
        return index.get(tuple(key[column] for column in columns), [])

    def value(self, file: str, column: str, **key: str) -> float | None:
        """Return one number of a table, or None where there is no such row or its cell is empty."""
        found = self._rows(file, key)
        return as_number(found[0].get(column)) if found else None

    def fact(self, path: str) -> Any:
        """Return a fact of run.json by its dotted path, or None."""
        found: Any = self.facts
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def picture(self, name: str) -> Path | None:
        """Return the path of a picture in ``maps/``, or None where the run drew none."""
        path = self.folder / "maps" / name
        # A scenario's name stands in it, and a hostile run.json may make a way to elsewhere of that.
        return path if path.name == name and path.is_file() else None


def as_number(text: str | None) -> float | None:
    """Return a cell as a finite number; None for what is none, as "fewer than 5" and an empty cell."""
    try:
        value = float(text or "")
    except ValueError:  # words stand where a number would say too much
        return None
    return value if math.isfinite(value) else None


def read_run(folder: Path) -> Run:
    """Read a finished run's folder.

    Raises
    ------
    MissingFileError
        If there is no such folder, or only an unfinished run.
    InputError
        If it holds no doorview run, one of another version, or tables that cannot be read.
    """
    if not (folder / "run.json").is_file():
        if folder.with_name(folder.name + ".partial").is_dir() or folder.name.endswith(".partial"):
            raise MissingFileError(
                f"the run '{folder}' is not finished: give the command that began it again, which resumes it, then "
                "ask for the briefing"
            )
        raise MissingFileError(
            f"'{folder}' holds no finished run (no run.json). Make one first ('doorview run STUDY', or 'make maps' for "
            "the demo town), and give its folder"
        )
    facts = read_facts(folder, "the briefing")
    there = [name for name in TABLES if (folder / name).is_file()]
    check_tables(folder, facts, dict.fromkeys([*there, *_tables_of(facts)]))
    tables = {name: _table(folder / name) for name in there}
    if not tables.get("shares.csv"):
        raise InputError(f"the run '{folder}' has no shares in shares.csv: make it anew with 'doorview run STUDY'")
    return Run(folder, facts, tables, _zone_names(folder))


def _tables_of(facts: dict[str, Any]) -> list[str]:
    """Return the tables that the run wrote and a briefing reads, where it says so."""
    sums = facts.get(CHECKSUMS)
    return [name for name in TABLES if name in sums] if isinstance(sums, dict) else []


def _table(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = _checked(path, csv.DictReader(stream))
            # The curve of each zone and rate is the largest table by far, and a briefing tells of the whole alone; nor
            # does it tell of single blocks.
            if path.name == "curve.csv":
                return [row for row in rows if row.get("zoning") == "all"]
            return [row for row in rows if path.name != "fairness.csv" or row.get("zoning") != "block_faces"]
    except InputError:
        raise
    except (OSError, ValueError, csv.Error) as fault:
        raise InputError(f"'{path}' cannot be read as a table ({fault}): make the run anew") from fault


def _checked(path: Path, rows: csv.DictReader[str]) -> Iterator[Row]:
    """Yield the rows of a table; refuse one of another length than its head, or whose share is none."""
    known = data_dictionary().get(path.name)
    shares = [] if known is None else [column.name for column in known.columns if column.unit == "share"]
    for row in rows:
        where = f"'{path}', line {rows.line_num}"
        if None in row or None in row.values():
            raise InputError(f"{where}: not as many cells as the first line names columns. Make the run anew")
        for name in shares:
            value = as_number(row.get(name))
            if value is not None and not -_ROUNDING <= value <= 1 + _ROUNDING:
                raise InputError(f"{where}: {name} is {value:g}, and a share lies between 0 and 1. Make the run anew")
        yield row


def _zone_names(folder: Path) -> dict[tuple[str, str], str]:
    """Return the names of zones by zoning and id, from the layers of the run; none where zones have no names."""
    names: dict[tuple[str, str], str] = {}
    for path in (folder / "city.gpkg", folder / "own.gpkg"):
        if not path.is_file():
            continue
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
                # Not a view: what that holds is computed when it is read, maybe without end.
                plain = base.execute("select 1 from sqlite_master where name = 'zones' and type = 'table'").fetchone()
                columns = {row[1] for row in base.execute("pragma table_info(zones)")} if plain else set()
                if {"zoning", "zone", "name"} <= columns:
                    rows = base.execute("select zoning, zone, name from zones where name is not null")
                    names.update({(str(zoning), str(zone)): str(name) for zoning, zone, name in rows})
        except sqlite3.Error as fault:
            raise InputError(f"'{path}' cannot be read ({fault}): make the run anew") from fault
    return names
