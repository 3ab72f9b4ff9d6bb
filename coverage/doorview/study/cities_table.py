"""The table of ``doorview cities``: a row per city, every fault of every row told at once, before any work.

Names come from a table that anyone may have written: they never lead out of the output folder.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from doorview.errors import DoorviewError, MissingFileError, StudyError, nearest_name
from doorview.show.text import clean
from doorview.study.fields import NAMED_LAYER
from doorview.study.schema import Study, load_study, study_from_arguments
from doorview.study.sections import folder_of

__all__ = ["COLUMNS", "Choices", "CityRow", "read_cities", "study_of"]

COLUMNS = ("name", "extract", "place", "study", "boundary", "zones", "country", "crs", "label")
"""Columns that a table may have; `name`, and one of the three after it, each row must fill."""
_WHERE = ("extract", "place", "study")
_WITH_MAP = ("boundary", "zones", "country", "crs", "label")
_TAKEN = {"maps", "working", "cities"}
"""Folders that the comparison itself writes."""
_BESIDE = (".partial", ".replaced")
"""Endings of the folders in which a run is made."""
_LARGEST_BYTES = 16 << 20
_LONGEST_NAME = 80


@dataclass(frozen=True)
class CityRow:
    """One city of a table: the row's number in the file (the header is 1), its name, folder, and what it says.

    Files in `values` are absolute paths as text.
    """

    number: int
    name: str
    folder: str
    values: dict[str, str]


@dataclass(frozen=True)
class Choices:
    """What holds for every city without a study of its own; as the options of ``doorview estimate``.

    `without_maps`: no rasters, maps and QGIS project, in cities with a study too.
    """

    camera: str | None = None
    levels: tuple[str, ...] | None = None
    rates: tuple[float, ...] | None = None
    obstacles: str | None = None
    near_m: float | None = None
    cell_m: float | None = None
    known: bool = False
    units: str | None = None
    without_maps: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the choices as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Choices:
        """Return the choices that `as_dict` gave."""
        lists = {name: None if raw[name] is None else tuple(raw[name]) for name in ("levels", "rates")}
        return cls(**{**raw, **lists})

    def given(self) -> list[str]:
        """Return the names of what a study would say itself and is given here."""
        own = (item.name for item in fields(self) if item.name not in ("without_maps", "units"))
        return [name for name in own if getattr(self, name) not in (None, False)]


def study_of(row: CityRow, choices: Choices) -> Study:
    """Return the study of a row.

    Raises
    ------
    DoorviewError
        For what the row or the choices say wrongly.

    """
    values = row.values
    if "study" in values:
        study = load_study(values["study"])
    else:
        study = study_from_arguments(
            Path(values["extract"]) if "extract" in values else values["place"],
            name=row.name,
            camera=choices.camera,
            levels=choices.levels,
            rates=choices.rates,
            obstacles=choices.obstacles,
            near_m=choices.near_m,
            boundary=values.get("boundary"),
            zones=[zone for zone in values.get("zones", "").split(";") if zone],
            cell_m=choices.cell_m,
            country=values.get("country"),
            crs=values.get("crs"),
            units=choices.units,
            known=choices.known,
        )
        if "label" in values:
            study = study.model_copy(
                update={"study": study.study.model_copy(update={"label": clean(values["label"], 100)})}
            )
    if not choices.without_maps:
        return study
    nothing = dict.fromkeys(("rasters", "maps", "svg", "qgis", "viewsheds", "briefing", "explorer"), False)
    return study.model_copy(update={"output": study.output.model_copy(update=nothing)})


def read_cities(table: str | Path, choices: Choices) -> list[tuple[CityRow, Study]]:
    """Return the rows of a table of cities, each with its study.

    Parameters
    ----------
    table
        CSV in UTF-8 with a header; commas, semicolons or tabs between columns. Paths count from its folder.
    choices
        What holds for every city without a study of its own.

    Raises
    ------
    MissingFileError
        There is no such table.
    StudyError
        With the faults of all rows.

    """
    path = Path(table)
    lines = _lines(path)
    names, faults = _header(lines[0][1]) if lines else ([], ["empty; the first row names the columns: name, ..."])
    if faults:
        raise StudyError(str(path), faults)
    found: list[tuple[CityRow, Study]] = []
    taken: dict[str, CityRow] = {}
    for number, cells in lines[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        row, wrong = _row(number, names, cells, path.absolute().parent, choices)
        who = f"row {number}{f' ({row.name})' if row.name else ''}"
        earlier = taken.setdefault(unicodedata.normalize("NFKC", row.folder).casefold(), row)
        if row.folder and earlier is not row:
            wrong.append(
                f"name: '{row.name}' and '{earlier.name}' of row {earlier.number} would share the folder "
                f"'{row.folder}'; give one of them another name"
            )
        if not wrong:
            try:
                found.append((row, study_of(row, choices)))
            except StudyError as fault:
                wrong += fault.faults
            except DoorviewError as fault:
                wrong.append(str(fault))
        faults += [f"{who}: {fault}" for fault in wrong]
    if not faults and not found:
        faults.append("no city; add a row for each below the names of the columns")
    if faults:
        raise StudyError(str(path), faults)
    return found


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV file with the numbers of the lines on which they begin."""
    if path.is_dir():
        raise StudyError(str(path), ["is a folder; give the CSV file with the cities"])
    if path.exists() and not path.is_file():  # a pipe that nobody writes to would be waited for
        raise StudyError(str(path), ["is no file; give the CSV file with the cities"])
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise StudyError(str(path), ["larger than 16 MB: this is no table of cities; give a row for each city"])
        raw = path.read_bytes()
    except FileNotFoundError as fault:
        raise MissingFileError(
            f"no table of cities '{path}'. Write a CSV file with the columns name and extract, a row for each city"
        ) from fault
    except OSError as fault:
        raise StudyError(str(path), [f"cannot be read ({fault.strerror}); check that you may read it"]) from fault
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise StudyError(str(path), [f"byte {fault.start} is not UTF-8; save the table as CSV UTF-8"]) from fault
    if "\0" in text:
        raise StudyError(str(path), [f"byte {text.index(chr(0))} is NUL; this is no text: save the table as CSV UTF-8"])
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    found: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for cells in reader:
            found.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as fault:
        raise StudyError(str(path), [f"row {begins}: no CSV ({fault}); check its quotes"]) from fault
    return found


