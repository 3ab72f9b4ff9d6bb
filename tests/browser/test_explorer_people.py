"""The explorer for everyone: by keyboard, by screen reader, and whatever the names on the map hold."""

from __future__ import annotations

import pytest

SIZES = ["desktop", "phone"]
HOSTILE = [
    '<img src=x onerror="window.__x=1;alert(1)">',
    "</script><script>window.__x=1;alert(2)</script>",
    "\"' onmouseover='window.__x=1",
    "javascript:alert(3)",
    "\u202eteertS desreveR",
    "شارع الملك فيصل",
    "רחוב הרצל",
    "Rue 🚪🔔📹 des Sonnettes",
    "{{7*7}} ${7*7} &lt;b&gt;",
    "<svg onload=window.__x=1>",
]


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_no_serious_fault(demo_run, open_page, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    opened = open_page(demo_run / "explorer.html", size)
    opened.run("() => dv.set({unit: 3})")
    for details in opened.page.locator("details").all():
        details.evaluate("node => { node.open = true; }")
    opened.page.locator("[data-control=circle]").click()
    found = axe.Axe().run(opened.page).response["violations"]
    serious = [
        (item["id"], [node["html"][:200] for node in item["nodes"]][:3])
        for item in found
        if item["impact"] in {"serious", "critical"}
    ]
    assert serious == []


@pytest.mark.parametrize("size", SIZES)
def test_tab_reaches_every_control_and_leaves_again(demo_run, open_page, size):
    opened = open_page(demo_run / "explorer.html", size)
    opened.run("() => dv.set({unit: 3})")
    opened.page.wait_for_timeout(1000)  # the table of blocks follows a little later
    wanted = opened.run(
        """() => [...document.querySelectorAll("[data-control], button, input, select, a[href], summary")]
          .filter((node) => !node.disabled && node.checkVisibility({visibilityProperty: true}) && node.tabIndex >= 0)
          .filter((node) => !(node.type === "radio" && !node.checked))
          .map((node, number) => { node.dataset.tabTest = String(number); return node.outerHTML.slice(0, 160); })"""
    )
    assert len(wanted) > 15
    opened.run("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    reached, unmarked = set(), []
    for _ in range(len(wanted) * 3 + 400):
        opened.page.keyboard.press("Tab")
        here = opened.run(
            """() => {
              const node = document.activeElement;
              if (node === document.body || node === null) return null;
              const style = getComputedStyle(node);
              const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
              return {number: node.dataset.tabTest ?? null, seen: ring || style.boxShadow !== "none",
                      html: node.outerHTML.slice(0, 160)};
            }"""
        )
        if here is None:
            break
        if not here["seen"]:
            unmarked.append(here["html"])
        if here["number"] is not None:
            reached.add(int(here["number"]))
    else:
        pytest.fail("Tab never left the page again")
    assert [wanted[number] for number in range(len(wanted)) if number not in reached] == []
    assert unmarked == []


def test_readable_at_twice_the_size(demo_run, open_page):
    # 200 % of 1280 x 900 is a window of 640 x 450 of the page's own pixels.
    opened = open_page(demo_run / "explorer.html", zoom=2.0)
    assert opened.run("() => document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert opened.page.locator("[data-control=rate]").first.is_visible()


@pytest.fixture(scope="module")
def hostile(altered):
    """Return the demo's explorer with hostile names of streets, parks, zones, scenarios and of the place itself."""

    def change(header):
        names = header["names"]
        for number in range(len(names)):
            names[number] = f"{HOSTILE[number % len(HOSTILE)]} {number}"
        header["title"] = header["place"] = header["label"] = HOSTILE[1]
        header["attribution"] = f"© OpenStreetMap contributors {HOSTILE[0]}"
        for item in header["scenarios"]:
            item["label"] = f"{HOSTILE[0]} {item['name']}"
            item["words"] = HOSTILE[9]
        for item in header["spaces"]:
            item["label"] = f"{HOSTILE[9]} {item['name']}"
        header["notes"] = [HOSTILE[1], HOSTILE[4]]

    return altered(change)


@pytest.mark.parametrize("name", ["explorer.html", "explorer-light.html"])
def test_hostile_names_are_text_and_run_nothing(hostile, open_page, name):
    opened = open_page(hostile / name)
    opened.run(
        """() => { window.__broken = [];
          document.addEventListener("securitypolicyviolation",
            (event) => window.__broken.push(event.violatedDirective)); }"""
    )
    units = opened.run("() => dv.arrays.unit_name.length")
    for unit in range(0, units, max(1, units // 12)):
        opened.run("unit => dv.set({unit})", unit)
    for scenario in range(opened.run("() => dv.header.scenarios.length")):
        opened.run(
            "n => dv.set({scenario: typeof dv.state.scenario === 'string' ? dv.header.scenarios[n].name : n})", scenario
        )
    search = opened.page.locator("[data-control=search]").first
    for text in ("<", "onerror", "شارع", "🚪"):
        search.fill(text)
        opened.page.wait_for_timeout(100)
    opened.page.mouse.move(
        *opened.page.locator("#map").evaluate(
            "n => {const r = n.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2];}"
        )
    )
    opened.page.wait_for_timeout(200)
    text = opened.page.locator("body").inner_text()
    assert "onerror" in text
    assert opened.run("() => window.__x") is None
    assert opened.run("() => window.__broken") == []
    assert (
        opened.run("() => document.querySelectorAll('img[src=x], svg[onload], [onmouseover], [onerror]').length") == 0
    )
    opened.blameless()


@pytest.fixture(scope="module")
def real(altered):
    """Return the demo's explorer as if the town were a real place."""
    return altered(lambda header: header.update(fictional=False))


def test_for_a_real_place_small_counts_are_not_told(real, open_page):
    opened = open_page(real / "explorer.html")
    # A circle of 12 m about a door holds one to four doors nearly everywhere in a town of houses.
    told, hidden = 0, 0
    doors = opened.run("() => Array.from(dv.arrays.door_xy)")
    for n in range(0, len(doors), 2 * (len(doors) // 60)):
        counts = opened.run(
            """([x, y]) => {
              dv.request.setArea({kind: "circle", x, y, r: 1200});
              const area = dv.request.area();
              let doors = 0;
              for (let d = 0; d < dv.arrays.door_xy.length / 2; d++)
                if (Math.hypot(dv.arrays.door_xy[2 * d] - x, dv.arrays.door_xy[2 * d + 1] - y) <= area.r) doors += 1;
              const text = (name) => document.querySelector(`[data-figure=${name}]`).textContent;
              const raw = [...document.querySelectorAll("#portal-request [data-value]")].map((n) => n.dataset.figure);
              return {doors, told: text("doors-in-area"), asked: text("asked"), raw};
            }""",
            [doors[n], doors[n + 1]],
        )
        if 0 < counts["doors"] < 5:
            hidden += 1
            assert counts["told"] == "fewer than 5"
            assert counts["asked"] == "fewer than 5"
            assert not {"doors-in-area", "asked", "asked-cannot-see", "answers", "video"} & set(counts["raw"])
        elif counts["doors"] >= 5:
            told += 1
            assert counts["told"] == str(counts["doors"])
    assert hidden > 5


def test_for_a_real_place_a_spot_has_no_sides_under_three_doors(real, open_page):
    opened = open_page(real / "explorer.html")
    faces = opened.run("() => Array.from(dv.arrays.face_xy)")
    few = many = 0
    for n in range(0, len(faces), 2 * max(1, len(faces) // 2 // 150)):
        x, y = faces[n], faces[n + 1]
        found = opened.run(
            "([x, y]) => { dv.set({spot: [x, y]}); return dv.sight.seeing(x, y, dv.state.level).length; }", [x, y]
        )
        sides = opened.page.locator("[data-figure=spot-north]").count()
        shown = opened.shown("spot-doors")
        if 0 < found < 3:
            few += 1
            assert sides == 0
            assert shown == "fewer than 3"
        elif found >= 3:
            many += 1
            assert sides == 1
            assert shown == ("fewer than 5" if found < 5 else str(found))
            for cell in opened.page.locator("#portal-spot tbody td").all_inner_texts():
                assert cell in {"none", "fewer than 5"} or int(cell) >= 5
    assert few > 0
    assert many > 0
