"""The data dictionary: what every column of every file in a run's folder is (`columns.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple

__all__ = ["Column", "FileColumns", "columns_page", "data_dictionary"]


class Column(NamedTuple):
    """One column: its name, unit ("" for text) and meaning. LEVEL and SCENARIO in a name stand for those of a run."""

    name: str
    unit: str
    meaning: str


class FileColumns(NamedTuple):
    """One table, layer (``FILE.gpkg:LAYER``) or raster of a run's folder; `demo`: the demo town's run has it."""

    name: str
    what: str
    columns: tuple[Column, ...]
    demo: bool


@cache
def data_dictionary() -> dict[str, FileColumns]:
    """Return every file's columns by the file's name, in the order of the page; read once."""
    text = resources.files("doorview.show").joinpath("columns.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    shared = {name: Column(name, *entry) for name, entry in raw.pop("shared").items()}
    found: dict[str, FileColumns] = {}
    for name, entry in raw.items():
        own = [Column(column, *said) for column, said in entry.get("columns", {}).items()]
        columns = {key: shared[key] for key in entry.get("keys", [])}
        if "like" in entry:
            columns |= {column.name: column for column in found[entry["like"]].columns}
        columns |= {column.name: column for column in own}
        found[name] = FileColumns(name, entry["what"], tuple(columns.values()), entry.get("demo", True))
    return found


def columns_page() -> str:
    """Return the data dictionary as Markdown."""
    lines = [
        "# Data dictionary",
        "",
        "Every column of every table, layer and raster in a run's folder. Lengths are metres, areas square metres and",
        "shares fractions from 0 to 1, whatever units the maps and pages are in. An empty cell is unknown or does not",
        "apply. In CSV, text that a spreadsheet would run as a formula has an apostrophe before it. What lies in",
        "`working/` is for further computing and not fit to publish.",
        "",
        "This page is written from `doorview/show/columns.toml`; a test holds it against the files of a run. From",
        "Python: `doorview.show.columns.data_dictionary()`.",
    ]
    for file in data_dictionary().values():
        lines += ["", f"## `{file.name}`", "", file.what, "", "| column | unit | what it is |", "|---|---|---|"]
        lines += [f"| `{item.name}` | {item.unit} | {item.meaning} |" for item in file.columns]
    return "\n".join(lines) + "\n"
