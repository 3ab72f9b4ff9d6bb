"""What run.json says of attributes names the rows of the table, whatever columns and sets of zones are called."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from doorview.study.attributes_files import attributes_facts, write_attributes_files
from doorview.study.attributes_run import AttributeRun, AttributesRun
from doorview.study.attributes_section import AttributeSection
from doorview.study.attributes_table import COLUMNS, EQUAL_PART, Homes


@pytest.mark.parametrize(
    ("zoning", "column"),
    [
        ("tract", "income"),
        ("two  spaces ", " share of\tof renters"),
        ("tract", "Estimate!!Total!!" * 8),
        ("=1+1", "<b>"),
    ],
)
def test_the_table_s_rows_are_found_by_what_run_json_names(tmp_path: Path, zoning: str, column: str) -> None:
    section = AttributeSection(zoning=zoning, column=column, kind="number")
    none = np.zeros(0)
    homes = Homes("number", none, none.astype(object), none.astype(np.int64), none, np.zeros((0, 2)))
    zones = gpd.GeoDataFrame({"zone": [], "name": []}, geometry=[])
    row = dict.fromkeys(COLUMNS, "") | {"zoning": zoning, "attribute": column, "part": EQUAL_PART, "measure": "share"}
    found = AttributesRun(pd.DataFrame([row]), (AttributeRun(section, zones, homes, zones),), "all", ("s",))
    result = SimpleNamespace(tables=SimpleNamespace(attributes=found))
    write_attributes_files(result, SimpleNamespace(path=lambda name: tmp_path / name))  # type: ignore[arg-type]
    (asked,) = attributes_facts(result)["attributes"]["asked"]  # type: ignore[arg-type]
    with (tmp_path / "fairness_attributes.csv").open(encoding="utf-8", newline="") as stream:
        (written,) = csv.DictReader(stream)
    assert (written["zoning"].removeprefix("'"), written["attribute"]) == (asked["zoning"], asked["column"])
