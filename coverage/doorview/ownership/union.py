"""A union of independent layers of owners: exact chances of sets of doors, drawn owners, means given what is shared.

Sets of doors are `start` (sets + 1,) and `doors` (memberships,), int64: set i holds `doors[start[i]:start[i + 1]]`.
Chances of sets are whole multiples of 2^-40 (`doorview.ownership.expected.ONE`), so that sums of them are exact.
A door counts once, even if two layers give it a camera.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.ownership.checks import Faults
from doorview.ownership.expected import ONE, fixed_point
from doorview.ownership.kernels.blocks import summed_chances_of_sets
from doorview.ownership.kernels.draws import at_least_of_sets, owned_bits_of_sets, weighed_bits
from doorview.ownership.kernels.urns import urn_counts_of_sets
from doorview.ownership.layers import Independent, Layer, Urn, thinned

__all__ = ["Estimate", "Owners", "chances_given_shared", "mean_given_shared", "mean_of_draws"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BATCH = 64
"""Replicates between two looks at the error."""


@dataclass(frozen=True, eq=False)
class Owners:
    """Doors that own a camera: those of any layer.

    Parameters
    ----------
    layers
        Layers over the same doors.
    streams
        Number by which each layer draws; layers of the same stream draw the same numbers, so they must not share
        doors. None is 0, 1, 2, ...
    blocks
        How often each door stands among these, block after block, e.g. once with each of two views: then its key does
        too, and every layer hands out cameras in one block alone (`Layer.among`).

    """

    layers: tuple[Layer, ...]
    streams: tuple[int, ...] | None = None
    blocks: int = 1

    def __post_init__(self) -> None:
        """Check that the layers fit together."""
        if not self.layers:
            raise InputError("owners need at least one layer, e.g. Owners((Independent(p),)).")
        sizes = sorted({len(layer) for layer in self.layers})
        if len(sizes) > 1:
            raise InputError(f"the layers are over {sizes} doors: all must be over the same doors, in the same order.")
        if self.streams is None:
            object.__setattr__(self, "streams", tuple(range(len(self.layers))))
        elif len(self.streams) != len(self.layers):
            raise InputError(f"{len(self.streams)} streams for {len(self.layers)} layers: give one for each.")

    def __len__(self) -> int:
        """Return the number of doors."""
        return len(self.layers[0])

    def joined_by(self, *more: Layer) -> Owners:
        """Return these owners and those of more layers, which draw numbers of their own."""
        taken = self._streams()
        fresh = range(max(taken) + 1, max(taken) + 1 + len(more))
        return Owners((*self.layers, *more), (*taken, *fresh), self.blocks)

    def thinned(self, keep: ArrayLike) -> Owners:
        """Return the owners of whom each camera is kept with a chance, (doors,) or one number, independently."""
        return Owners(tuple(thinned(layer, keep) for layer in self.layers), self._streams(), self.blocks)

    def _streams(self) -> tuple[int, ...]:
        return self.streams or tuple(range(len(self.layers)))

    def marginal(self) -> Floats:
        """Return each door's chance (doors,) of a camera."""
        none = np.ones(len(self))
        for layer in self.layers:
            none *= 1.0 - layer.marginal()
        return 1.0 - none

    def expected_number(self) -> float:
        """Return the expected number of doors with a camera: exact, whatever hangs together."""
        return math.fsum(self.marginal().tolist())

    def _parts(self) -> tuple[Floats, list[Urn]] | None:
        """Return the chances (doors,) of all that is independent, and the urns; None if a layer has no closed form."""
        none, urns = np.ones(len(self)), []
        for layer in self.layers:
            urn = layer.urn()
            if urn is not None:
                none *= 1.0 - urn.own
                urns.append(urn)
            elif isinstance(layer, Independent):
                none *= 1.0 - layer.marginal()
            else:
                return None
        if len(self.layers) == 1 and isinstance(self.layers[0], Independent):
            # Not 1 - (1 - p), so that the bits are those of a plain rate.
            return self.layers[0].marginal(), []
        return 1.0 - none, urns

    def miss(self, start: Ints, doors: Ints) -> Floats | None:
        """Return the chance (sets,) that no door of a set owns a camera; None if there is no closed form.

        Layers are independent, so it is the product of theirs.
        """
        parts = self._parts()
        if parts is None:
            return None
        own, urns = parts
        none: Floats = urn_counts_of_sets(start, doors, *_no_urn(len(self)), own, 1)[0]
        for urn in urns:
            none *= urn_counts_of_sets(start, doors, urn.cluster, urn.urns, urn.keep, np.zeros(len(self)), 1)[0]
        return none

    def at_least(self, start: Ints, doors: Ints, most: int = 3) -> Ints | None:
        """Return (most, sets) in fixed point: the chance of at least 1 .. `most` owners among the doors of each set.

        Exact: independent layers by the Poisson binomial, and one layer drawn from urns besides (`Exactly`,
        `BetaBinomial`). Two such layers have a closed form for `most` = 1 alone; else None: average over what is shared
        (`mean_given_shared`), or draw (`mean_of_draws`).
        """
        parts = self._parts()
        if parts is None:
            return None
        own, urns = parts
        if not urns:
            return fixed_point(at_least_of_sets(start, doors, own, most))
        if len(urns) > 1:
            none = self.miss(start, doors) if most == 1 else None
            return None if none is None else fixed_point(np.clip(1.0 - none, 0.0, 1.0))[None]
        urn = urns[0]
        exactly = urn_counts_of_sets(start, doors, urn.cluster, urn.urns, urn.keep, own, most)
        return fixed_point(np.clip(1.0 - np.cumsum(exactly, axis=0), 0.0, 1.0))

    def draw(self, keys: NDArray[np.uint64], seed: int, words: int) -> NDArray[np.uint64]:
        """Return owners (doors, words) as bits, 64 replicates a word.

        Raises
        ------
        InputError
            If the keys do not fit the doors, or the seed is no whole number.

        """
        seed = self.checked(keys, seed)
        out = np.zeros((len(self), words), np.uint64)
        for layer, stream in zip(self.layers, self._streams(), strict=True):
            out |= layer.draw(keys, seed, words, stream)
        return out

    def given(self, keys: NDArray[np.uint64], seed: int, replicate: int) -> Owners:
        """Return the owners given all that doors share in a replicate: each such layer made independent.

        An exact number shares nothing that could be given, and stays. The draws of that replicate are draws of these.
        """
        layers = []
        for layer, stream in zip(self.layers, self._streams(), strict=True):
            p = layer.conditional(keys, seed, replicate, stream)
            layers.append(layer if p is None else Independent(p))
        return Owners(tuple(layers), self._streams(), self.blocks)

    def block(self, keys: NDArray[np.uint64], seed: int, word: int) -> Floats | None:
        """Return each door's chance (doors, 64) given all that doors share in the replicates of a word.

        Doors are then independent; None where a layer hands out an exact number.
        """
        none: Floats | None = None
        for layer, stream in zip(self.layers, self._streams(), strict=True):
            p = layer.block(keys, seed, word, stream)
            if p is None:
                return None
            if len(self.layers) == 1:
                return p
            none = 1.0 - p if none is None else none * (1.0 - p)
        return None if none is None else 1.0 - none

    def checked(self, keys: NDArray[np.uint64], seed: int) -> int:
        """Return the seed; refuse keys that are not one per door, each once."""
        faults = Faults("drawing owners")
        seed = faults.seed(seed)
        if len(keys) != len(self) or len(np.unique(keys)) * self.blocks != len(keys):
            faults.add(f"{len(keys):,} keys for {len(self):,} doors: give every door a key of its own.")
        faults.refuse()
        return seed


