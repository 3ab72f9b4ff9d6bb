"""What is wrong between a study and the files of its zones, before anything slow is done: all of it at once."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from doorview.city.layers import read_layer
from doorview.errors import DoorviewError, InputError, UnknownNameError
from doorview.overlays.zone_attributes import zone_attribute
from doorview.study.attributes_section import HOTSPOT_CLASS
from doorview.study.scenario_faults import hint
from doorview.study.sections import Study, Zoning
from doorview.study.zones import id_text

__all__ = ["zone_faults"]


def zone_faults(study: Study) -> tuple[list[str], list[str]]:
    """Return the faults, and the gaps that are faults only where doors lie in the zone.

    Read are the files of all sets of zones: columns that are missing or hold no numbers, rates outside [0, 1], zones
    that a programme names and the file lacks. Each is told with the key of the study file.
    """
    faults: list[str] = []
    gaps: list[str] = []
    tables: dict[str, tuple[Zoning, gpd.GeoDataFrame]] = {}
    for number, zoning in enumerate(study.zones, start=1):
        try:
            table = read_layer(zoning.file, "zones")
        except DoorviewError as fault:
            faults.append(str(fault))
            continue
        tables[zoning.set_name] = zoning, table
        for key in ("id", "name", "dwellings"):
            column = getattr(zoning, key)
            if column is not None:
                faults += _missing(f"zones[{number}].{key}", zoning, table, column)
    for name, section in study.scenarios.items():
        where = f"scenarios.{name}"
        for key, rates in (("rate_column", True), ("column", False)):
            column = getattr(section, key)
            if column is not None and section.zoning in tables:
                _judge(f"{where}.{key}", *tables[section.zoning], column, rates, faults, gaps)
        programme = section.programme
        if programme is None or programme.zoning not in tables:
            continue
        zoning, table = tables[programme.zoning]
        if programme.column is not None:
            _judge(f"{where}.programme.column", zoning, table, programme.column, False, faults, gaps)
        faults += _unknown_zones(f"{where}.programme.zones", zoning, table, programme.zones or ())
    faults += _weight_missing(study, tables)
    found, told = _attribute_faults(study, tables)
    faults += found
    gaps += told
    # Scenarios that are based on one another would say the same of each.
    return list(dict.fromkeys(faults)), list(dict.fromkeys(gaps))


def _attribute_faults(
    study: Study, tables: Mapping[str, tuple[Zoning, gpd.GeoDataFrame]]
) -> tuple[list[str], list[str]]:
    """Return what is wrong with columns of attributes, and which zones have no usable value."""
    faults: list[str] = []
    gaps: list[str] = []
    for number, item in enumerate(() if study.fairness is None else study.fairness.attributes, start=1):
        where = f"fairness.attributes[{number}]"
        if item.zoning not in tables:
            continue
        zoning, table = tables[item.zoning]
        if item.districts is not None and item.districts not in tables:
            faults += _missing(f"{where}.districts", zoning, table, item.districts)
        if item.column == HOTSPOT_CLASS:
            continue
        missing = _missing(f"{where}.column", zoning, table, item.column)
        faults += missing
        if missing:
            continue
        try:
            found = zone_attribute(table[item.column].tolist(), _ids(zoning, table), item.kind, item.column)
        except InputError as fault:
            faults.append(f"{where}: '{zoning.file.name}', {fault}")
            continue
        gaps += [f"{where}: '{zoning.file.name}', column '{item.column}': {said}; left out" for said in found.notes()]
    return faults, gaps


def _missing(where: str, zoning: Zoning, table: gpd.GeoDataFrame, column: str) -> list[str]:
    if column in table.columns and column != table.geometry.name:
        return []
    known = [str(name) for name in table.columns if name != table.geometry.name]
    return [f"{where}: unknown column '{column}' of '{zoning.file.name}'.{hint(column, known)}"]


def _weight_missing(study: Study, tables: dict[str, tuple[Zoning, gpd.GeoDataFrame]]) -> list[str]:
    """Return that no set of zones has the column of people that ``[fairness]`` weights by."""
    asked = study.fairness
    if asked is None or asked.weight is None or asked.weight_file is not None:
        return []
    held = [table for name, (_, table) in tables.items() if name in asked.zonings_of([name])]
    if not held or any(asked.weight in table.columns for table in held):
        return []
    known = list(dict.fromkeys(str(name) for table in held for name in table.columns if name != table.geometry.name))
    return [f"fairness.weight: no set of zones has a column '{asked.weight}'.{hint(asked.weight, known)}"]


def _judge(
    where: str,
    zoning: Zoning,
    table: gpd.GeoDataFrame,
    column: str,
    rates: bool,
    faults: list[str],
    gaps: list[str],
) -> None:
    """Note what is wrong with a column that must hold numbers, `rates` in [0, 1]."""
    missing = _missing(where, zoning, table, column)
    faults += missing
    if missing:
        return
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    empty, ids = np.isnan(values), _ids(zoning, table)
    if empty.all():
        faults.append(f"{where}: column '{column}' of '{zoning.file.name}' holds no numbers; name another")
    elif empty.any():
        gaps.append(
            f"{where}: column '{column}' of '{zoning.file.name}' has no number in {int(empty.sum()):,} of "
            f"{len(values):,} zones (first: {ids[int(np.argmax(empty))]}); if doors lie there, the run refuses it"
        )
    wrong = (values < 0.0) | (values > 1.0)
    if rates and wrong.any():
        first = int(np.argmax(wrong))
        many = int(wrong.sum())
        faults.append(
            f"{where}: column '{column}' of '{zoning.file.name}' lies outside [0, 1] in {many:,} zone"
            f"{'s' if many > 1 else ''} (first: {ids[first]}, {values[first]:g}); a rate is a part of one: 5 % is 0.05"
        )


def _unknown_zones(where: str, zoning: Zoning, table: gpd.GeoDataFrame, zones: tuple[str, ...]) -> list[str]:
    if zoning.id is not None and zoning.id not in table.columns:
        return []  # told of as the zones' own fault
    known, mend = set(_ids(zoning, table)), f"They are ids of '{zoning.file.name}'."
    return [f"{where}: {UnknownNameError('zone', zone, known, mend)}" for zone in zones if zone not in known]


def _ids(zoning: Zoning, table: gpd.GeoDataFrame) -> list[str]:
    """Return the ids of zones as the run reads them."""
    if zoning.id is None or zoning.id not in table.columns:
        return [str(number) for number in table.index]
    return [id_text(value) for value in table[zoning.id]]
