"""What a study that asks for tables only (`[output] tables_only`) cannot ask for besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from doorview.errors import StudyError

if TYPE_CHECKING:
    from doorview.study.sections import Study

__all__ = ["tables_only_faults", "with_tables_only"]

_PLACED = ("most_possible", "least_found")
_CUTS = ("privacy_zone_m", "trigger_range_m")
_SECTIONS = {
    "partnership": "the partnership's sets of doors by district",
    "alerts": "spots all over the city at once",
    "incidents": "spots all over the city at once",
    "known": "known cameras beside the simulated ones",
}
_FILES = ("viewsheds", "briefing", "explorer", "svg")
_MEND = "leave it out, or tables_only, or take a boundary and let the whole city be held at once"


def tables_only_faults(data: Mapping[str, Any]) -> list[str]:
    """Return the faults of a study file that asks for tables only and for what needs the whole city at once."""
    output = data.get("output", {})
    if not isinstance(output, Mapping) or output.get("tables_only") is not True:
        return []
    faults = [f"{name}: needs {what}, which output.tables_only does not hold; {_MEND}"
              for name, what in _SECTIONS.items() if data.get(name)]  # fmt: skip
    faults += [
        f"output.{name}: output.tables_only writes no such file; leave one of both out"
        for name in _FILES
        if output.get(name) is True
    ]
    drivers = data.get("drivers")
    if isinstance(drivers, Mapping) and any(drivers.get(key) for key in ("table", "sobol", "ranges")):
        faults.append(
            f"drivers: needs spots all over the city at once, which output.tables_only does not hold; {_MEND}"
        )
    scenarios = data.get("scenarios", {})
    for name, section in scenarios.items() if isinstance(scenarios, Mapping) else ():
        if not isinstance(section, Mapping):
            continue
        if section.get("process") in _PLACED:
            faults.append(
                f"scenarios.{name}.process: places cameras by what all doors see, which output.tables_only does not "
                f"hold; {_MEND}"
            )
        rules = section.get("rules")
        if isinstance(rules, Mapping) and any(rules.get(key) is not None for key in _CUTS):
            faults.append(
                f"scenarios.{name}.rules: cuts views, which are then seen a second time; output.tables_only sees "
                f"them once: {_MEND}"
            )
    return faults


def with_tables_only(study: Study) -> Study:
    """Return the study as one that asks for tables only.

    Raises
    ------
    StudyError
        If it asks for what needs the whole city at once; all of it at once.
    """
    asked = study.model_copy(update={"output": study.output.model_copy(update={"tables_only": True})})
    data = study.model_dump(exclude_unset=True)
    data["output"] = {**data.get("output", {}), "tables_only": True}
    faults = tables_only_faults(data)
    if faults:
        raise StudyError("tables only", faults)
    return asked