def _no_urn(doors: int) -> tuple[Ints, Floats, Floats]:
    """Return cluster, urns and keep of doors in no urn."""
    return np.full(doors, -1, np.int64), np.zeros((0, 3)), np.zeros(doors)


@dataclass(frozen=True)
class Estimate:
    """A mean over replicates: `mean` and its standard `error` in the same shape, of how many `replicates`."""

    mean: Floats
    error: Floats
    replicates: int


def _averaged(
    one: Callable[[int], Ints], weigh: Callable[[Ints], Floats], replicates: int, error: float | None
) -> Estimate:
    """Return the mean of weigh(one(replicate)), in batches until the largest error is small enough."""
    if replicates < 2:
        raise InputError(f"replicates is {replicates!r}: an error needs at least 2, e.g. 256.")
    # One pass (Welford 1962, doi 10.2307/1266577): all replicates of all sets at once would fill the memory.
    mean, squares = np.zeros(()), np.zeros(())
    for done in range(1, replicates + 1):
        value = weigh(one(done - 1))
        away = value - mean
        mean = mean + away / done
        squares = squares + away * (value - mean)
        if done % BATCH and done < replicates:
            continue
        found = np.sqrt(squares / max(done - 1, 1) / done)
        if error is not None and float(found.max(initial=0.0)) <= error:
            break
    return Estimate(mean, found, done)