def _header(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names of the columns and the faults in them."""
    names = [cell.strip().lower() for cell in cells]
    faults = []
    for name in dict.fromkeys(names):
        if not name:
            faults.append("a column has no name; name it, or take it out")
        elif name not in COLUMNS:
            near = nearest_name(name, COLUMNS)
            hint = f" Did you mean '{near}'?" if near else ""
            faults.append(f"unknown column '{clean(name, 40)}'.{hint} Known: {', '.join(COLUMNS)}")
        elif names.count(name) > 1:
            faults.append(f"column '{name}' is there {names.count(name)} times; keep one")
    if "name" not in names:
        faults.append("column 'name' is missing; it names each city and its folder")
    if not set(_WHERE) & set(names):
        faults.append("says nowhere; add a column 'extract' (OSM files), 'place' (names) or 'study' (study files)")
    return names, faults


def _row(
    number: int, names: Sequence[str], cells: Sequence[str], folder: Path, choices: Choices
) -> tuple[CityRow, list[str]]:
    """Return a row and the faults that it shows without opening any file."""
    faults = []
    if len(cells) != len(names):
        faults.append(f"{len(cells)} cells where the header has {len(names)}; text with a comma needs quotes around it")
    raw = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
    name = unicodedata.normalize("NFC", raw.pop("name", ""))
    faults += _name_faults(name)
    given = [key for key in _WHERE if key in raw]
    if not given:
        faults.append("says nowhere; fill one of extract, place and study")
    if len(given) > 1:
        faults.append(f"{' and '.join(given)} contradict each other; fill one of them")
    if "study" in given:
        faults += [f"{key}: the study file says it itself; leave it empty here" for key in _WITH_MAP if key in raw]
        if choices.given():
            faults.append(
                f"study: says itself what was given for all cities too ({', '.join(choices.given())}); leave that out, "
                "or give this city an extract instead"
            )
    for key in ("extract", "study", "boundary"):
        if key in raw:
            raw[key], wrong = _path(raw[key], folder, key)
            faults += wrong
    if "zones" in raw:
        parts = [_path(part.strip(), folder, "zones") for part in raw["zones"].split(";") if part.strip()]
        raw["zones"] = ";".join(part for part, _ in parts)
        faults += [fault for _, wrong in parts for fault in wrong]
    return CityRow(number, clean(name), folder_of(name) if name else "", raw), faults


def _name_faults(name: str) -> list[str]:
    """Return why a name cannot name a city and its folder."""
    if not name:
        return ["name: empty; every city needs one"]
    shown = clean(name, 60)
    if len(name) > _LONGEST_NAME:
        return [f"name: '{shown}' has {len(name)} letters; {_LONGEST_NAME} are the most"]
    if clean(name) != name:
        return [f"name: '{shown}' holds control characters or several blanks in a row; type it anew"]
    if "/" in name or "\\" in name or name.startswith("."):
        return [f"name: '{shown}' looks like a path; a name has no slashes and no dot at its start"]
    if folder_of(name).casefold() in _TAKEN or folder_of(name).casefold().endswith(_BESIDE):
        return [f"name: a folder '{folder_of(name)}' is needed for something else; choose another name"]
    return []


def _path(text: str, folder: Path, key: str) -> tuple[str, list[str]]:
    """Return a path that counts from the table's folder as an absolute one, and what is wrong with it."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        path = Path(text)
    path = path if path.is_absolute() else folder / path
    named = NAMED_LAYER.fullmatch(str(path))
    file = Path(named[1]) if named else path
    try:
        there = file.exists()
    except (OSError, ValueError):  # a name too long for the system, or one with characters that no name has
        there = False
    shown = clean(text, 200)
    return str(path), [] if there else [
        f"{key}: no such file '{shown}'; a path counts from the table's folder: correct it there"
    ]
