/* Draw an area and a time window: who would be asked for footage, and who of them could have had the spot in view. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const FREE = "assumed: no source gives it";
  const asked = { preset: "community", radius: 150, minutes: 60, portal: 0.5, response: 0.1, active: 1, retention: 30, days: 1 };
  let area = null, corners = [], layer = null, ui = null, drawnFor = null;

  const preset = () => dv.asked.presets.find((item) => item.name === asked.preset);
  const footOr = (metres) => (dv.panel.us() ? metres / 0.3048 : metres);
  const toMetres = (value) => (dv.panel.us() ? value * 0.3048 : value);

  /* The middle of a unit [cm]: half way along the longest of its faces, or the centre of a zone's ring. */
  function middleOfUnit(unit) {
    const a = dv.arrays;
    let best = null, longest = -1;
    for (let f = 0; f < a.face_unit.length; f++) {
      if (a.face_unit[f] !== unit) continue;
      let total = 0;
      for (let i = a.face_start[f]; i + 1 < a.face_start[f + 1]; i++) total += step(a.face_xy, i);
      if (total <= longest) continue;
      longest = total;
      let left = total / 2;
      for (let i = a.face_start[f]; i + 1 < a.face_start[f + 1]; i++) {
        const part = step(a.face_xy, i);
        if (left <= part) {
          const t = part > 0 ? left / part : 0;
          best = [0, 1].map((k) => Math.round(a.face_xy[2 * i + k] * (1 - t) + a.face_xy[2 * i + 2 + k] * t));
          break;
        }
        left -= part;
      }
    }
    if (best !== null || !a.zone_ring_unit) return best;
    for (let r = 0; r < a.zone_ring_unit.length; r++) {
      if (a.zone_ring_unit[r] !== unit) continue;
      const xy = [];
      for (let i = a.zone_start[r]; i + 1 < a.zone_start[r + 1]; i++) xy.push([a.zone_xy[2 * i], a.zone_xy[2 * i + 1]]);
      if (xy.length > 2) return dv.asked.middle({ kind: "polygon", xy });
    }
    return null;
  }
  const step = (xy, i) => Math.hypot(xy[2 * i + 2] - xy[2 * i], xy[2 * i + 3] - xy[2 * i + 1]);

  const middleOfMap = () => dv.fromMap(dv.map.getCenter()).map(Math.round);

  /* Where the circle goes: round the chosen block, else the chosen spot, else the map's middle. */
  function centre() {
    const unit = dv.state.unit;
    const block = unit !== null && unit !== undefined && unit >= 0 ? middleOfUnit(unit) : null;
    return block || dv.state.spot || middleOfMap();
  }

  function outline(shape) {
    if (shape.kind === "polygon") return shape.xy.map(([x, y]) => dv.toMap(x, y));
    const points = [];
    for (let i = 0; i < 72; i++) {
      const turn = (i * Math.PI) / 36;
      points.push(dv.toMap(shape.x + shape.r * Math.sin(turn), shape.y + shape.r * Math.cos(turn)));
    }
    return points;
  }

  function draw() {
    if (layer === null) layer = window.L.layerGroup().addTo(dv.map);
    layer.clearLayers();
    const style = { color: "#b3005e", weight: 3, dashArray: "6 4", fill: true, fillOpacity: 0.08, interactive: false };
    if (area !== null) window.L.polygon(outline(area), style).addTo(layer);
    if (corners.length) {
      window.L.polyline(corners.map(([x, y]) => dv.toMap(x, y)), { ...style, fill: false }).addTo(layer);
      for (const [x, y] of corners) {
        window.L.circleMarker(dv.toMap(x, y), { radius: 5, color: "#b3005e", fillOpacity: 1, interactive: false }).addTo(layer);
      }
    }
  }

  function setArea(found) {
    area = found;
    corners = [];
    draw();
    tell();
  }

  function drawing(on) {
    dv.set({ mode: on ? "area" : null });
    if (!on) corners = [];
    draw();
    tell();
  }

  function addCorner(xy) {
    corners.push(xy);
    draw();
    tell();
  }

  function finish() {
    if (corners.length < 3) {
      dv.panel.put(ui.status, "An area needs at least 3 corners.");
      return;
    }
    const found = { kind: "polygon", xy: corners.slice() };
    dv.set({ mode: null });
    setArea(found);
  }

  /* A labelled number; `scale` turns what is typed into what is kept. */
  function field(name, label, key, options) {
    const { h } = dv.panel, id = "dv-" + name;
    const read = options.read || ((value) => value), show = options.show || ((value) => value);
    const input = h("input", {
      id, type: "number", min: options.min, max: options.max, step: options.step, data: { control: name },
      "aria-describedby": options.note ? id + "-note" : null,
    });
    input.value = show(asked[key]);
    input.addEventListener("input", () => {
      const value = Number(input.value);
      const bad = input.value === "" || !Number.isFinite(value) || value < Number(input.min) || value > Number(input.max);
      input.setAttribute("aria-invalid", String(bad));
      if (bad) return;
      asked[key] = read(value);
      if (key === "radius" && area !== null && area.kind === "circle") setArea({ ...area, r: asked.radius * 100 });
      else tell();
    });
    return h(
      "div", { class: "dv-field" },
      h("label", { for: id }, label), input,
      options.note ? h("span", { id: id + "-note", class: "dv-small" }, options.note) : null,
    );
  }

  const hundredth = { min: 0, max: 100, step: 1, read: (v) => v / 100, show: (v) => Math.round(v * 100) };

  function build(section) {
    const { h } = dv.panel, figure = (name) => h("span", { class: "dv-figure", data: { figure: name } });
    const button = (label, control, call) => h("button", { type: "button", data: { control }, on: { click: call } }, label);
    const choose = h(
      "select", { id: "dv-preset", data: { control: "preset" } },
      dv.asked.presets.map((item) => h("option", { value: item.name }, item.label)),
    );
    choose.addEventListener("change", () => {
      asked.preset = choose.value;
      tell();
    });
    ui = {
      dates: h("p", { class: "dv-small" }),
      draw: button("Draw on the map", "draw", () => drawing(dv.state.mode !== "area")),
      corner: button("Add the map’s middle as a corner", "draw-corner", () => addCorner(middleOfMap())),
      undo: button("Take the last corner back", "draw-undo", () => {
        corners.pop();
        draw();
        tell();
      }),
      finish: button("Close the area", "draw-finish", finish),
      clear: button("Clear the area", "draw-clear", () => setArea(null)),
      status: h("p", { role: "status", class: "dv-status" }),
      area: figure("area"), homes: figure("homes-in-area"), doors: figure("doors-in-area"), asked: figure("asked"),
      can: figure("can-see"), cannot: figure("asked-cannot-see"), answers: figure("answers"), video: figure("video"),
      note: h("p", { class: "dv-small" }),
      bars: h("div", { class: "dv-bars" }),
      barsNote: h("p", { class: "dv-small" }),
    };
    ui.drawing = h("div", { class: "dv-row", hidden: true }, ui.corner, ui.undo, ui.finish);
    ui.results = h(
      "dl", { class: "dv-list", hidden: true },
      h("dt", {}, "Area"), h("dd", {}, ui.area),
      h("dt", {}, "Homes in it"), h("dd", {}, ui.homes),
      h("dt", {}, "Front doors in it"), h("dd", {}, ui.doors),
      h("dt", {}, "Owners who would be asked"), h("dd", {}, ui.asked),
      h("dt", {}, "Front doors from which the spot can be in view at all"), h("dd", {}, ui.can),
      h("dt", {}, "Of those asked, could not have seen it"), h("dd", {}, ui.cannot),
      h("dt", {}, "Answers to expect"), h("dd", {}, ui.answers),
      h("dt", {}, "Video asked for, at most"), h("dd", {}, ui.video),
    );
    section.append(
      h("h3", {}, "Ask for footage"),
      h("div", { class: "dv-field" }, h("label", { for: "dv-preset" }, "Tool and its time"), choose),
      ui.dates,
      h(
        "fieldset", {}, h("legend", {}, "Area"),
        field("radius", dv.panel.us() ? "Radius of the circle [ft]" : "Radius of the circle [m]", "radius", {
          min: dv.panel.us() ? 30 : 10, max: dv.panel.us() ? 16000 : 5000, step: 1,
          read: toMetres, show: (value) => Math.round(footOr(value)),
        }),
        h(
          "div", { class: "dv-row" },
          button("Circle round the chosen block", "circle", () => {
            const [x, y] = centre();
            dv.set({ mode: null });
            setArea({ kind: "circle", x, y, r: Math.round(asked.radius * 100) });
          }),
          ui.draw, ui.clear,
        ),
        ui.drawing,
      ),
      field("minutes", "Time window [minutes]", "minutes", { min: 1, max: 10080, step: 1 }),
      field("portal-share", "Owners who are on the portal [%]", "portal", { ...hundredth, note: FREE }),
      field("response", "Owners who answer when asked [%]", "response", { ...hundredth, note: asked.responseNote || FREE }),
      ui.status,
      ui.results,
      ui.note,
      h(
        "details", {}, h("summary", {}, "From in view to shared"),
        field("active", "Cameras that work and record [%]", "active", { ...hundredth, note: asked.activeNote || FREE }),
        field("retention", "Days that footage is kept", "retention", { min: 0, max: 3650, step: 1, note: asked.retentionNote || FREE }),
        field("days", "Days from the event to the request", "days", { min: 0, max: 3650, step: 1, note: asked.daysNote || FREE }),
        ui.bars, ui.barsNote,
      ),
    );
  }

  /* Shares at each step, of the chosen block or the whole area: owners thinned, each step within the one before. */
  function steps() {
    const { state, header } = dv, unit = state.unit;
    const there = unit !== null && unit !== undefined && unit >= 0;
    const at = (keep) =>
      there
        ? dv.unitShare(unit, state.level, state.space, state.rate * keep, state.scenario, 1)
        : dv.share(state.level, state.space, state.rate * keep, state.scenario, 0);
    const kept = asked.active * (asked.retention >= asked.days ? 1 : 0);
    const fixed = dv.panel.scenario().kind === "fixed";
    return [
      ["In view", at(1)],
      ["Recorded", fixed ? NaN : at(asked.active)],
      ["Kept", fixed ? NaN : at(kept)],
      ["Shared", fixed ? NaN : at(kept * asked.portal * asked.response)],
      there ? dv.panel.unitName(unit) : header.place || "the whole area",
    ];
  }

  function bars() {
    const { h, percent } = dv.panel, found = steps(), where = found.pop();
    ui.bars.replaceChildren(
      h(
        "table", { class: "dv-steps" },
        h("caption", {}, `Share of ${dv.panel.space().label} (${dv.panel.level().name}), ${where}`),
        h("thead", {}, h("tr", {}, ["Step", "Share", "Bar"].map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, found.map(([name, share]) => {
          const bar = h("span", { class: "dv-bar", "aria-hidden": "true" });
          bar.style.width = `${Number.isNaN(share) ? 0 : Math.max(0, Math.min(1, share)) * 100}%`;
          const known = !Number.isNaN(share) && share !== null;
          const value = h("td", { data: { figure: "step-" + name.toLowerCase().replace(" ", "-") } }, percent(share));
          if (known) value.setAttribute("data-value", String(share));
          return h("tr", {}, h("th", { scope: "row" }, name), value, h("td", { class: "dv-track" }, bar));
        })),
      ),
    );
    const kind = dv.panel.scenario().kind;
    dv.panel.put(
      ui.barsNote,
      kind === "fixed"
        ? "This scenario gives a fixed set of owners: the later steps are not computed for it."
        : "Each camera works, and each owner is on the portal and answers, independently of the others" +
            (kind === "curve" ? "; for this scenario that is taken as its own curve at the lower ownership, which is near but not exact." : "."),
    );
  }

  function tell() {
    if (ui === null) return;
    const { put, counted, hidden, expected, surface } = dv.panel, tool = preset();
    put(ui.dates, `${tool.dates}. ${tool.words} Source: ${tool.source}.`);
    const active = dv.state.mode === "area";
    ui.draw.setAttribute("aria-pressed", String(active));
    ui.drawing.hidden = !active;
    ui.clear.disabled = area === null;
    ui.undo.disabled = corners.length === 0;
    bars();
    if (!dv.sight.ready()) {
      put(ui.status, "This light file holds totals of blocks only. The full file counts who would be asked.");
      ui.draw.disabled = true;
      return;
    }
    if (active) {
      put(ui.status, `Drawing: ${corners.length} corners. Click the map, or move it with the arrow keys and press Enter to take its middle; then close the area.`);
    } else if (area === null) put(ui.status, "No area yet: put a circle round the chosen block, or draw one.");
    const wrong = area === null ? [] : dv.asked.faults(tool, area, asked.minutes);
    const usable = area !== null && wrong.length === 0;
    ui.results.hidden = !usable;
    ui.note.hidden = !usable;
    if (wrong.length) put(ui.status, `${wrong.join(" ")} (${tool.label}; this area: ${surface(dv.asked.areaM2(area))}.)`);
    if (!usable) return;
    const spot = dv.state.spot || dv.asked.middle(area);
    const found = dv.asked.count(dv.header, dv.arrays, {
      area, spot, level: dv.state.level, rate: dv.state.rate, scenario: dv.state.scenario, portalShare: asked.portal,
    });
    if (!active) put(ui.status, `Counted: ${tool.label}.`);
    put(ui.area, surface(dv.asked.areaM2(area)), dv.asked.areaM2(area));
    put(ui.homes, counted(found.homes), hidden(found.homes) ? null : found.homes);
    put(ui.doors, counted(found.doors), hidden(found.doors) ? null : found.doors);
    put(ui.can, counted(found.seeing), hidden(found.seeing) ? null : found.seeing);
    // Where a count of doors may not be told, nothing that gives it away by a division is told either.
    const few = hidden(found.doors);
    put(ui.asked, few ? "fewer than 5" : expected(found.asked), few ? null : found.asked);
    put(ui.answers, few ? "fewer than 5" : expected(found.asked * asked.response), few ? null : found.asked * asked.response);
    if (few) put(ui.cannot, "fewer than 5", null);
    else if (hidden(found.seeingInArea)) {
      const least = found.asked * Math.max(0, 1 - 4 / found.doors);
      put(ui.cannot, least >= 1 ? `at least ${Math.floor(least)}` : "most of them", null);
    } else {
      const part = found.asked > 0 ? ` (${dv.panel.percent(found.askedCannot / found.asked)} of them)` : "";
      put(ui.cannot, expected(found.askedCannot) + part, found.askedCannot);
    }
    const hours = (found.asked * asked.minutes) / 60;
    put(ui.video, few ? "not shown" : `${expected(hours)} hours, if every camera recorded without a break`, few ? null : hours);
    put(
      ui.note,
      `The spot is ${dv.state.spot ? "the one you chose" : "the middle of the area"}. ${dv.panel.scenarioWords()} Expected numbers, ` +
        "not counts of real doorbells; the time window changes how much video is asked for, not who is asked." +
        dv.panel.cutViews(),
    );
  }

  /* Clicks on the map while an area is drawn. */
  function listen() {
    if (drawnFor === dv.map) return;
    drawnFor = dv.map;
    dv.map.on("click", (event) => {
      if (dv.state.mode === "area") addCorner(dv.fromMap(event.latlng).map(Math.round));
    });
    const box = dv.map.getContainer();
    // By keyboard: arrow keys move the map, Enter takes its middle (marked by a cross), Escape leaves.
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target !== box) return;
      if (dv.state.mode === "area") addCorner(middleOfMap());
      if (dv.state.mode === "spot") dv.set({ spot: middleOfMap(), mode: null });
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && dv.state.mode) drawing(false);
    });
    dv.on((state) => {
      const choosing = state.mode === "area" || state.mode === "spot";
      box.classList.toggle("dv-choosing", choosing);
      // Two quick clicks are two corners.
      dv.map.doubleClickZoom[choosing ? "disable" : "enable"]();
    });
  }

  dv.request = {
    start() {
      const given = dv.header.stages;
      if (given) {
        if (typeof given.active === "number") [asked.active, asked.activeNote] = [given.active, "as the run's study says"];
        if (typeof given.retention_days === "number") {
          [asked.retention, asked.retentionNote] = [given.retention_days, "as the run's study says"];
        }
        if (typeof given.asked_after_days === "number") {
          [asked.days, asked.daysNote] = [given.asked_after_days, "as the run's study says"];
        }
        if (typeof given.agrees === "number") [asked.response, asked.responseNote] = [given.agrees, "as the run's study says; no source gives it"];
      }
      build(document.getElementById("portal-request"));
      listen();
      dv.on(tell);
      tell();
    },
    area: () => area,
    setArea,
    middleOfUnit,
    middleOfMap,
    settings: asked,
  };
})();
