"""What is wrong with a study's scenarios beyond the types of their values: all of it, in words of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from doorview.errors import nearest_name
from doorview.ownership.densities import PRESETS
from doorview.study.scenario_sections import BUILTIN_SCENARIOS, DENSITIES

__all__ = ["hint", "scenario_faults", "with_bases"]

_OWN_KEYS: dict[str, tuple[str, ...]] = {
    "clustered": ("correlation", "strength"),
    "neighbours": ("correlation", "strength", "distance_m"),
    "weighted": ("column", "odds_ratio"),
    "most_possible": ("space", "level"),
    "least_found": ("space", "level"),
}
_SPECIAL = tuple(dict.fromkeys(key for keys in _OWN_KEYS.values() for key in keys))
_BY_NUMBER = ("exactly", "most_possible", "least_found")
_OF_RECIPIENTS: dict[str, tuple[str, ...]] = {
    "all": (),
    "raffle": ("app_share",),
    "zones": ("zoning", "zones"),
    "zones_in_order": ("zoning", "zones"),
    "means_tested": ("zoning", "column", "at_most"),
}


def with_bases(raw: object) -> tuple[object, list[str]]:
    """Return the scenarios with the values of their bases filled in, and what is wrong with the bases."""
    if not isinstance(raw, Mapping):
        return raw, []
    known: dict[str, Any] = {**BUILTIN_SCENARIOS, **raw}
    faults: list[str] = []

    def merged(name: str, path: tuple[str, ...]) -> dict[str, Any]:
        own = dict(known[name])
        base = own.get("based_on")
        if not isinstance(base, str):
            return own
        if base in path:
            faults.append(
                f"scenarios.{path[0]}.based_on: goes round in a circle ({' -> '.join((*path, base))}); break it"
            )
            return own
        if base not in known or not isinstance(known[base], Mapping):
            faults.append(f"scenarios.{name}.based_on: unknown scenario '{base}'.{hint(base, known)}")
            return own
        return _over(merged(base, (*path, base)), own)

    return {name: merged(name, (name,)) if isinstance(raw[name], Mapping) else raw[name] for name in raw}, faults


def _over(below: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return a base's values with a scenario's own over them; what would contradict them goes."""
    if any(key in own for key in DENSITIES):
        below = {key: value for key, value in below.items() if key not in DENSITIES}
    process = own.get("process", below.get("process"))
    if process != below.get("process"):
        kept = _OWN_KEYS.get(str(process), ())
        below = {key: value for key, value in below.items() if key not in _SPECIAL or key in kept}
    if {"correlation", "strength"} & own.keys():
        below = {key: value for key, value in below.items() if key not in ("correlation", "strength")}
    for table in ("programme", "rules"):
        if isinstance(own.get(table), Mapping) and isinstance(below.get(table), Mapping):
            own = {**own, table: {**below[table], **own[table]}}
    below.pop("label", None)
    below.pop("against", None)
    return {**below, **own}


def scenario_faults(scenarios: Mapping[str, Any], zonings: Iterable[str], levels: Iterable[str] = ()) -> list[str]:
    """Return the faults that no single field of the scenarios shows.

    `zonings` are the names of the sets of zones, `levels` those that the study asks for.
    """
    sets, asked = sorted(zonings), list(levels)
    faults: list[str] = []
    for name, scenario in scenarios.items():
        if isinstance(scenario, Mapping):
            faults += _faults(f"scenarios.{name}", scenario, sets)
            faults += _strength_faults(f"scenarios.{name}", scenario)
            faults += _counted_faults(f"scenarios.{name}", scenario, asked)
            against = scenario.get("against")
            if isinstance(against, str) and against not in scenarios:
                faults.append(f"scenarios.{name}.against: unknown scenario '{against}'.{hint(against, scenarios)}")
    return faults


