"""Figures that are drawn per door from rules by building kind: the form of a rule, its check, and the draw.

A rule of one parameter and kind (``all`` for the rest) holds `values` with their `chances`, or `low` and `high`,
between which every figure is alike; beside them `mark` and `source`. A plain figure stands for one value that all have,
and a figure given to a parameter itself holds for all kinds::

    porch_steps = 2
    [doors.recess_depth_m]
    terrace = 0.8
    house = { values = [0.0, 1.5], chances = [0.6, 0.4] }
    all = { low = 0.0, high = 1.0 }
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doorview.city.chances import keys_of, uniform
from doorview.city.home_rules import home_rules
from doorview.errors import nearest_name

__all__ = ["ALL_KINDS", "Rules", "draw", "home_kinds", "is_figure", "merged", "rule_note", "rules_in_full"]

Rules = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Parameter -> building kind (or ``all``) -> ``values`` and ``chances``, or ``low`` and ``high``."""
ALL_KINDS = "all"
_OWN_KEYS = ("values", "chances", "low", "high", "mark", "source")
_RULE_KEYS = frozenset({"values", "chances", "low", "high"})
"""Keys that make a table a rule; no building kind bears such a name."""
_DESCRIBING = frozenset({"meaning", "low", "high", "step", "choices", "words"})
"""Keys that describe a parameter; all others of it are building kinds."""


def home_kinds() -> tuple[str, ...]:
    """Return the building kinds that homes have, from `rules/homes.toml`."""
    return tuple(sorted(set(home_rules().kind.values()) - {"none"}))


def is_figure(value: object) -> bool:
    """Say whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def rules_in_full(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return rules with plain figures, and rules for all kinds, in full; the rest as it came."""

    def one(entry: Any) -> Any:
        return {"values": [entry], "chances": [1.0]} if is_figure(entry) or isinstance(entry, str) else entry

    def full(table: Any) -> Any:
        if isinstance(table, Mapping) and _RULE_KEYS & table.keys():
            # One rule for all kinds, as {low = 0.5, high = 2.0}.
            return {ALL_KINDS: table}
        if isinstance(table, Mapping):
            return {kind: one(entry) for kind, entry in table.items()}
        return {ALL_KINDS: one(table)} if one(table) is not table else table

    return {name: full(table) for name, table in raw.items()}


def merged(
    known: Mapping[str, Mapping[str, Any]], rules: Mapping[str, Any], kinds: Iterable[str]
) -> tuple[dict[str, dict[str, Mapping[str, Any]]], list[str]]:
    """Return the rules of the parameters `known` with a study's own put in, kind by kind, and all faults of those.

    Parameters
    ----------
    known
        Parameter -> its `meaning`, its bounds (`low`, `high`, `step`) or `choices`, `words` that stand for figures, and
        its rules by kind.
    rules
        A study's own, plain figures allowed.
    kinds
        Building kinds that there are, beside ``all``.
    """
    out = {name: {k: e for k, e in table.items() if k not in _DESCRIBING} for name, table in known.items()}
    of = [ALL_KINDS, *kinds]
    faults: list[str] = []
    for name, table in rules_in_full(rules).items():
        if name not in known:
            faults.append(_unknown(f"unknown parameter {name!r}", name, known))
        elif not isinstance(table, Mapping):
            faults.append(f"{name}: must hold a figure, or a table by building kind ({', '.join(of)})")
        else:
            for kind, entry in table.items():
                if kind not in of:
                    faults.append(_unknown(f"{name}: unknown building kind {kind!r}", kind, of))
                elif not isinstance(entry, Mapping):
                    faults.append(f"{name}, {kind}: must hold a figure, or values and chances, or low and high")
                else:
                    faults += [f"{name}, {kind}: {fault}" for fault in _faults(known[name], entry)]
                    out[name][kind] = entry
    return out, faults


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = nearest_name(str(name), known)
    return f"{what}.{f' Did you mean {near!r}?' if near else ''} Known: {', '.join(known)}"


