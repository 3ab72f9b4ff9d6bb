"""Where online tiles lie: the polynomials of the page against PROJ."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from doorview.errors import InputError
from doorview.show.explorer.online import tile_fit

HALF = 20037508.342789244


def value(fit: dict, one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, q = ((axis - c) / s for axis, c, s in zip((one, two), fit["centre"], fit["scale"], strict=True))
    terms = np.array([np.ones_like(p), p, q, p * p, p * q, q * q])
    return np.array(fit["first"]) @ terms, np.array(fit["second"]) @ terms


@pytest.mark.parametrize("size_m", [1_000.0, 12_000.0])
def test_the_fit_is_projs_within_a_metre_and_its_own_inverse(size_m: float):
    origin = (345_000.0, 4_359_000.0)
    fit = tile_fit("EPSG:32618", origin, (0.0, 0.0, size_m, size_m))
    x, y = np.random.default_rng(1).uniform(0, size_m, (2, 200))
    mercator = Transformer.from_crs("EPSG:32618", "EPSG:3857", always_xy=True).transform(x + origin[0], y + origin[1])
    u, v = (mercator[0] / HALF + 1) / 2, (1 - mercator[1] / HALF) / 2
    east, north = value(fit["to_local"], u, v)
    np.testing.assert_allclose(np.hypot(east - x, north - y), 0, atol=1.0)
    back_u, back_v = value(fit["to_world"], x, y)
    # A metre at the equator is 1 / 40,075,017 of the world.
    np.testing.assert_allclose([back_u, back_v], [u, v], rtol=0, atol=2 / 40_075_017)


def test_a_place_too_large_for_a_fit_is_refused():
    with pytest.raises(InputError, match=r"would lie up to [\d.]+ m off"):
        tile_fit("EPSG:32618", (300_000.0, 4_000_000.0), (0.0, 0.0, 400_000.0, 800_000.0))