def _faults(where: str, scenario: Mapping[str, Any], sets: list[str]) -> list[str]:
    process = str(scenario.get("process", "independent"))
    given = [key for key in DENSITIES if key in scenario]
    if not given and "based_on" in scenario:
        return []  # its base is at fault, and told of
    faults: list[str] = []
    if len(given) > 1:
        faults.append(f"{where}: give only one of {', '.join(given)}")
    elif process in _BY_NUMBER and given != ["number"]:
        faults.append(f'{where}: "{process}" needs number = 500, the cameras in the counted area')
    elif process == "independent" and given == ["number"] and "programme" not in scenario:
        # A slip made often, so that it is asked back: a number by lot, or expected?
        faults.append(f'{where}: a number needs process = "exactly"; with "independent" give a rate, or per_km2')
    elif not given:
        faults.append(f"{where}: give rate = 0.2, or number with exactly")
    allowed = _OWN_KEYS.get(process, ())
    for key in _SPECIAL:
        if key in scenario and key not in allowed:
            fits = [name for name, keys in _OWN_KEYS.items() if key in keys]
            wanted = " or ".join(f'"{name}"' for name in fits)
            faults.append(f'{where}.{key}: goes with process = {wanted}, not with "{process}"; leave it out')
    if process in ("clustered", "neighbours") and ("correlation" in scenario) == ("strength" in scenario):
        faults.append(f'{where}: "{process}" needs one of strength (how many times as likely) and correlation')
    needed = {"neighbours": ("distance_m",), "weighted": ("zoning", "column", "odds_ratio")}.get(process, ())
    faults += [f'{where}: "{process}" needs {key}' for key in needed if key not in scenario]
    if "rate_column" in scenario and "zoning" not in scenario:
        faults.append(f"{where}: rate_column needs zoning, the set of zones whose column it is")
    preset = scenario.get("rate_preset")
    if isinstance(preset, str) and preset not in PRESETS:
        faults.append(f"{where}.rate_preset: unknown rate '{preset}'.{hint(preset, PRESETS)}")
    faults += _zoning_faults(where, scenario, sets)
    programme, rules = scenario.get("programme"), scenario.get("rules")
    if isinstance(programme, Mapping):
        faults += _programme_faults(f"{where}.programme", programme, sets)
    if isinstance(rules, Mapping) and rules.get("for_cameras") == "programme" and not programme:
        faults.append(f'{where}.rules.for_cameras: "programme" needs a programme; add [{where}.programme]')
    return faults


def _strength_faults(where: str, scenario: Mapping[str, Any]) -> list[str]:
    """Return whether blocks can be as much alike as a rate allows, where the study alone says so."""
    rate, preset, strength = scenario.get("rate"), scenario.get("rate_preset"), scenario.get("strength")
    rate = PRESETS[preset].rate if isinstance(preset, str) and preset in PRESETS else rate
    if scenario.get("process") != "clustered" or not _is_number(rate) or not _is_number(strength):
        return []
    if not 0.0 < rate < 1.0 or strength * rate < 1.0:
        return []
    most = f"{1 / rate:.3g}"
    who = f"where {100 * rate:.3g} % of households own one, none can be {most} times as likely to"
    return [f"{where}.strength: {strength:g} cannot be at a rate of {rate:g}: {who}. Give less than {most}"]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _counted_faults(where: str, scenario: Mapping[str, Any], levels: list[str]) -> list[str]:
    """Return the faults of what cameras are placed to see."""
    faults, level, space = [], scenario.get("level"), scenario.get("space")
    if isinstance(level, str) and levels and level not in levels:
        faults.append(f"{where}.level: '{level}' is none of camera.levels.{hint(level, levels)}")
    if isinstance(space, str):
        from doorview.share.outputs import printed_spaces  # it loads the kernels' room, which few studies need

        known = [name for name, *_ in printed_spaces()]
        if space not in known:
            faults.append(f"{where}.space: unknown space '{space}'.{hint(space, known)}")
    return faults


def _programme_faults(where: str, programme: Mapping[str, Any], sets: list[str]) -> list[str]:
    faults = []
    if ("number" in programme) == ("budget" in programme):
        faults.append(f"{where}: give one of number and budget")
    if "budget" in programme and not programme.get("city_cost"):
        faults.append(f"{where}: a budget needs city_cost, what the city pays for each camera")
    to = programme.get("to", "all")
    if isinstance(to, str) and to in _OF_RECIPIENTS:
        needed = _OF_RECIPIENTS[to]
        faults += [f'{where}: to = "{to}" needs {key}' for key in needed if key not in programme]
        others = {key for keys in _OF_RECIPIENTS.values() for key in keys} - set(needed)
        faults += [
            f'{where}.{key}: does not go with to = "{to}"; leave it out' for key in sorted(others & set(programme))
        ]
    return faults + _zoning_faults(where, programme, sets)


def _zoning_faults(where: str, table: Mapping[str, Any], sets: list[str]) -> list[str]:
    zoning = table.get("zoning")
    if not isinstance(zoning, str) or zoning in sets:
        return []
    known = hint(zoning, sets) if sets else " The study has no [[zones]]; add them."
    return [f"{where}.zoning: unknown set of zones '{zoning}'.{known}"]


def hint(name: str, known: Iterable[str]) -> str:
    """Return what a wrong name may have meant, and what there is."""
    known = list(known)
    near = nearest_name(name, known)
    return (f" Did you mean '{near}'?" if near else "") + f" Known: {', '.join(known)}."
