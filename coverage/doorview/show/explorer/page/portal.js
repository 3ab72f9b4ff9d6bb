/* The panel of a block or zone: what an officer's map of doorbells would show there, as a simulation shows it.
Also the helpers of the other panels, as dv.panel. All text goes in through textContent. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const FEW = 5;

  /* Make an element: properties go onto it (data: its data- attributes, on: its listeners), texts become text nodes. */
  function h(tag, properties, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(properties || {})) {
      if (value === null || value === undefined) continue;
      if (key === "data") for (const [name, text] of Object.entries(value)) node.setAttribute("data-" + name, text);
      else if (key === "on") for (const [name, call] of Object.entries(value)) node.addEventListener(name, call);
      else if (key === "class") node.className = value;
      else if (typeof value === "boolean") node[key] = value;
      else node.setAttribute(key, value);
    }
    for (const child of children.flat(9)) {
      if (child !== null && child !== undefined) node.append(child instanceof Node ? child : String(child));
    }
    return node;
  }

  /* Put text and raw value into a figure; the element is kept, so that a screen reader's place is too. */
  function put(node, text, value) {
    if (node.textContent !== text) node.textContent = text;
    if (value === undefined || value === null) node.removeAttribute("data-value");
    else node.setAttribute("data-value", String(value));
  }

  function percent(share) {
    if (share === null || share === undefined || Number.isNaN(share)) return "not computed";
    if (share === 0) return "0 %";
    if (share > 0 && share < 0.001) return "under 0.1 %";
    return (share * 100).toFixed(share < 0.1 ? 1 : 0) + " %";
  }

  /* A count as it may be shown: for a real place 1 to 4 are "fewer than 5". */
  function counted(number) {
    const whole = Math.round(number);
    if (!dv.header.fictional && whole > 0 && whole < FEW) return "fewer than 5";
    return whole.toLocaleString("en-US");
  }
  const hidden = (number) => !dv.header.fictional && Math.round(number) > 0 && Math.round(number) < FEW;

  /* An expected number: whole from 10 on, with one decimal below. */
  function expected(number) {
    if (number >= 9.95) return "about " + Math.round(number).toLocaleString("en-US");
    if (number > 0 && number < 0.05) return "under 0.1";
    return number === 0 ? "0" : "about " + number.toFixed(1);
  }

  const us = () => dv.header.units === "us";
  function length(metres) {
    if (us()) return metres < 400 ? Math.round(metres / 0.3048) + " ft" : (metres / 1609.344).toFixed(2) + " miles";
    return metres < 1000 ? Math.round(metres) + " m" : (metres / 1000).toFixed(2) + " km";
  }
  function surface(m2) {
    const miles = (m2 / dv.asked.SQUARE_MILE).toPrecision(3), km = (m2 / 1e6).toPrecision(3);
    return us() ? `${miles} square miles (${km} km²)` : `${km} km² (${miles} square miles)`;
  }

  const numberOf = (list, value) => (typeof value === "number" ? value : list.findIndex((item) => item.name === value));
  const level = () => dv.header.levels[numberOf(dv.header.levels, dv.state.level)];
  const space = () => dv.header.spaces[numberOf(dv.header.spaces, dv.state.space)];
  const scenario = () => dv.header.scenarios[numberOf(dv.header.scenarios, dv.state.scenario)];
  /* A name or a number, as the state holds it: what unitShare takes. */
  const as = (held, list, item) => (typeof held === "number" ? list.indexOf(item) : item.name);
  const levelKey = (item) => as(dv.state.level, dv.header.levels, item);
  const spaceKey = (item) => as(dv.state.space, dv.header.spaces, item);

  const groups = () => {
    const zones = dv.arrays.unit_zoning;
    let found = 0;
    while (found < zones.length && zones[found] < 0) found += 1;
    return found;
  };

  function unitName(unit) {
    const name = dv.header.names[dv.arrays.unit_name[unit]];
    const zoning = dv.arrays.unit_zoning[unit];
    if (zoning >= 0) {
      const label = dv.header.zonings[zoning];
      const text = typeof label === "object" && label !== null ? label.label || label.name : label;
      return name ? `${name} (${text})` : String(text);
    }
    return name || "a street without a name";
  }

  function scenarioWords() {
    return `Simulated owners: ${dv.words.owners(scenario().name, dv.state.rate)}. Level: ${level().name}, ${level().plain}.`;
  }

  /* What sight lines do not know of: rules of a scenario that cut views. */
  const cutViews = () =>
    scenario().sights === false ? " This scenario's rules cut views; single sight lines here do not know of them." : "";

  /* "2 to 7", "none", "fewer than 5 (0 to 4)": doorbells to expect in a unit. */
  function bellsText(range) {
    const [low, high] = range;
    if (Number.isNaN(low) || Number.isNaN(high)) return "not computed";
    if (high === 0) return "none";
    if (!dv.header.fictional && high < FEW) return "fewer than 5";
    return low === high ? `${low}` : `${low} to ${high}`;
  }

  const SHOWN = ["streets", "sidewalk", "park"];
  let parts = null;

  function build(section) {
    const figure = (name) => h("span", { class: "dv-figure", data: { figure: name } });
    parts = {
      title: h("h2", { id: "portal-title" }, "The portal view"),
      hint: h(
        "p", { class: "dv-hint" },
        "Choose a block face or zone on the map, or a row of the table of blocks: what a map of doorbells would show " +
          "of it stands here.",
      ),
      name: h("h3", {}),
      what: h("p", { class: "dv-small" }),
      share: figure("block-share"),
      shareWords: h("span", {}),
      homes: figure("homes"),
      bells: figure("bells"),
      table: h("div", { class: "dv-scroll", tabindex: "0", role: "region", "aria-label": "Shares of this block in view, by level" }),
      under: h("p", { class: "dv-small" }),
    };
    parts.body = h(
      "div", { hidden: true },
      parts.name,
      h("p", { class: "dv-headline" }, parts.share, " ", parts.shareWords),
      h(
        "dl", { class: "dv-list" },
        h("dt", {}, "Homes"), h("dd", {}, parts.homes),
        h("dt", {}, "Doorbells to expect"), h("dd", {}, parts.bells),
      ),
      parts.what,
      parts.table,
      parts.under,
      h(
        "details", {},
        h("summary", {}, "How to read this"),
        h(
          "p", {},
          "The share is that part of the block's public ground from which the chosen level is reached by at least one " +
            "doorbell camera, on average over all ways in which homes could own one at this ownership. “Doorbells to " +
            "expect” is the range within which 9 of 10 such ways fall. In view is not recorded, recorded is not kept, " +
            "kept is not shared, and nothing here shows that theft falls. No real doorbell is in this file.",
        ),
      ),
    );
    section.setAttribute("aria-labelledby", "portal-title");
    section.append(parts.title, parts.hint, parts.body, h("div", { id: "portal-request" }), h("div", { id: "portal-spot" }));
  }

  function tableOf(unit) {
    const { header, arrays, state } = dv, count = header.spaces.length;
    const chosen = header.spaces.filter(
      (item, s) => (SHOWN.includes(item.name) || item === space()) && arrays.public_cells[unit * count + s] > 0,
    );
    const head = h(
      "tr", {}, h("th", { scope: "col" }, "Ground and level"),
      ["1", "2", "3"].map((m) => h("th", { scope: "col" }, `${m}+`)),
    );
    const bodies = chosen.map((item) =>
      h(
        "tbody", {},
        h("tr", {}, h("th", { scope: "rowgroup", colspan: "4", class: "dv-group" }, item.label)),
        header.levels.map((one) =>
          h(
            "tr", one === level() ? { class: "dv-chosen" } : {},
            h("th", { scope: "row" }, `${one.name}: ${one.plain}`),
            [1, 2, 3].map((m) => {
              const share = dv.unitShare(unit, levelKey(one), spaceKey(item), state.rate, state.scenario, m);
              return h("td", {}, share === null || share === undefined || Number.isNaN(share) ? "–" : percent(share).replace("under ", "< "));
            }),
          ),
        ),
      ),
    );
    if (bodies.length === 0) return h("p", {}, "There is no street, sidewalk or park in this unit that counts.");
    return h(
      "table", {},
      h("caption", {}, "Share in view of at least 1, 2 and 3 doorbells (1+, 2+, 3+; –: not computed for this scenario)"),
      h("thead", {}, head), bodies,
    );
  }

  function refresh() {
    if (parts === null) return;
    const unit = dv.state.unit, chosen = unit !== null && unit !== undefined && unit >= 0;
    parts.body.hidden = !chosen;
    parts.hint.hidden = chosen;
    if (!chosen) return;
    const { arrays, state } = dv;
    put(parts.name, unitName(unit));
    const cells = arrays.public_cells[unit * dv.header.spaces.length + dv.header.spaces.indexOf(space())];
    const share = cells > 0 ? dv.unitShare(unit, state.level, state.space, state.rate, state.scenario, 1) : NaN;
    put(parts.share, cells > 0 ? percent(share) : "none of it", cells > 0 ? share : null);
    put(
      parts.shareWords,
      cells > 0 ? `of its ${space().label} in view (${level().name}: ${level().plain})` : `lies here: ${space().label}`,
    );
    const homes = arrays.unit_homes[unit];
    put(parts.homes, counted(homes), hidden(homes) ? null : homes);
    const bells = dv.bells(unit, state.rate, state.scenario);
    put(parts.bells, bellsText(bells), !dv.header.fictional && bells[1] > 0 && bells[1] < FEW ? null : bells.join(" "));
    put(parts.what, scenarioWords());
    parts.table.replaceChildren(tableOf(unit));
    put(
      parts.under,
      unit < groups()
        ? `A block face with its neighbours where it has fewer than 5 homes; ${length(arrays.unit_length_m[unit])} of street.`
        : "",
    );
  }

  dv.panel = {
    h, put, percent, counted, hidden, expected, length, surface, us, level, space, scenario, scenarioWords, cutViews, unitName, numberOf,
    levelKey, spaceKey, groups,
  };
  dv.portal = {
    start() {
      build(document.getElementById("portal"));
      dv.on(refresh);
      refresh();
    },
    refresh,
  };
})();
