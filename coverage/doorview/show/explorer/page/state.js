/* What is chosen, in one place: dv.state, dv.set, dv.on; and in the address's fragment, so that a view can be linked to. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const listeners = [];
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const named = (list, name) => list.some((item) => item.name === name);
  const scenario = (name) => dv.header.scenarios.find((item) => item.name === name);
  let timer = 0;

  dv.state = null;
  dv.on = (listener) => listeners.push(listener);

  /* Merge into the state and tell everyone what changed. A scenario brings its own rate unless one is given. */
  dv.set = (given) => {
    const next = { ...given };
    if (typeof next.scenario === "number") next.scenario = dv.header.scenarios[next.scenario].name;
    if (typeof next.level === "number") next.level = dv.header.levels[next.level].name;
    if (typeof next.space === "number") next.space = dv.header.spaces[next.space].name;
    if (next.scenario !== undefined && next.scenario !== dv.state.scenario && next.rate === undefined) {
      const own = scenario(next.scenario).rate;
      if (own !== null && own !== undefined) next.rate = own;
    }
    if (next.rate !== undefined) next.rate = Math.round(clamp(next.rate, 0, 1) * 100) / 100;
    const changed = Object.keys(next).filter((key) => next[key] !== dv.state[key]);
    if (changed.length === 0) return;
    Object.assign(dv.state, next);
    for (const listener of listeners) listener(dv.state, changed);
    keep();
  };

  const KEYS = ["scenario", "level", "space", "layer", "heat"];

  function fragment() {
    const out = new URLSearchParams(), s = dv.state;
    for (const key of KEYS) if (s[key]) out.set(key, s[key]);
    out.set("rate", String(s.rate));
    if (s.unit !== null && s.unit >= 0) out.set("unit", String(s.unit));
    if (s.compare) out.set("compare", `${s.compare.scenario}~${s.compare.rate}`);
    if (s.spot) out.set("spot", s.spot.join("~"));
    if (s.heat) out.set("opacity", String(s.opacity));
    if (dv.map) {
      const [x, y] = dv.fromMap(dv.map.getCenter());
      out.set("at", [Math.round(x / 100), Math.round(y / 100), dv.map.getZoom()].join("~"));
    }
    return "#" + out.toString();
  }

  function keep() {
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", fragment()), 300);
  }

  /* What a fragment says, as far as this file knows it: a link from elsewhere is not to be trusted. */
  function read(text) {
    const given = new URLSearchParams(text.replace(/^#/, "")), out = {}, h = dv.header;
    const number = (key) => (given.has(key) && given.get(key) !== "" ? Number(given.get(key)) : NaN);
    if (named(h.scenarios, given.get("scenario"))) out.scenario = given.get("scenario");
    if (named(h.levels, given.get("level"))) out.level = given.get("level");
    if (named(h.spaces, given.get("space"))) out.space = given.get("space");
    if (dv.baseLayers().some((item) => item.name === given.get("layer"))) out.layer = given.get("layer");
    if (dv.heatChoices().some((item) => item.name === given.get("heat"))) out.heat = given.get("heat");
    if (number("rate") >= 0 && number("rate") <= 1) out.rate = Math.round(number("rate") * 100) / 100;
    if (number("opacity") >= 0 && number("opacity") <= 1) out.opacity = number("opacity");
    const unit = number("unit");
    if (Number.isInteger(unit) && unit >= 0 && unit < dv.arrays.unit_homes.length) out.unit = unit;
    const [name, rate] = (given.get("compare") || "").split("~");
    if (named(h.scenarios, name) && Number(rate) >= 0 && Number(rate) <= 1) out.compare = { scenario: name, rate: Number(rate) };
    const spot = (given.get("spot") || "").split("~").map(Number);
    if (spot.length === 2 && spot.every((v) => Number.isFinite(v) && Math.abs(v) < 1e9)) out.spot = spot.map(Math.round);
    const view = (given.get("at") || "").split("~").map(Number);
    if (view.length === 3 && view.every((v) => Number.isFinite(v) && Math.abs(v) < 1e7)) out.view = view;
    return out;
  }

  dv.link = { fragment, read, keep };

  /* The state at the start: the first scenario that has a rate, all that the fragment says on top. */
  dv.begin = () => {
    const h = dv.header, first = h.scenarios.find((item) => item.name === h.default_scenario) || h.scenarios.find((item) => item.kind === "independent" && item.rate === 0.2) || h.scenarios[0];
    const from = read(location.hash);
    const chosen = from.scenario ? scenario(from.scenario) : first;
    dv.state = {
      scenario: chosen.name, level: named(h.levels, h.default_level) ? h.default_level : h.levels[0].name, space: h.spaces[0].name,
      rate: typeof chosen.rate === "number" ? Math.round(chosen.rate * 100) / 100 : 0.2, layer: "faces", heat: "", opacity: 0.7,
      unit: null, spot: null, compare: null, divider: 0.5, mode: null, view: null, ...from,
    };
  };

  /* Shares and counts in words. */
  dv.words = {
    percent(value) {
      if (value === null || value === undefined || Number.isNaN(value)) return "not computed";
      if (value > 0 && value < 0.0005) return "under 0.1\u00a0%";
      return (value * 100).toFixed(value < 0.1 ? 1 : 0) + "\u00a0%";
    },
    /* As above with one decimal, always. */
    fine(value) {
      if (value === null || value === undefined || Number.isNaN(value)) return "not computed";
      return value > 0 && value < 0.0005 ? "under 0.1\u00a0%" : (value * 100).toFixed(1) + "\u00a0%";
    },
    count(number) {
      return !dv.header.fictional && number > 0 && number < 5 ? "fewer than 5" : number.toLocaleString("en-US");
    },
    range([low, high]) {
      if (Number.isNaN(low) || Number.isNaN(high)) return "not computed";
      if (high === 0) return "none";
      if (!dv.header.fictional && high < 5) return "fewer than 5";
      return low === high ? String(low) : `${low} to ${high}`;
    },
    length(metres) {
      return dv.header.units === "us" ? `${Math.round(metres / 0.3048).toLocaleString("en-US")} ft` : `${Math.round(metres).toLocaleString("en-US")} m`;
    },
    level: (name) => dv.header.levels.find((item) => item.name === name),
    space: (name) => dv.header.spaces.find((item) => item.name === name),
    scenario,
    /* What a scenario is beside its rate: "in clusters"; a label's own "1 home in 5" would belie the slider. */
    kind(name) {
      const item = scenario(name);
      if (item.kind === "fixed") return item.label;
      if (item.kind === "independent") return "independently of each other";
      return item.label.replace(/^\s*\d+ homes? in \d+\s*,?\s*/, "") || item.label;
    },
    /* "35 % of homes, in clusters" */
    owners(name, rate) {
      const rest = dv.words.kind(name);
      return scenario(name).kind === "fixed" ? rest : `${Math.round(rate * 100)}\u00a0% of homes, ${rest}`;
    },
    unit(unit) {
      const a = dv.arrays, name = a.unit_name[unit] >= 0 ? dv.header.names[a.unit_name[unit]] : "";
      return name || (a.unit_zoning[unit] >= 0 ? "Zone without a name" : "Street without a name");
    },
  };

  /* An element with text and children; nothing from the data is ever read as markup. */
  dv.el = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      node.setAttribute(key, value === true ? "" : String(value));
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
    return node;
  };
})();
