/* The map: Leaflet moves it, one canvas draws it straight from the arrays. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const L = window.L;
  const PAD = 0.2; // of the map's size, drawn around it, so that a drag shows no bare edge
  const BINS = 50;

  /* viridis, 11 stops (matplotlib, CC0): told apart by the colour-blind, and in grey. */
  const STOPS = [
    [68, 1, 84], [72, 36, 117], [65, 68, 135], [53, 95, 141], [42, 120, 142], [33, 145, 140],
    [34, 168, 132], [68, 191, 112], [122, 209, 81], [189, 223, 38], [253, 231, 37],
  ];
  function colour(t) {
    const x = Math.min(1, Math.max(0, t)) * (STOPS.length - 1), i = Math.min(STOPS.length - 2, Math.floor(x)), f = x - i;
    return STOPS[i].map((v, c) => Math.round(v + f * (STOPS[i + 1][c] - v)));
  }
  /* Dark is much: the map's ground is light. The palest yellow is left out, as it would be lost on it. */
  const css = (t) => `rgb(${colour((1 - t) * 0.93).join(",")})`;
  const COLOURS = Array.from({ length: BINS }, (_, i) => css((i + 0.5) / BINS));
  const NONE = "#b9bec6";

  let canvas = null, base = null, view = null, pending = 0, tip = null, baseFor = "";
  const spans = new Map();

  dv.toMap = (x, y) => L.latLng(y / 100, x / 100);
  dv.fromMap = (latlng) => [latlng.lng * 100, latlng.lat * 100];
  dv.colours = { css, colour, none: NONE, stops: STOPS };

  dv.baseLayers = () => [
    { name: "faces", label: "Block faces (a street's two sides between junctions)" },
    ...zonings().map((item) => ({ name: `zones-${item.number}`, label: item.label })),
    ...(dv.arrays.walk_start ? [{ name: "walks", label: "Walking: share of each street's walk in view" }] : []),
    { name: "none", label: "Streets without a colour" },
  ];
  const zonings = () =>
    (dv.arrays.zone_start ? dv.header.zonings : []).map((item, number) => ({
      number, label: `Zones: ${typeof item === "string" ? item : item.label || item.name}`,
    }));
  /* Shares of walks in a scenario at a rate, by edge; null where they are not computed: at another rate, or for it at all. */
  dv.walkShares = (scenario, rate) => {
    const said = dv.header.walks, a = dv.arrays;
    if (!said || !a.walk_start) return null;
    const who = said.scenarios.indexOf(scenario), own = dv.words.scenario(scenario).rate;
    if (who < 0 || (typeof own === "number" && Math.abs(own - rate) > 0.0051)) return null;
    const edges = a.walk_start.length - 1, level = dv.header.levels.findIndex((item) => item.name === dv.state.level);
    const from = (who * dv.header.levels.length + level) * edges;
    return a.walk_share.subarray(from, from + edges);
  };
  const walking = () => dv.state.layer === "walks";
  const walkShare = (shares, edge) => (shares === null || shares[edge] > dv.header.walks.scale ? NaN : shares[edge] / dv.header.walks.scale);
  const zoning = () => (dv.state.layer.startsWith("zones-") ? Number(dv.state.layer.slice(6)) : -1);

  /* Bounding boxes of parts, worked out once: what lies outside the picture is not drawn. */
  function boxes(startName, xyName) {
    if (!spans.has(xyName)) {
      const start = dv.arrays[startName], xy = dv.arrays[xyName], n = Math.max(0, start.length - 1);
      const out = new Int32Array(4 * n);
      for (let p = 0; p < n; p++) {
        let x0 = 2147483647, y0 = x0, x1 = -x0, y1 = -x0;
        for (let i = start[p]; i < start[p + 1]; i++) {
          const x = xy[2 * i], y = xy[2 * i + 1];
          if (x < x0) x0 = x;
          if (x > x1) x1 = x;
          if (y < y0) y0 = y;
          if (y > y1) y1 = y;
        }
        out[4 * p] = x0; out[4 * p + 1] = y0; out[4 * p + 2] = x1; out[4 * p + 3] = y1;
      }
      spans.set(xyName, out);
    }
    return spans.get(xyName);
  }
  const seen = (box, p) => box[4 * p] <= view.x1 && box[4 * p + 2] >= view.x0 && box[4 * p + 1] <= view.y1 && box[4 * p + 3] >= view.y0;

  function trace(ctx, xy, from, to, closed) {
    const { k, bx, by } = view;
    ctx.moveTo(bx + k * xy[2 * from], by - k * xy[2 * from + 1]);
    // Corners nearer than half a pixel to the one before are left out; the last one never is, so that lines join.
    const least = 0.5 / k;
    let px = xy[2 * from], py = xy[2 * from + 1];
    for (let i = from + 1; i < to; i++) {
      const x = xy[2 * i], y = xy[2 * i + 1];
      if (i < to - 1 && Math.abs(x - px) < least && Math.abs(y - py) < least) continue;
      ctx.lineTo(bx + k * x, by - k * y);
      px = x;
      py = y;
    }
    if (closed) ctx.closePath();
  }

  /* All parts of one kind in one path; parts of under half a pixel are left out. */
  function paths(ctx, startName, xyName, closed, keep) {
    const start = dv.arrays[startName], xy = dv.arrays[xyName];
    if (!start || !xy) return;
    const box = boxes(startName, xyName), least = 0.5 / view.k;
    ctx.beginPath();
    for (let p = 0; p < start.length - 1; p++) {
      if (!seen(box, p) || (keep && !keep(p))) continue;
      if (closed && box[4 * p + 2] - box[4 * p] < least && box[4 * p + 3] - box[4 * p + 1] < least) continue;
      trace(ctx, xy, start[p], start[p + 1], closed);
    }
  }

  function look() {
    const size = dv.map.getSize(), zero = dv.map.latLngToContainerPoint(L.latLng(0, 0));
    const scale = dv.map.getZoomScale(dv.map.getZoom(), 0), padX = Math.round(size.x * PAD), padY = Math.round(size.y * PAD);
    const w = size.x + 2 * padX, h = size.y + 2 * padY, k = scale / 100, bx = zero.x + padX, by = zero.y + padY;
    view = {
      w, h, padX, padY, k, bx, by, ratio: Math.min(2, window.devicePixelRatio || 1), scale,
      x0: -bx / k, x1: (w - bx) / k, y0: (by - h) / k, y1: by / k,
    };
  }

  function fit(node) {
    const w = Math.round(view.w * view.ratio), h = Math.round(view.h * view.ratio);
    if (node.width !== w || node.height !== h) {
      node.width = w;
      node.height = h;
      node.style.width = view.w + "px";
      node.style.height = view.h + "px";
    }
    L.DomUtil.setPosition(node, dv.map.containerPointToLayerPoint([-view.padX, -view.padY]));
    const ctx = node.getContext("2d");
    ctx.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    ctx.clearRect(0, 0, view.w, view.h);
    return ctx;
  }

  function drawBase() {
    const ctx = fit(base);
    paths(ctx, "green_start", "green_xy", true);
    ctx.fillStyle = "#dcebd5";
    ctx.fill();
    paths(ctx, "water_start", "water_xy", true);
    ctx.fillStyle = "#cfe0ee";
    ctx.fill();
    if (view.scale > 0.12) {
      paths(ctx, "ring_start", "ring_xy", true);
      ctx.fillStyle = "#d5d2cc";
      ctx.fill("evenodd");
      if (view.scale > 1.5) {
        ctx.strokeStyle = "#a9a49b";
        ctx.lineWidth = 0.7;
        ctx.stroke();
      }
    }
  }

  const lineWidth = () => Math.max(dv.arrays.face_unit.length > 20000 ? 1 : 1.5, Math.min(14, (view.scale > 0.3 ? 2.4 : 0.6) + 5 * view.scale));

  /* Shares on the map, of one scenario at one rate. */
  function drawShares(ctx, scenario, rate) {
    const { level, space } = dv.state, a = dv.arrays, z = zoning();
    // Round ends cost much and show only on thick lines.
    ctx.lineJoin = lineWidth() < 3 ? "bevel" : "round";
    ctx.lineCap = lineWidth() < 3 ? "butt" : "round";
    if (dv.state.layer === "none" || z >= 0) {
      paths(ctx, "face_start", "face_xy", false);
      ctx.strokeStyle = "#ffffff";
      ctx.lineWidth = lineWidth();
      ctx.stroke();
    }
    if (dv.state.layer === "none") return;
    const walks = walking() ? dv.walkShares(scenario, rate) : null;
    const shares = walking() ? null : dv.unitShares(level, space, rate, scenario);
    const share = (unit) => (walking() ? walkShare(walks, unit) : shares[unit]);
    const bin = (unit) => (unit < 0 || Number.isNaN(share(unit)) ? BINS : Math.min(BINS - 1, Math.floor(share(unit) * BINS)));
    const [start, xy, unitOf, startName, xyName] = z >= 0
      ? [a.zone_start, a.zone_xy, a.zone_ring_unit, "zone_start", "zone_xy"]
      : walking()
        ? [a.walk_start, a.walk_xy, null, "walk_start", "walk_xy"]
        : [a.face_start, a.face_xy, a.face_unit, "face_start", "face_xy"];
    const box = boxes(startName, xyName), n = start.length - 1;
    // Parts by colour (a counting sort), so that each colour is one path and one stroke.
    const counts = new Uint32Array(BINS + 2), bins = new Uint8Array(n), order = new Uint32Array(n);
    const shown = (p) => seen(box, p) && (z < 0 || a.unit_zoning[unitOf[p]] === z);
    for (let p = 0; p < n; p++) {
      bins[p] = shown(p) ? bin(unitOf ? unitOf[p] : p) : 255;
      if (bins[p] !== 255) counts[bins[p] + 1] += 1;
    }
    for (let b = 0; b <= BINS; b++) counts[b + 1] += counts[b];
    const next = counts.slice();
    for (let p = 0; p < n; p++) if (bins[p] !== 255) order[next[bins[p]]++] = p;
    if (z < 0 && lineWidth() >= 2) {
      // A dark edge, so that the palest colour stands out from the ground too.
      ctx.beginPath();
      for (let i = counts[0]; i < counts[BINS]; i++) trace(ctx, xy, start[order[i]], start[order[i] + 1], false);
      ctx.strokeStyle = "#59616b";
      ctx.lineWidth = lineWidth() + 1.4;
      ctx.stroke();
    }
    for (let turn = 0; turn <= BINS; turn++) {
      const b = (turn + BINS) % (BINS + 1); // grey first, so that it hides nothing
      if (counts[b] === counts[b + 1]) continue;
      ctx.beginPath();
      for (let i = counts[b]; i < counts[b + 1]; i++) trace(ctx, xy, start[order[i]], start[order[i] + 1], z >= 0);
      if (z >= 0) {
        ctx.fillStyle = b === BINS ? NONE : COLOURS[b];
        ctx.globalAlpha = 0.75;
        ctx.fill("evenodd");
        ctx.globalAlpha = 1;
        ctx.strokeStyle = "#3a3f47";
        ctx.lineWidth = 1;
      } else {
        ctx.strokeStyle = b === BINS ? NONE : COLOURS[b];
        ctx.lineWidth = b === BINS ? Math.max(1, lineWidth() * 0.6) : lineWidth();
      }
      ctx.stroke();
    }
  }

  /* The chosen unit, ringed in black and white. */
  function drawChosen(ctx) {
    const unit = dv.state.unit, a = dv.arrays;
    if (unit === null || unit < 0) return;
    const zone = a.unit_zoning[unit] >= 0;
    ctx.lineJoin = ctx.lineCap = "round";
    const draw = (width, style) => {
      if (zone) paths(ctx, "zone_start", "zone_xy", true, (p) => a.zone_ring_unit[p] === unit);
      else paths(ctx, "face_start", "face_xy", false, (p) => a.face_unit[p] === unit);
      ctx.strokeStyle = style;
      ctx.lineWidth = width;
      ctx.stroke();
    };
    draw((zone ? 0 : lineWidth()) + 7, "#000000");
    draw((zone ? 0 : lineWidth()) + 3.5, "#ffffff");
    if (zone) return;
    const share = dv.unitShare(unit, dv.state.level, dv.state.space, dv.state.rate, dv.state.scenario);
    draw(lineWidth(), Number.isNaN(share) ? NONE : css(share));
  }

  function draw() {
    pending = 0;
    look();
    const key = [view.bx, view.by, view.k, view.w, view.h, view.ratio].join(" ");
    if (key !== baseFor) {
      drawBase();
      baseFor = key;
    }
    const ctx = fit(canvas), { compare, scenario, rate } = dv.state;
    if (compare === null) drawShares(ctx, scenario, rate);
    else {
      const edge = view.padX + dv.state.divider * (view.w - 2 * view.padX);
      const half = (x, width, who, at) => {
        ctx.save();
        ctx.beginPath();
        ctx.rect(x, 0, width, view.h);
        ctx.clip();
        drawShares(ctx, who, at);
        ctx.restore();
      };
      half(0, edge, scenario, rate);
      half(edge, view.w - edge, compare.scenario, compare.rate);
    }
    drawChosen(ctx);
    if (dv.drawHeat) dv.drawHeat(fit, view);
  }
  const redraw = () => {
    if (!pending) pending = requestAnimationFrame(draw);
  };

  /* Nearest published face within `reach` pixels of a place [cm]; else the zone that holds it, where zones are shown. */
  function pick(x, y, reach) {
    const a = dv.arrays, z = zoning();
    if (z >= 0) {
      for (let p = 0; p < a.zone_start.length - 1; p++) {
        const unit = a.zone_ring_unit[p];
        if (a.unit_zoning[unit] === z && inUnit(unit, x, y)) return unit;
      }
      return -1;
    }
    const far = reach / view.k, box = boxes("face_start", "face_xy");
    let best = far * far, found = -1;
    for (let f = 0; f < a.face_unit.length; f++) {
      if (a.face_unit[f] < 0 || box[4 * f] > x + far || box[4 * f + 2] < x - far || box[4 * f + 1] > y + far || box[4 * f + 3] < y - far) continue;
      for (let i = a.face_start[f]; i < a.face_start[f + 1] - 1; i++) {
        const d = distance2(x, y, a.face_xy[2 * i], a.face_xy[2 * i + 1], a.face_xy[2 * i + 2], a.face_xy[2 * i + 3]);
        if (d < best) [best, found] = [d, a.face_unit[f]];
      }
    }
    return found;
  }
  function distance2(x, y, ax, ay, bx, by) {
    const dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
    const t = length > 0 ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
    return (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2;
  }
  /* Even-odd over all rings of a zone, so that holes are outside. */
  function inUnit(unit, x, y) {
    const a = dv.arrays;
    let inside = false;
    for (let p = 0; p < a.zone_start.length - 1; p++) {
      if (a.zone_ring_unit[p] !== unit) continue;
      for (let i = a.zone_start[p], j = a.zone_start[p + 1] - 1; i < a.zone_start[p + 1]; j = i++) {
        const ay = a.zone_xy[2 * i + 1], by = a.zone_xy[2 * j + 1];
        if (ay > y !== by > y && x < ((a.zone_xy[2 * j] - a.zone_xy[2 * i]) * (y - ay)) / (by - ay) + a.zone_xy[2 * i]) inside = !inside;
      }
    }
    return inside;
  }

  /* Where there are faces with figures [cm]: x0, y0, x1, y1. */
  function extent() {
    let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
    const { face_xy: xy, face_start: start, face_unit: unit } = dv.arrays;
    const some = unit.some((u) => u >= 0);
    for (let f = 0; f < unit.length; f++) {
      if (some && unit[f] < 0) continue;
      for (let i = 2 * start[f]; i < 2 * start[f + 1]; i += 2) {
        x0 = Math.min(x0, xy[i]); x1 = Math.max(x1, xy[i]);
        y0 = Math.min(y0, xy[i + 1]); y1 = Math.max(y1, xy[i + 1]);
      }
    }
    return x0 <= x1 ? [x0, y0, x1, y1] : [0, 0, 100000, 100000];
  }

  /* The parts of a unit, as a box [cm]: for going there. */
  function boxOf(unit) {
    const a = dv.arrays, zone = a.unit_zoning[unit] >= 0;
    const [start, box, of] = zone ? [a.zone_start, boxes("zone_start", "zone_xy"), a.zone_ring_unit] : [a.face_start, boxes("face_start", "face_xy"), a.face_unit];
    let out = null;
    for (let p = 0; p < start.length - 1; p++) {
      if (of[p] !== unit) continue;
      const b = [box[4 * p], box[4 * p + 1], box[4 * p + 2], box[4 * p + 3]];
      out = out === null ? b : [Math.min(out[0], b[0]), Math.min(out[1], b[1]), Math.max(out[2], b[2]), Math.max(out[3], b[3])];
    }
    return out;
  }
  dv.goTo = (box) => {
    if (box) dv.map.fitBounds([dv.toMap(box[0], box[1]), dv.toMap(box[2], box[3])], { maxZoom: 0.75, padding: [40, 40], animate: false });
  };
  /* Where the page is one column, the map may be off the screen. */
  dv.showMap = () => {
    const box = document.getElementById("map").getBoundingClientRect();
    if (box.top < 0 || box.top > window.innerHeight * 0.6) document.getElementById("picture").scrollIntoView({ block: "start" });
  };
  dv.boxOf = boxOf;
  dv.pick = pick;

  /* The edge of a walk nearest to a place [cm], within `reach` pixels; -1 for none. */
  dv.pickWalk = (x, y, reach) => {
    const a = dv.arrays, far = reach / view.k, box = boxes("walk_start", "walk_xy");
    let best = far * far, found = -1;
    for (let e = 0; e < a.walk_start.length - 1; e++) {
      if (box[4 * e] > x + far || box[4 * e + 2] < x - far || box[4 * e + 1] > y + far || box[4 * e + 3] < y - far) continue;
      for (let i = a.walk_start[e]; i < a.walk_start[e + 1] - 1; i++) {
        const d = distance2(x, y, a.walk_xy[2 * i], a.walk_xy[2 * i + 1], a.walk_xy[2 * i + 2], a.walk_xy[2 * i + 3]);
        if (d < best) [best, found] = [d, e];
      }
    }
    return found;
  };

  function hover(event) {
    const [x, y] = dv.fromMap(event.latlng), unit = walking() ? dv.pickWalk(x, y, 8) : pick(x, y, 8);
    const point = event.containerPoint;
    tip.hidden = unit < 0 || dv.state.layer === "none" || dv.state.mode !== null;
    if (tip.hidden) return;
    const right = dv.state.compare !== null && point.x > dv.state.divider * dv.map.getSize().x;
    const { scenario, rate } = right ? dv.state.compare : dv.state;
    const value = walking() ? walkShare(dv.walkShares(scenario, rate), unit) : dv.unitShare(unit, dv.state.level, dv.state.space, rate, scenario);
    tip.textContent = walking() ? `A walk here: ${Number.isNaN(value) ? "no figure" : dv.words.percent(value) + " of it in view"}` : `${dv.words.unit(unit)}: ${Number.isNaN(value) ? `no ${dv.words.space(dv.state.space).label} here` : dv.words.percent(value) + " in view"}`;
    const left = point.x > dv.map.getSize().x / 2;
    tip.style.left = left ? "auto" : point.x + 14 + "px";
    tip.style.right = left ? dv.map.getSize().x - point.x + 14 + "px" : "auto";
    tip.style.top = point.y + 14 + "px";
  }

  dv.startMap = () => {
    const node = document.getElementById("map");
    const map = (dv.map = L.map(node, {
      crs: L.CRS.Simple, attributionControl: false, zoomControl: false, zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false,
      zoomSnap: 0.25, minZoom: -7, maxZoom: 4, inertia: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      doubleClickZoom: true, boxZoom: false,
    }));
    L.control.zoom({ position: "topleft" }).addTo(map);
    const pane = (name, z) => {
      const made = map.createPane(name);
      made.style.zIndex = z;
      const drawn = L.DomUtil.create("canvas", "dv-canvas", made);
      drawn.setAttribute("aria-hidden", "true");
      return drawn;
    };
    base = pane("dv-base", "250");
    canvas = pane("dv-shares", "300");
    dv.heatCanvas = pane("dv-heat", "350");
    tip = document.getElementById("map-tip");
    const [x0, y0, x1, y1] = extent();
    const bounds = L.latLngBounds(dv.toMap(x0, y0), dv.toMap(x1, y1));
    if (dv.state.view) map.setView(L.latLng(dv.state.view[1], dv.state.view[0]), dv.state.view[2], { animate: false });
    else map.fitBounds(bounds, { animate: false, padding: [12, 12] });
    map.setMaxBounds(bounds.pad(1));
    map.on("moveend zoomend resize viewreset", () => {
      redraw();
      dv.link.keep();
    });
    map.on("click", (event) => {
      if (dv.state.mode !== null) return;
      const [x, y] = dv.fromMap(event.latlng), unit = pick(x, y, 14);
      dv.set({ unit: unit < 0 ? null : unit });
    });
    let waiting = null;
    map.on("mousemove", (event) => {
      if (waiting === null) requestAnimationFrame(() => {
        hover(waiting);
        waiting = null;
      });
      waiting = event;
    });
    map.on("mouseout movestart", () => { tip.hidden = true; });
    dv.on(redraw);
    if (window.ResizeObserver) new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(node);
    draw();
  };
  dv.redraw = redraw;
})();
