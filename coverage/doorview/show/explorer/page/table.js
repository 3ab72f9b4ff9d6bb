/* The table of blocks: the text alternative of the map; sorted by its heads, taken along as CSV. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  const STEP = 50;
  let ui = null, sort = { key: "share", down: true }, shown = STEP, timer = 0, rows = [], which = -1;

  const few = (n) => !dv.header.fictional && n > 0 && n < 5;
  const level3 = () => ["detect", "observe", "recognise"].filter((name) => dv.words.level(name));

  function columns() {
    const s = dv.state;
    return [
      { key: "name", head: which < 0 ? "Block face" : "Zone", of: (u) => dv.words.unit(u), text: (v) => v },
      { key: "share", head: `In view: ${s.level}`, of: (u) => dv.unitShare(u, s.level, s.space, s.rate, s.scenario), text: dv.words.fine },
      ...level3().filter((name) => name !== s.level).map((name) => ({
        key: name, head: name, of: (u) => dv.unitShare(u, name, s.space, s.rate, s.scenario), text: dv.words.fine,
      })),
      { key: "homes", head: "Homes", of: (u) => dv.arrays.unit_homes[u], text: dv.words.count },
      { key: "doors", head: "Doorbells to expect", of: (u) => dv.arrays.unit_doors[u], text: null },
      ...(which < 0 ? [{ key: "length", head: dv.header.units === "us" ? "Street [ft]" : "Street [m]", of: (u) => dv.arrays.unit_length_m[u], text: dv.words.length }] : []),
    ];
  }

  function build(section) {
    const { el, header } = dv;
    const zonings = header.zonings.map((item, n) => [String(n), typeof item === "string" ? item : item.label || item.name]);
    ui = {
      kind: el("select", { id: "blocks-kind", "data-control": "blocks-kind" }, [["-1", "Block faces"], ...zonings].map(([value, text]) => el("option", { value }, text))),
      filter: el("input", { type: "search", id: "blocks-filter", autocomplete: "off", "data-control": "blocks-filter" }),
      scroll: el("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table of blocks" }),
      more: el("button", { type: "button", "data-control": "blocks-more" }), count: el("p", { class: "note", role: "status" }),
      csv: el("button", { type: "button", "data-control": "csv" }, "Download all as CSV"),
    };
    ui.kind.addEventListener("change", () => {
      which = Number(ui.kind.value);
      shown = STEP;
      refresh();
    });
    ui.filter.addEventListener("input", () => {
      shown = STEP;
      later();
    });
    ui.more.addEventListener("click", () => {
      shown += 4 * STEP;
      refresh();
    });
    ui.csv.addEventListener("click", download);
    section.replaceChildren(
      el("h2", { id: "blocks-title" }, "All blocks as a table"),
      el("div", { class: "buttons no-print" },
        el("div", {}, el("label", { for: "blocks-kind" }, "Rows "), ui.kind),
        el("div", {}, el("label", { for: "blocks-filter" }, "Name holds "), ui.filter), ui.csv),
      ui.scroll, ui.count, el("div", { class: "no-print" }, ui.more),
    );
  }

  function ordered(cols) {
    const wanted = ui.filter.value.trim().toLocaleLowerCase(), zoning = dv.arrays.unit_zoning, out = [];
    for (let u = 0; u < zoning.length; u++) {
      if (zoning[u] !== which) continue;
      if (wanted && !dv.words.unit(u).toLocaleLowerCase().includes(wanted)) continue;
      out.push(u);
    }
    const col = cols.find((item) => item.key === sort.key) || cols[0], sign = sort.down ? -1 : 1;
    const value = new Map(out.map((u) => [u, col.of(u)]));
    out.sort((a, b) => {
      const va = value.get(a), vb = value.get(b);
      if (typeof va === "string") return sign * va.localeCompare(vb) || a - b;
      // What is not computed stands last either way.
      if (Number.isNaN(va) || Number.isNaN(vb)) return Number.isNaN(va) - Number.isNaN(vb) || a - b;
      return sign * (va - vb) || a - b;
    });
    return out;
  }

  function refresh() {
    const { el, state } = dv, cols = columns(), held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.keep : null;
    rows = ordered(cols);
    const head = el("tr", {}, cols.map((col) => {
      const button = el("button", { type: "button", "data-keep": `head-${col.key}` }, col.head + (sort.key === col.key ? (sort.down ? " ▼" : " ▲") : ""));
      button.addEventListener("click", () => {
        sort = { key: col.key, down: sort.key === col.key ? !sort.down : col.key !== "name" };
        refresh();
      });
      return el("th", { scope: "col", "aria-sort": sort.key === col.key ? (sort.down ? "descending" : "ascending") : null }, button);
    }));
    const body = rows.slice(0, shown).map((u) => {
      const button = el("button", { type: "button", dir: "auto", "data-keep": `row-${u}` }, dv.words.unit(u));
      button.addEventListener("click", () => {
        dv.set({ unit: u });
        dv.goTo(dv.boxOf(u));
        dv.showMap();
      });
      return el("tr", { "aria-current": state.unit === u ? "true" : null }, el("th", { scope: "row" }, button),
        cols.slice(1).map((col) => el("td", {}, col.text ? col.text(col.of(u)) : dv.words.range(dv.bells(u, state.rate, state.scenario)))));
    });
    const space = dv.words.space(state.space);
    ui.scroll.replaceChildren(
      el("table", {},
        el("caption", {}, `Simulated. Share of ${space.label} in view of at least one doorbell camera; ${dv.words.owners(state.scenario, state.rate)}. Data: ${dv.header.data_date || "date not known"}. ${dv.header.attribution || ""}`),
        el("thead", {}, head), el("tbody", {}, body)),
    );
    ui.count.textContent = `${Math.min(shown, rows.length).toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")} rows.`;
    ui.more.hidden = shown >= rows.length;
    ui.more.textContent = `Show ${Math.min(4 * STEP, rows.length - shown)} more`;
    if (held) {
      const again = ui.scroll.querySelector(`[data-keep="${held}"]`);
      if (again) again.focus({ preventScroll: true });
    }
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(refresh, 250);
  }

  /* A cell for a spreadsheet: quoted where needed, and never a formula, whatever the name begins with. */
  function cell(value) {
    if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
    let text = String(value);
    if (/^[\s\u0000-\u001f]*[=+\-@\t\r＝＋－＠]/u.test(text)) text = `'${text}`;
    return /[",\n\r;\t']/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }

  function csv() {
    const { state, header, arrays } = dv, item = dv.words.scenario(state.scenario);
    const lines = [["kind", "name", "homes", "doorbells_low", "doorbells_high", ...header.levels.map((one) => `share_${one.name}`), "ground", "scenario", "rate", "data_date", "note"]];
    const kinds = header.zonings.map((one) => (typeof one === "string" ? one : one.name || one.label));
    for (let u = 0; u < arrays.unit_homes.length; u++) {
      const [low, high] = dv.bells(u, state.rate, state.scenario), hide = !header.fictional && high > 0 && high < 5;
      lines.push([
        arrays.unit_zoning[u] < 0 ? "block face" : kinds[arrays.unit_zoning[u]], dv.words.unit(u),
        few(arrays.unit_homes[u]) ? "fewer than 5" : arrays.unit_homes[u], hide ? "fewer than 5" : low, hide ? "fewer than 5" : high,
        ...header.levels.map((one) => {
          const value = dv.unitShare(u, one.name, state.space, state.rate, state.scenario);
          return Number.isNaN(value) ? "" : Number(value.toFixed(4));
        }),
        state.space, state.scenario, item.kind === "fixed" ? "" : state.rate, header.data_date || "", `simulated${header.fictional ? ", fictional town" : ""}; ${header.attribution || ""}`,
      ]);
    }
    return "\ufeff" + lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  function download() {
    const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    const link = dv.el("a", { href: address, download: `blocks-${dv.state.scenario}-${Math.round(dv.state.rate * 100)}.csv` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  dv.table = { csv, cell };
  dv.startTable = () => {
    build(document.getElementById("blocks"));
    refresh();
    dv.on((state, changed) => {
      if (changed.includes("unit") && state.unit !== null && dv.arrays.unit_zoning[state.unit] !== which) {
        which = dv.arrays.unit_zoning[state.unit];
        ui.kind.value = String(which);
      }
      if (changed.some((key) => ["unit", "scenario", "level", "space", "rate"].includes(key))) later();
    });
  };
})();