def _weigher(amount: ArrayLike | None) -> Callable[[Ints], Floats]:
    """Return what turns chances (most, sets) in fixed point into shares (most,), or into plain chances."""
    if amount is None:
        return lambda chance: chance / ONE
    weight = np.asarray(amount, dtype=np.float64)
    total = weight.sum()
    return lambda chance: (chance / ONE) @ weight / (total or 1.0)


def chances_given_shared(
    owners: Owners,
    keys: NDArray[np.uint64],
    start: Ints,
    doors: Ints,
    *,
    seed: int,
    words: int,
    most: int = 3,
) -> Ints | None:
    """Return the mean (most, sets) in fixed point of `Owners.at_least` given what doors share, over 64 `words` draws.

    None where not even that has a closed form. The sum is of whole numbers, so it depends on no order.
    """
    total = np.zeros((most, len(start) - 1), np.int64)
    for word in range(words):
        p = owners.block(keys, seed, word)
        if p is not None:
            total += summed_chances_of_sets(start, doors, p, most, float(ONE))
            continue
        for replicate in range(64 * word, 64 * word + 64):
            chance = owners.given(keys, seed, replicate).at_least(start, doors, most)
            if chance is None:
                return None
            total += chance
    return np.rint(total / (64 * words)).astype(np.int64)


def mean_given_shared(
    owners: Owners,
    keys: NDArray[np.uint64],
    start: Ints,
    doors: Ints,
    *,
    seed: int = 0,
    replicates: int = 256,
    most: int = 3,
    amount: ArrayLike | None = None,
    error: float | None = None,
) -> Estimate:
    """Return the mean over what doors share of the exact chances given it, with its Monte Carlo error.

    The error is that of the shared part alone, and much smaller than that of drawn owners (Rao and Blackwell).

    Parameters
    ----------
    owners
        Layers of any kind; of exact numbers at most one.
    keys, start, doors
        Door keys, and the sets.
    seed, replicates
        Replicates 0, 1, .. of the seed; no more than `replicates`.
    most
        At least 1 .. `most` owners.
    amount
        Amount (sets,) that each set sees: then the mean is of the share (most,), else of every set (most, sets).
    error
        Stop as soon as the largest standard error is this small, checked every 64 replicates.

    Raises
    ------
    InputError
        If given what is shared there is still no closed form.

    """
    seed = owners.checked(keys, seed)

    def one(replicate: int) -> Ints:
        chance = owners.given(keys, seed, replicate).at_least(start, doors, most)
        if chance is None:
            raise InputError(
                "two layers hand out an exact number each: at least 2 owners have no closed form then. Use "
                "mean_of_draws, or most=1."
            )
        return chance

    return _averaged(one, _weigher(amount), replicates, error)


def mean_of_draws(
    owners: Owners,
    keys: NDArray[np.uint64],
    start: Ints,
    doors: Ints,
    *,
    seed: int = 0,
    words: int = 4,
    most: int = 3,
    amount: ArrayLike | None = None,
) -> Estimate:
    """Return the mean over drawn owners of what `mean_given_shared` averages, for any layers; 64 `words` replicates."""
    owned = owned_bits_of_sets(start, doors, owners.draw(keys, seed, words), most)
    count = 64 * words
    if amount is None:
        mean = np.bitwise_count(owned).sum(axis=2) / count
        return Estimate(mean, np.sqrt(mean * (1.0 - mean) / (count - 1)), count)
    weight = np.asarray(amount, dtype=np.float64)
    table = np.stack([weighed_bits(bits, weight) for bits in owned], axis=1) / (weight.sum() or 1.0)
    return Estimate(table.mean(axis=0), table.std(axis=0, ddof=1) / math.sqrt(count), count)
