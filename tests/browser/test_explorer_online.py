"""Online map tiles: only on request, from one host, where they belong. The host is made up; the test answers for it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyproj import Transformer

from doorview.cli import main

HOST = "https://tiles.example.org"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def tiled_page(demo_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("online") / "demo"
    shutil.copytree(demo_run, folder)
    assert main(["explorer", str(folder), "--tiles", f"{HOST}/{{z}}/{{x}}/{{y}}.png"]) == 0
    return folder / "explorer.html"


def test_tiles_come_from_their_host_and_lie_where_they_belong(chromium: Any, tiled_page: Path):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    complaints: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(body=PNG, content_type="image/png")

    context.route(f"{HOST}/**", answer)
    page = context.new_page()
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.goto(tiled_page.resolve().as_uri())
    page.wait_for_function("() => window.dv && dv.ready")
    page.wait_for_function("() => document.querySelectorAll('.leaflet-online-pane img').length > 0")
    assert asked
    assert all(url.startswith(f"{HOST}/") for url in asked)
    assert not complaints
    assert HOST in page.locator("#online-note").inner_text()
    crs, origin = page.evaluate("() => [dv.header.crs, dv.header.origin]")
    placed = page.evaluate(
        """() => [...document.querySelectorAll('.leaflet-online-pane img')].map((image) => {
            const m = new DOMMatrix(getComputedStyle(image).transform);
            const corner = dv.fromMap(dv.map.layerPointToLatLng([m.e, m.f]));
            const other = dv.fromMap(dv.map.layerPointToLatLng([m.e + 256 * (m.a + m.c), m.f + 256 * (m.b + m.d)]));
            return [image.src, corner, other, 100 / 2 ** dv.map.getZoom()];
        })"""
    )
    to_local = Transformer.from_crs("EPSG:3857", crs, always_xy=True)
    half = 20037508.342789244
    for address, corner, other, pixel_cm in placed:
        z, i, j = (int(word.removesuffix(".png")) for word in address.split("/")[-3:])
        for step, found in ((0, corner), (1, other)):
            x = ((i + step) / 2**z * 2 - 1) * half
            y = (1 - (j + step) / 2**z * 2) * half
            east, north = to_local.transform(x, y)
            # A pixel of rounding, and half a metre for a square that is drawn as a parallelogram.
            assert found[0] == pytest.approx(100 * (east - origin[0]), abs=pixel_cm + 50)
            assert found[1] == pytest.approx(100 * (north - origin[1]), abs=pixel_cm + 50)
    context.close()


def test_without_the_wish_there_is_no_note_and_no_tile(open_page: Callable[..., Any], demo_run: Path):
    opened = open_page(demo_run / "explorer.html")
    assert opened.run("() => document.querySelectorAll('.leaflet-online-pane, #online-note').length") == 0
    opened.blameless()
