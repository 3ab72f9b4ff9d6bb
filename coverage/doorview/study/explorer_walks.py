"""The explorer's layer of walks: every street and path by the share of a walk along it that is in view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doorview.overlays.route_exposure import CAVEAT
from doorview.study.explorer_shapes import line_arrays
from doorview.study.result import Result
from doorview.study.routes_streets import street_layer

__all__ = ["NOT_PUBLISHED", "walk_arrays"]

NOT_PUBLISHED = 65535
"""Stands where a group of streets has too few homes; shares are whole multiples of 1 / 65534."""


def walk_arrays(
    result: Result, levels: list[str], origin: tuple[int, int]
) -> tuple[dict[str, Any] | None, dict[str, NDArray[Any]]]:
    """Return what the header says of walks, and their arrays; None and nothing where the study asks for no streets.

    `walk_share` (scenarios, levels, edges) holds the layer `street_exposure` in each of the run's scenarios that walks
    are told for, at its own rate.
    """
    run = result.tables.routes
    if run is None or not run.section.street_exposure:
        return None, {}
    layers = {name: street_layer(result.ready, replace(run, shown=name)) for name in run.owners}
    first = next(iter(layers.values()))
    share = np.stack(
        [np.stack([layer[f"share_{level}"].to_numpy(np.float64) for level in levels]) for layer in layers.values()]
    )
    scaled = np.where(np.isnan(share), NOT_PUBLISHED, np.rint(np.nan_to_num(share) * (NOT_PUBLISHED - 1)))
    start, xy = line_arrays(first.geometry.to_numpy(), origin)
    side = "on the street's line" if run.section.side == "centre" else f"on the {run.section.side} side"
    said = {
        "scenarios": list(layers),
        "scale": NOT_PUBLISHED - 1,
        "note": f"Both directions, {side}. {CAVEAT}",
    }
    return said, {"walk_start": start, "walk_xy": xy, "walk_share": scaled.astype(np.uint16)}
