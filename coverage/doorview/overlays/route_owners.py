"""Who owns a camera along a route: chances of doors, and of sets of doors where owners depend on each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.ownership.expected import ONE
from doorview.ownership.layers import Independent
from doorview.ownership.union import Owners, chances_given_shared, mean_of_draws

__all__ = ["Chance", "RouteOwners", "checked_chance", "route_owners"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RouteOwners:
    """Owners of cameras, by door and by set of doors.

    Attributes
    ----------
    chance
        (doors,) chance that each owns a camera.
    any_of
        Chance (sets,) that any door of each set `start`, `doors` owns; None where doors are independent.
    bits
        (doors, words) who owns in each of 64 words replicates, or None: then doors draw independently by their label.

    """

    chance: Floats
    any_of: Callable[[Ints, Ints], Floats] | None = None
    bits: NDArray[np.uint64] | None = None


Chance: TypeAlias = float | ArrayLike | RouteOwners
"""Each door's chance of owning a camera: one number, (doors,), or owners that depend on each other."""


def route_owners(owners: Owners, keys: NDArray[np.uint64], *, seed: int, replicates: int) -> RouteOwners:
    """Return the owners of a scenario as routes need them.

    Chances of sets are exact wherever they have a closed form: independent doors, an exact number of cameras, clusters
    on block faces. Else they are the mean, over `replicates` draws of what neighbours share, of the exact chances given
    it; where not even those have a form, over drawn owners.

    Parameters
    ----------
    owners, keys
        Of a scenario, over the doors in their order, and the doors' keys (doors,).
    seed, replicates
        Of draws; a multiple of 64.

    """
    words = replicates // 64
    bits = owners.draw(keys, seed, words)
    if len(owners.layers) == 1 and isinstance(owners.layers[0], Independent):
        return RouteOwners(owners.marginal(), None, bits)

    def any_of(start: Ints, doors: Ints) -> Floats:
        exact = owners.at_least(start, doors, 1)
        if exact is None:
            exact = chances_given_shared(owners, keys, start, doors, seed=seed, words=words, most=1)
        if exact is not None:
            return np.asarray(exact[0] / ONE)
        return np.asarray(mean_of_draws(owners, keys, start, doors, seed=seed, words=words, most=1).mean[0])

    return RouteOwners(owners.marginal(), any_of, bits)


def checked_chance(chance: Chance, doors: int) -> RouteOwners:
    """Return owners over `doors` doors.

    Raises
    ------
    InputError
        For chances outside [0, 1] or of another number.

    """
    p = np.asarray(chance.chance if isinstance(chance, RouteOwners) else chance, dtype=np.float64)
    if p.ndim and p.shape != (doors,):
        raise InputError(f"chance has the shape {p.shape}: give one number, or one for each of the {doors} doors.")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("chance lies outside [0, 1] or is no number: it is each door's chance of owning a camera.")
    if isinstance(chance, RouteOwners):
        return chance
    return RouteOwners(np.ascontiguousarray(np.broadcast_to(p, (doors,))))
