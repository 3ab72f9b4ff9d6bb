"""A mix of camera models: which model hangs at which door, and what each of them sees at every level.

A door's model is drawn once, by the door's id and the study's seed: it stays the same whatever else is asked for, in
every scenario, and whichever doors are there beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doorview.city.chances import keys_of, uniform
from doorview.show.text import clean, count, distance, join
from doorview.sight.camera import CameraModel
from doorview.sight.levels import Level, level, level_or_nothing

__all__ = ["Mix", "mix_of"]

NAMED = 3
"""Models that a label names; the rest are counted."""


@dataclass(frozen=True)
class Mix:
    """Camera models and the share of doors at which each would hang.

    Attributes
    ----------
    models
        In the order of their names.
    shares
        Of each model; they add up to 1.
    by_model
        The levels of each model, of the same names in the same order; the range is 0 where one reaches nothing.

    """

    models: tuple[CameraModel, ...]
    shares: tuple[float, ...]
    by_model: tuple[tuple[Level, ...], ...]

    @property
    def _order(self) -> list[int]:
        """The models' numbers, the largest share first."""
        return sorted(range(len(self.models)), key=lambda number: -self.shares[number])

    @property
    def lead(self) -> CameraModel:
        """The model with the largest share, the first by name among equals."""
        return self.models[self._order[0]]

    @property
    def levels(self) -> tuple[Level, ...]:
        """Each level as the model has it that sees farthest there, with what is unconfirmed of any model."""
        found = []
        for own in zip(*self.by_model, strict=True):
            reached = [item for item in own if item.range_m > 0]
            marks = tuple(dict.fromkeys(mark for item in reached for mark in item.marks))
            found.append(replace(max(reached, key=lambda item: item.range_m), marks=marks))
        return tuple(found)

    @property
    def label(self) -> str:
        """The mix in words, largest share first: ``60% Nest Hello and 40% Ring Video Doorbell Wired``."""
        order = self._order
        parts = [f"{_share(self.shares[n])} {clean(self.models[n].label, 60)}" for n in order[:NAMED]]
        rest = order[NAMED:]
        if rest:
            models = "another model" if len(rest) == 1 else f"{len(rest)} other models"
            parts.append(f"{_share(sum(self.shares[n] for n in rest))} {models}")
        return join(parts)

    @property
    def reading_words(self) -> str:
        """How disputed fields of view are read, the models with the largest shares first; empty if none is disputed."""
        disputed = [self.models[n] for n in self._order if self.models[n].stated_field_of_view_degrees is not None]
        words = [f"{clean(model.label, 60)} as {model.reading}" for model in disputed]
        return f"Disputed fields of view are read: {join(words)}." if words else ""

    def drawn(self, ids: Iterable[object], seed: int) -> NDArray[np.int64]:
        """Return the number of the model at each door (n,), by the door's id and the seed."""
        chance = uniform(keys_of(f"{door}|camera" for door in ids), seed)
        upper = np.cumsum(self.shares)
        return np.minimum(np.searchsorted(upper, chance, side="right"), len(upper) - 1).astype(np.int64)

    def words(self, model_of: NDArray[np.int64], units: Any) -> str:
        """Return in a sentence how many doors got each model, and how far it sees at every level."""
        doors = np.bincount(model_of, minlength=len(self.models))
        parts = []
        for n in self._order:
            reaches = [
                f"{item.name} " + (f"to {distance(item.range_m, units)}" if item.range_m > 0 else "not at all")
                for item in self.by_model[n]
            ]
            name = f"{clean(self.models[n].label, 60)} ({_share(self.shares[n])}: {count(int(doors[n]))} doors)"
            parts.append(f"{name} sees at {', '.join(reaches)}")
        return f"Camera models are drawn door by door. {'; '.join(parts)}."

    def facts(self, model_of: NDArray[np.int64]) -> dict[str, Any]:
        """Return what run.json says of the mix, by model."""
        doors = np.bincount(model_of, minlength=len(self.models)).tolist()
        return {
            model.name: {
                "label": model.label,
                "share": share,
                "doors": number,
                "reading_of_field_of_view": model.reading_words() or None,
                "values": values_of(model),
            }
            for model, share, number in zip(self.models, self.shares, doors, strict=True)
        }

    def level_facts(self, name: str) -> dict[str, Any]:
        """Return what run.json says of a level, by model."""
        number = [item.name for item in self.by_model[0]].index(name)
        return {model.name: own[number].as_dict() for model, own in zip(self.models, self.by_model, strict=True)}


def values_of(model: CameraModel) -> dict[str, dict[str, Any]]:
    """Return the values of a model that have a source, each with its mark."""
    return {
        key: {"value": getattr(model, key), "mark": figure.mark, "source": figure.source}
        for key, figure in model.figures.items()
    }


def mix_of(
    models: Mapping[str, CameraModel], shares: Mapping[str, float], names: Sequence[str], **settings: Any
) -> Mix:
    """Return the mix of models.

    Parameters
    ----------
    models
        By the names that the study calls them.
    shares
        Of each of them; they add up to 1.
    names
        Of the levels.
    settings
        Of `doorview.sight.levels.level`: `target_height_m`, `night`.

    Raises
    ------
    InputError
        If there is a level at which no model sees anything, and as `doorview.sight.levels.level`.

    """
    order = sorted(shares)
    total = sum(shares[name] for name in order)
    own = tuple(tuple(level_or_nothing(models[name], item, **settings) for item in names) for name in order)
    mix = Mix(tuple(models[name] for name in order), tuple(shares[name] / total for name in order), own)
    for number, item in enumerate(names):
        if not any(levels[number].range_m > 0 for levels in own):
            level(mix.lead, item, **settings)  # which says why nothing is in view
    return mix


def _share(share: float) -> str:
    return f"{100 * share:.3g}%"
