"""A headless Chromium, the demo town's explorer, and pages opened from file:// with the network off."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from doorview.cli import main

if TYPE_CHECKING:
    from doorview.study.result import Result

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@dataclasses.dataclass
class Opened:
    """A page, what it asked of the network, what it complained of, the dialogs that it opened."""

    page: Any
    path: Path
    requests: list[str]
    complaints: list[str]
    dialogs: list[str]

    def run(self, script: str, *arguments: Any) -> Any:
        """Return the value of a JavaScript expression or function."""
        return self.page.evaluate(script, *arguments)

    def shown(self, name: str) -> str:
        """Return the text of a figure."""
        return " ".join(self.page.locator(f"[data-figure={name}]").first.inner_text().split())

    def value(self, name: str) -> float:
        """Return the raw value of a figure."""
        held = self.page.locator(f"[data-figure={name}]").first.get_attribute("data-value")
        assert held is not None, f"{name} holds no value but {self.shown(name)!r}"
        return float(held)

    def at(self, x_cm: float, y_cm: float) -> tuple[float, float]:
        """Return where on the screen a place of the map lies; the map is moved there first."""
        self.run("([x, y]) => dv.map.setView(dv.toMap(x, y), dv.map.getZoom(), {animate: false})", [x_cm, y_cm])
        self.page.locator("#map").scroll_into_view_if_needed()
        return self.screen(x_cm, y_cm)

    def screen(self, x_cm: float, y_cm: float) -> tuple[float, float]:
        """Return where on the screen a place of the map lies."""
        box = self.page.locator("#map").bounding_box()
        point = self.run("([x, y]) => dv.map.latLngToContainerPoint(dv.toMap(x, y))", [x_cm, y_cm])
        return box["x"] + point["x"], box["y"] + point["y"]

    def blameless(self) -> None:
        """Assert that the page asked nothing of any network, and complained of nothing."""
        assert self.requests == []
        assert self.complaints == []
        assert self.dialogs == []


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a browser; skip, saying why, where there is none."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install doorview[test]"
    )
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo_run(demo_result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of the demo town, a copy, with its explorer built anew from the folder."""
    copy = tmp_path_factory.mktemp("browser") / "demo"
    shutil.copytree(demo_result.folder, copy)
    assert main(["explorer", str(copy)]) == 0
    return copy


@pytest.fixture(scope="session")
def altered(
    demo_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """Return a function that builds the explorer of the demo run with its header changed, in a folder of its own."""

    def build(change: Callable[[dict[str, Any]], None]) -> Path:
        folder = tmp_path_factory.mktemp("altered") / "demo"
        shutil.copytree(demo_run, folder)
        path = folder / "working" / "explorer.json"
        header = json.loads(path.read_text(encoding="utf-8"))
        change(header)
        del header["checksums"]
        path.write_text(json.dumps(header), encoding="utf-8")
        assert main(["explorer", str(folder)]) == 0
        return folder

    return build


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Opened]]:
    """Return a function that opens a file in a browser whose network is off, and waits until it is ready."""
    contexts = []

    def opened(path: Path, size: str = "desktop", fragment: str = "", zoom: float = 1.0) -> Opened:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": int(width / zoom), "height": int(height / zoom)},
            device_scale_factor=zoom,
            has_touch=size == "phone",
        )
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        found = Opened(page, path, [], [], [])
        address = path.resolve().as_uri()

        def judge(route: Any) -> None:
            if route.request.url.partition("#")[0] == address:
                route.continue_()
            else:
                found.requests.append(route.request.url)
                route.abort()

        def dismiss(dialog: Any) -> None:
            found.dialogs.append(dialog.message)
            dialog.dismiss()

        context.route("**/*", judge)
        page.on("request", lambda request: _foreign(request.url, address, found.requests))
        page.on(
            "console", lambda message: message.type in {"error", "warning"} and found.complaints.append(message.text)
        )
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on("dialog", dismiss)
        page.goto(address + fragment)
        page.wait_for_function(
            "() => window.dv && dv.map && dv.state && dv.sight && document.querySelector('#portal h2')"
        )
        return found

    yield opened
    for context in contexts:
        context.close()


def _foreign(url: str, address: str, found: list[str]) -> None:
    """Keep what is neither the file itself nor something that it holds (data:, blob:)."""
    if url.partition("#")[0] != address and not url.startswith(("data:", "blob:")) and url not in found:
        found.append(url)
