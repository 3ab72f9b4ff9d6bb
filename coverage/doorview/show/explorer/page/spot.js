/* Click a spot: from which sides it could be seen, and by how many doors. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const SIDES = ["north", "east", "south", "west"];
  const LEAST = 3; // fewer doors are not told apart
  let ui = null, layer = null, dots = null;

  /* Doors by the quarter of the compass in which they lie, seen from the spot: north is from -45 to 45 degrees. */
  function quadrants(x, y, doors) {
    const out = [[], [], [], []];
    for (const door of doors) {
      const dx = dv.arrays.door_xy[2 * door] - x, dy = dv.arrays.door_xy[2 * door + 1] - y;
      const bearing = (Math.atan2(dx, dy) * 180) / Math.PI;
      out[Math.floor((((bearing + 45) % 360) + 360) % 360 / 90)].push(door);
    }
    return out;
  }

  const owner = (door) => dv.arrays.door_u[door] < dv.state.rate;
  /* Single simulated owners: only in the fictional town, and only where each door owns by the slider's rate. */
  const owners = () => dv.header.fictional && dv.arrays.door_u && dv.panel.scenario().kind === "independent";

  function build(section) {
    const { h } = dv.panel;
    ui = {
      button: h("button", { type: "button", data: { control: "spot" }, on: { click: () => dv.set({ mode: dv.state.mode === "spot" ? null : "spot" }) } }, "Choose a spot on the map"),
      middle: h("button", { type: "button", data: { control: "spot-middle" }, on: { click: () => dv.set({ spot: dv.request.middleOfMap(), mode: null }) } }, "Take the map’s middle"),
      clear: h("button", { type: "button", data: { control: "spot-clear" }, on: { click: () => dv.set({ spot: null }) } }, "Clear the spot"),
      owners: h("input", { type: "checkbox", id: "dv-owners", data: { control: "owners" }, on: { change: () => refresh() } }),
      status: h("p", { role: "status", class: "dv-status" }),
      total: h("span", { class: "dv-figure", data: { figure: "spot-doors" } }),
      table: h("div", {}),
      note: h("p", { class: "dv-small" }),
    };
    ui.body = h("div", { hidden: true }, h("p", {}, "Front doors from which it could be in view: ", ui.total, "."), ui.table, ui.note);
    ui.all = h(
      "div", { class: "dv-check", hidden: !dv.header.fictional || !dv.arrays.door_u }, ui.owners,
      h("label", { for: "dv-owners" }, "Draw every simulated owner of this fictional town (one draw of many)"),
    );
    section.append(h("h3", {}, "A spot: from where could it be seen?"), h("div", { class: "dv-row" }, ui.button, ui.middle, ui.clear), ui.status, ui.body, ui.all);
  }

  /* Every door that owns a camera in the draw shown; dots are made once and come and go with the slider. */
  function drawOwners() {
    const wanted = owners() && ui.owners.checked;
    ui.owners.disabled = !owners();
    if (!wanted && dots === null) return;
    if (dots === null) {
      dots = { layer: window.L.layerGroup().addTo(dv.map), made: [] };
      for (let door = 0; door < dv.arrays.door_u.length; door++) {
        const at = dv.toMap(dv.arrays.door_xy[2 * door], dv.arrays.door_xy[2 * door + 1]);
        dots.made.push(
          window.L.circleMarker(at, { radius: 4, color: "#ffffff", weight: 1, fillColor: "#7a003f", fillOpacity: 1, interactive: false }),
        );
      }
    }
    dots.made.forEach((dot, door) => {
      const has = wanted && owner(door);
      if (has !== dots.layer.hasLayer(dot)) {
        if (has) dots.layer.addLayer(dot);
        else dots.layer.removeLayer(dot);
      }
    });
  }

  function draw(spot, byQuadrant, shown) {
    const L = window.L;
    if (layer === null) layer = L.layerGroup().addTo(dv.map);
    layer.clearLayers();
    if (!spot) return;
    const [x, y] = spot;
    if (shown) {
      const reach = dv.panel.level().range_m * 100, most = Math.max(...byQuadrant.map((list) => list.length));
      byQuadrant.forEach((list, side) => {
        if (list.length === 0) return;
        const points = [dv.toMap(x, y)];
        for (let i = -9; i <= 9; i++) {
          const turn = ((side * 90 + i * 5) * Math.PI) / 180;
          points.push(dv.toMap(x + reach * Math.sin(turn), y + reach * Math.cos(turn)));
        }
        const opacity = 0.12 + (0.3 * list.length) / most;
        L.polygon(points, { color: "#b3005e", weight: 1, fillColor: "#b3005e", fillOpacity: opacity, interactive: false }).addTo(layer);
      });
    }
    if (owners()) {
      for (const door of byQuadrant.flat()) {
        const at = dv.toMap(dv.arrays.door_xy[2 * door], dv.arrays.door_xy[2 * door + 1]), has = owner(door);
        L.polyline([at, dv.toMap(x, y)], { color: has ? "#7a003f" : "#555555", weight: has ? 2.5 : 1, dashArray: has ? null : "3 4", interactive: false }).addTo(layer);
        L.circleMarker(at, { radius: has ? 6 : 4, color: "#ffffff", weight: 1, fillColor: has ? "#7a003f" : "#777777", fillOpacity: 1, interactive: false }).addTo(layer);
      }
    }
    L.circleMarker(dv.toMap(x, y), { radius: 7, color: "#ffffff", weight: 3, fillColor: "#000000", fillOpacity: 1, interactive: false }).addTo(layer);
  }

  function refresh() {
    if (ui === null) return;
    const { h, put, counted, hidden, level } = dv.panel, spot = dv.state.spot;
    const choosing = dv.state.mode === "spot";
    ui.button.setAttribute("aria-pressed", String(choosing));
    ui.clear.disabled = !spot;
    if (!dv.sight.ready()) {
      ui.button.disabled = ui.middle.disabled = true;
      put(ui.status, "This light file holds no sight lines: the full file answers for single spots.");
      return;
    }
    drawOwners();
    ui.body.hidden = !spot;
    put(ui.status, choosing ? "Click the map where the spot is." : spot ? `The spot is marked on the map. Level: ${level().name}, ${level().plain}.` : "No spot yet.");
    if (!spot) {
      if (layer !== null) layer.clearLayers();
      return;
    }
    const doors = dv.sight.seeing(spot[0], spot[1], dv.state.level), parts = quadrants(spot[0], spot[1], doors);
    const shown = doors.length >= LEAST || dv.header.fictional;
    const few = !dv.header.fictional && doors.length > 0 && doors.length < LEAST;
    put(ui.total, few ? "fewer than 3" : doors.length === 0 ? "none" : counted(doors.length), few || hidden(doors.length) ? null : doors.length);
    const listed = shown && doors.length > 0;
    ui.table.replaceChildren();
    if (listed) {
      ui.table.append(
        h(
          "table", {}, h("caption", {}, "By the side of the spot on which the door lies"),
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "From the"), h("th", { scope: "col" }, "Front doors"))),
          h("tbody", {}, SIDES.map((side, n) => {
            const cell = h("td", { data: { figure: "spot-" + side } }, parts[n].length ? counted(parts[n].length) : "none");
            if (!hidden(parts[n].length)) cell.setAttribute("data-value", String(parts[n].length));
            return h("tr", {}, h("th", { scope: "row" }, side), cell);
          })),
        ),
      );
    }
    const drawn = owners() ? ` Of these doors ${doors.filter(owner).length} own(s) a simulated doorbell in the draw shown (filled dots): this town is fictional.` : "";
    const why = few ? "Sides are told only where at least 3 doors could see the spot." : "";
    const notes = (dv.header.sight && dv.header.sight.notes ? dv.header.sight.notes : []).join(" ");
    put(ui.note, `${why} Whether or not the door has a doorbell; by single sight lines past the walls of this run.${dv.panel.cutViews()}${drawn} ${notes}`.trim());
    draw(spot, parts, listed);
  }

  dv.spot = {
    start() {
      build(document.getElementById("portal-spot"));
      dv.map.on("click", (event) => {
        if (dv.state.mode === "spot") dv.set({ spot: dv.fromMap(event.latlng).map(Math.round), mode: null });
      });
      dv.on(refresh);
      refresh();
    },
    quadrants,
  };
})();
