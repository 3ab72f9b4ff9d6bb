/* The choosers: street search, slider, level; below "More choices" the scenario, ground, layers and the swipe. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const MOST = 12;
  let ui = null;

  function select(control, id, label, options, choose) {
    const { el } = dv;
    const node = el("select", { id, "data-control": control }, options.map(([value, text]) => el("option", { value }, text)));
    node.addEventListener("change", () => choose(node.value));
    const note = el("small", { id: `${id}-note` });
    node.setAttribute("aria-describedby", note.id);
    return { node, note, field: el("div", { class: "field" }, el("label", { for: id }, label), node, note) };
  }

  function range(control, id, text, choose) {
    const { el } = dv;
    const value = el("output", { for: id, class: "rate-value" });
    const node = el("input", { type: "range", id, min: "0", max: "100", step: "1", "data-control": control });
    node.addEventListener("input", () => choose(Number(node.value) / 100));
    const note = el("small", { id: `${id}-note` });
    node.setAttribute("aria-describedby", note.id);
    return { node, note, value, field: el("div", { class: "field" }, el("label", { for: id }, text, " ", value), node, note) };
  }

  /* Places that a name leads to: streets by their faces, parks and zones by their points. */
  function places() {
    const a = dv.arrays, names = dv.header.names, found = new Map();
    const add = (name, kind, unit, box) => {
      if (name < 0 || !names[name]) return;
      const key = `${kind} ${name}`, old = found.get(key);
      if (old === undefined) found.set(key, { text: names[name], kind, unit, box: box.slice() });
      else {
        if (old.unit < 0) old.unit = unit;
        old.box = [Math.min(old.box[0], box[0]), Math.min(old.box[1], box[1]), Math.max(old.box[2], box[2]), Math.max(old.box[3], box[3])];
      }
    };
    for (let f = 0; f < a.face_unit.length; f++) {
      if (a.face_name[f] < 0) continue;
      const box = [Infinity, Infinity, -Infinity, -Infinity];
      for (let i = a.face_start[f]; i < a.face_start[f + 1]; i++) {
        box[0] = Math.min(box[0], a.face_xy[2 * i]); box[2] = Math.max(box[2], a.face_xy[2 * i]);
        box[1] = Math.min(box[1], a.face_xy[2 * i + 1]); box[3] = Math.max(box[3], a.face_xy[2 * i + 1]);
      }
      add(a.face_name[f], "street", a.face_unit[f], box);
    }
    const zoneOf = new Map();
    for (let u = 0; u < a.unit_zoning.length; u++) if (a.unit_zoning[u] >= 0 && a.unit_name[u] >= 0) zoneOf.set(a.unit_name[u], u);
    for (const [name, unit] of zoneOf) {
      const box = dv.arrays.zone_start ? dv.boxOf(unit) : null;
      if (box) add(name, "zone", unit, box);
    }
    const labels = a.label_name ? a.label_name.length : 0;
    for (let i = 0; i < labels; i++) {
      const x = a.label_xy[2 * i], y = a.label_xy[2 * i + 1];
      if (!zoneOf.has(a.label_name[i])) add(a.label_name[i], "park", -1, [x - 8000, y - 8000, x + 8000, y + 8000]);
    }
    return [...found.values()];
  }

  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();

  function searchBox() {
    const { el } = dv;
    let index = null;
    const input = el("input", { type: "search", id: "search", "data-control": "search", autocomplete: "off", spellcheck: "false", "aria-describedby": "search-note" });
    const note = el("small", { id: "search-note", role: "status" }, "Streets, parks and zones by name.");
    const list = el("ul", { class: "search-list", hidden: true });
    const go = (place) => {
      dv.goTo(place.box);
      const next = { mode: null };
      if (place.unit >= 0) next.unit = place.unit;
      if (place.kind === "zone" && dv.state.layer.startsWith("zones-")) next.layer = `zones-${dv.arrays.unit_zoning[place.unit]}`;
      dv.set(next);
      list.hidden = true;
      dv.showMap();
      note.textContent = `${place.text} (${place.kind}) is on the map${place.unit >= 0 ? ", and a block of it is chosen" : ""}.`;
    };
    const find = () => {
      const text = fold(input.value.trim());
      if (text === "") {
        list.hidden = true;
        note.textContent = "Streets, parks and zones by name.";
        return [];
      }
      if (index === null) index = places().map((place) => ({ ...place, key: fold(place.text) }));
      const hits = index.filter((place) => place.key.includes(text));
      hits.sort((a, b) => b.key.startsWith(text) - a.key.startsWith(text) || a.key.localeCompare(b.key));
      list.replaceChildren(
        ...hits.slice(0, MOST).map((place) => {
          const button = el("button", { type: "button", dir: "auto" }, `${place.text} (${place.kind})`);
          button.addEventListener("click", () => go(place));
          return el("li", {}, button);
        }),
      );
      list.hidden = hits.length === 0;
      note.textContent = hits.length === 0 ? "Nothing of that name is in this file." : hits.length > MOST ? `${hits.length} found, the first ${MOST} shown.` : `${hits.length} found.`;
      return hits;
    };
    input.addEventListener("input", find);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        const hits = find();
        if (hits.length) go(hits[0]);
      } else if (event.key === "Escape") {
        input.value = "";
        find();
      }
    });
    return el("div", { class: "field no-print" }, el("label", { for: "search" }, "Find your street"), input, note, list);
  }

  function levels() {
    const { el } = dv, inputs = new Map();
    const field = el("fieldset", { class: "field" }, el("legend", {}, "What counts as “in view”"));
    const reach = (item) => (item.range_m > 0 ? ` to about ${dv.words.length(item.range_m)}` : "");
    for (const item of dv.header.levels) {
      const input = el("input", { type: "radio", name: "level", value: item.name, "data-control": "level", id: `level-${item.name}` });
      input.addEventListener("change", () => dv.set({ level: item.name }));
      inputs.set(item.name, input);
      field.append(el("label", { class: "choice", for: input.id }, input, el("span", {}, el("b", {}, item.plain), ` (${item.name}${reach(item)})`)));
    }
    return { field, inputs };
  }

  const rateWords = "Homes that own a doorbell camera:";

  function build(section) {
    const { el, header } = dv;
    const scenarios = header.scenarios.map((item) => [item.name, item.label]);
    ui = {
      rate: range("rate", "rate", rateWords, (rate) => dv.set({ rate })),
      levels: levels(),
      scenario: select("scenario", "scenario", "Who owns one", scenarios, (scenario) => dv.set({ scenario })),
      space: select("space", "space", "Which ground counts", header.spaces.map((item) => [item.name, item.label]), (space) => dv.set({ space })),
      layer: select("layer", "layer", "On the map", dv.baseLayers().map((item) => [item.name, item.label]), (layer) => dv.set({ layer })),
      heat: select("heat", "heat", "Laid over", [["", "Nothing"], ...dv.heatChoices().map((item) => [item.name, item.label])], (heat) => dv.set({ heat })),
      opacity: range("opacity", "opacity", "How solid it is:", (opacity) => dv.set({ opacity })),
      compare: select("compare", "compare", "Compare with, on the map's right side", [["", "Nothing"], ...scenarios], (name) => {
        if (name === "") dv.set({ compare: null });
        else {
          const own = dv.words.scenario(name).rate;
          dv.set({ compare: { scenario: name, rate: typeof own === "number" ? own : dv.state.rate } });
        }
      }),
      compareRate: range("compare-rate", "compare-rate", "Homes that own one, right side:", (rate) => dv.set({ compare: { ...dv.state.compare, rate } })),
    };
    const headline = el("div", { id: "headline" });
    if (dv.heatChoices().length === 0) ui.heat.field.hidden = true;
    const more = el("details", { class: "more" }, el("summary", {}, "More choices: who owns one, ground, layers, comparison"),
      ui.scenario.field, ui.space.field, ui.layer.field, ui.heat.field, ui.opacity.field, ui.compare.field, ui.compareRate.field);
    more.open = window.innerWidth >= 1232;
    const link = el("button", { type: "button", "data-control": "link" }, "Copy a link to this view");
    const copied = el("p", { class: "note", role: "status" });
    link.addEventListener("click", () => dv.copyLink(copied));
    const print = el("button", { type: "button", "data-control": "print" }, "Print");
    print.addEventListener("click", () => window.print());
    section.replaceChildren(searchBox(), ui.rate.field, headline);
    document.getElementById("choices").replaceChildren(ui.levels.field, more, el("div", { class: "buttons no-print" }, link, print), copied);
    return headline;
  }

  function refresh() {
    const s = dv.state, item = dv.words.scenario(s.scenario), fixed = item.kind === "fixed";
    const put = (node, value) => { if (node.value !== value) node.value = value; };
    ui.rate.node.disabled = fixed;
    put(ui.rate.node, String(Math.round(s.rate * 100)));
    ui.rate.value.textContent = fixed ? "fixed" : `${Math.round(s.rate * 100)} %`;
    ui.rate.node.setAttribute("aria-valuetext", `${Math.round(s.rate * 100)} percent of homes`);
    ui.rate.note.textContent = fixed ? `The slider is off: ${item.why_no_slider || "this scenario has no rate of ownership."}` : "";
    for (const [name, input] of ui.levels.inputs) input.checked = name === s.level;
    put(ui.scenario.node, s.scenario);
    const moved = typeof item.rate === "number" && Math.abs(item.rate - s.rate) > 1e-9;
    ui.scenario.note.textContent = [item.words, moved ? `The slider now stands at ${Math.round(s.rate * 100)} %.` : ""].filter(Boolean).join(" ");
    put(ui.space.node, s.space);
    put(ui.layer.node, s.layer);
    put(ui.heat.node, s.heat);
    const one = dv.heatChoices().find((choice) => choice.name === s.heat);
    ui.heat.note.textContent = one && !one.item ? "Not in this file for this level." : one ? [one.item.note, one.mode === "chance" && item.kind !== "independent" ? "The probability is that of independent owners at the slider's rate, not of this scenario." : ""].filter(Boolean).join(" ") : "";
    ui.opacity.field.hidden = !s.heat;
    put(ui.opacity.node, String(Math.round(s.opacity * 100)));
    ui.opacity.value.textContent = `${Math.round(s.opacity * 100)} %`;
    put(ui.compare.node, s.compare ? s.compare.scenario : "");
    const other = s.compare ? dv.words.scenario(s.compare.scenario) : null;
    ui.compare.note.textContent = other ? other.words || "" : "Two scenarios, or two rates of one, beside each other.";
    ui.compareRate.field.hidden = other === null || other.kind === "fixed";
    if (other) {
      put(ui.compareRate.node, String(Math.round(s.compare.rate * 100)));
      ui.compareRate.value.textContent = `${Math.round(s.compare.rate * 100)} %`;
    }
  }

  dv.startControls = () => {
    const headline = build(document.getElementById("controls"));
    dv.on(refresh);
    refresh();
    dv.startCurve(headline);
  };
})();