def _faults(parameter: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a rule."""
    faults = [_unknown(f"unknown key {key!r}", key, _OWN_KEYS) for key in entry if key not in _OWN_KEYS]
    faults += [f"{key} must be text" for key in ("mark", "source") if not isinstance(entry.get(key, ""), str)]
    choices = parameter.get("choices")
    if "values" in entry and {"low", "high"} & entry.keys():
        faults.append("values, and low or high, contradict each other; keep one of both forms")
    if "values" in entry:
        values, chances = entry["values"], entry.get("chances")
        if not isinstance(values, list | tuple) or not isinstance(chances, list | tuple | None):
            return [*faults, "values and chances must be lists, as in values = [0, 1], chances = [0.5, 0.5]"]
        chances = ([1.0] if len(values) == 1 else []) if chances is None else chances
        if len(values) != len(chances) or not values:
            faults.append(f"{len(values)} values need as many chances, and at least one")
        elif not all(is_figure(c) and 0 <= c <= 1 for c in chances) or abs(sum(chances) - 1) > 1e-9:
            faults.append("chances must lie in [0, 1] and add up to 1")
    elif choices is None and {"low", "high"} <= entry.keys():
        values = [entry["low"], entry["high"]]
        if all(is_figure(value) for value in values) and values[0] > values[1]:
            faults.append("low lies above high")
        if "step" in parameter:
            faults.append("comes in steps: give values and chances")
    else:
        return [*faults, "give values and chances" + (", or low and high" if choices is None else "")]
    return faults + [fault for value in values for fault in _value_faults(parameter, value)]


def _value_faults(parameter: Mapping[str, Any], value: object) -> list[str]:
    """Return what is wrong with one figure or word of a rule."""
    choices, words = parameter.get("choices"), parameter.get("words", {})
    if choices is not None or (words and isinstance(value, str)):
        named = list(words if choices is None else choices)
        if value in named:
            return []
        near = nearest_name(value, named) if isinstance(value, str) else None
        return [f"{value!r} is none of {', '.join(named)}" + (f"; did you mean {near!r}?" if near else "")]
    if not is_figure(value) or not parameter["low"] <= value <= parameter["high"]:
        return [f"{value!r} does not lie from {parameter['low']:g} to {parameter['high']:g}"]
    if "step" in parameter and value % parameter["step"]:
        return [f"{value!r} is no multiple of {parameter['step']:g}"]
    return []


def draw(
    ids: Iterable[object],
    kind: NDArray[Any],
    by_kind: Mapping[str, Mapping[str, Any]],
    seed: int,
    *,
    purpose: str,
    counter: int = 0,
    words: Mapping[str, float] | None = None,
) -> NDArray[Any]:
    """Return the figure of each door (n,), drawn by its id and the seed; text where the rules hold text.

    Parameters
    ----------
    ids, kind
        (n,) ids of the doors, and their building kinds.
    by_kind
        The rules of one parameter, checked; ``all`` among them.
    seed
        Another seed draws other figures.
    purpose, counter
        What is drawn: figures of another purpose or counter are drawn apart.
    words
        Figures that words in the rules stand for.
    """
    chance = uniform(keys_of(f"{door}|{purpose}" for door in ids), seed, counter)
    own = np.array([k if k in by_kind else ALL_KINDS for k in kind], dtype=object)
    text = not words and any(isinstance(v, str) for entry in by_kind.values() for v in entry.get("values", ()))
    out: NDArray[Any] = np.full(len(chance), "", dtype=object) if text else np.zeros(len(chance))
    for each, entry in by_kind.items():
        here = own == each
        out[here] = _drawn(entry, chance[here], words or {})
    return out


def _drawn(entry: Mapping[str, Any], chance: NDArray[np.float64], words: Mapping[str, float]) -> NDArray[Any]:
    """Return the figure of each door for its number in [0, 1)."""
    if "values" not in entry:
        spread: NDArray[Any] = entry["low"] + (entry["high"] - entry["low"]) * chance
        return spread
    values = [words.get(value, value) if isinstance(value, str) else value for value in entry["values"]]
    upper = np.cumsum(entry.get("chances", [1.0]))
    which = np.minimum(np.searchsorted(upper, chance, side="right"), len(upper) - 1)
    text = any(isinstance(value, str) for value in values)
    picked: NDArray[Any] = np.array(values, dtype=object if text else np.float64)[which]
    return picked


def rule_note(name: str, kind: str, entry: Mapping[str, Any]) -> str:
    """Return a rule in words, with its mark; a study's own is ``given``, with its source where it names one."""
    mark = entry.get("mark") or ("given: " + entry["source"] if entry.get("source") else "given")
    return f"{name}, {kind}: {_words(entry)} (mark {mark})."


def _words(entry: Mapping[str, Any]) -> str:
    if "values" not in entry:
        return f"from {entry['low']} to {entry['high']}"
    chances = entry.get("chances", [1.0])
    return ", ".join(f"{v} for {c:.0%}" for v, c in zip(entry["values"], chances, strict=True))
