"""A route metre by metre: the chance of being in view along the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.overlays.kernels.routes import HAIR_M
from doorview.overlays.route_exposure import WalkingPoints
from doorview.overlays.routes import Routes

__all__ = ["route_profile", "route_steps"]


def route_steps(walk: WalkingPoints, routes: Routes, route: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the points of a route in walking order, and the metres that each stands for (steps,)."""
    points, metres = [np.zeros(0, np.int64)], [np.zeros(0)]
    for leg in range(int(routes.first[route]), int(routes.first[route + 1])):
        line = walk.line_of[routes.half[leg]]
        low, high = sorted((float(routes.begin_m[leg]), float(routes.end_m[leg])))
        number = np.arange(walk.first[line + 1] - walk.first[line])
        step = walk.step_m[line]
        long = np.minimum(high, (number + 1) * step) - np.maximum(low, number * step)
        some = np.flatnonzero(long > HAIR_M)
        some = some[::-1] if routes.half[leg] % 2 else some
        points.append(walk.first[line] + some)
        metres.append(long[some])
    return np.concatenate(points), np.concatenate(metres)


def route_profile(
    walk: WalkingPoints, routes: Routes, route: int, chances: dict[str, NDArray[np.float64]]
) -> pd.DataFrame:
    """Return a row per step of a route: `begin_m`, `end_m` from its beginning, and a column for each of `chances`.

    Parameters
    ----------
    walk, routes, route
        Points, routes on their graph, and the row of one of them.
    chances
        Name (of a level) to the chance (points,) that each point is in view, from `point_chances`.

    """
    points, metres = route_steps(walk, routes, route)
    end = np.cumsum(metres)
    table = pd.DataFrame({"begin_m": end - metres, "end_m": end})
    return table.assign(**{name: chance[points] for name, chance in chances.items()})
