/* Words about the picture: in it, read aloud, and below it; the link; print. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  let timer = 0;

  /* What a screenshot of the map must carry. */
  function caption() {
    const { header, state, words, el } = dv, level = words.level(state.level);
    const who = state.compare ? `left: ${words.owners(state.scenario, state.rate)}; right: ${words.owners(state.compare.scenario, state.compare.rate)}` : words.owners(state.scenario, state.rate);
    const lead = header.fictional ? "Simulated, fictional town. " : "Simulated: no real cameras. ";
    document.getElementById("map-caption").replaceChildren(
      el("strong", {}, lead), `${header.title}. Level: ${level.name} (“${level.plain}”). Owners: ${who}. Map data ${header.data_date || "of unknown date"}, ${header.attribution || ""}${header.licence ? `, ${header.licence}` : ""}.`,
    );
  }

  function speak() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const { state, words } = dv;
      const share = words.fine(dv.share(state.level, state.space, state.rate, state.scenario));
      let text = `${words.owners(state.scenario, state.rate)}: ${share} of ${words.space(state.space).label} in view, level ${state.level}.`;
      if (state.unit !== null) {
        const here = dv.unitShare(state.unit, state.level, state.space, state.rate, state.scenario);
        text += ` ${words.unit(state.unit)}: ${words.percent(here)}.`;
      }
      document.getElementById("live").textContent = text;
    }, 700);
  }

  function about() {
    const { header, el } = dv, list = (items) => (Array.isArray(items) ? items : items ? [items] : []);
    const text = (item) => (typeof item === "string" ? item : Object.values(item).filter((v) => typeof v === "string" || typeof v === "number").join(", "));
    const licence = document.getElementById("dv-leaflet-licence");
    const items = [...list(header.notes), header.obstacles, header.camera, header.marks_note].filter(Boolean).map(text);
    document.getElementById("about").replaceChildren(
      el("h2", {}, "About these numbers"),
      ...list(header.honesty).map((line) => el("p", {}, text(line))),
      el("details", {}, el("summary", {}, "Assumptions, sources and licences"),
        items.length ? el("ul", {}, items.map((line) => el("li", {}, line))) : null,
        el("p", {}, `Map data: ${header.attribution || ""} ${header.licence || ""}, ${header.data_date || "date not known"}.`),
        list(header.sources).length ? el("ul", {}, list(header.sources).map((line) => el("li", {}, text(line)))) : null,
        el("p", {}, `Made with doorview ${header.version || ""}. This page asks nothing of any network. Maps are moved by Leaflet 1.9.4.`),
        licence ? el("pre", {}, licence.textContent) : null),
    );
  }

  dv.copyLink = async (status) => {
    const text = location.href.split("#")[0] + dv.link.fragment();
    history.replaceState(null, "", dv.link.fragment());
    // A browser may keep the clipboard from a page that was opened as a file: the address bar holds the link as well.
    const done = navigator.clipboard ? await navigator.clipboard.writeText(text).then(() => true, () => false) : false;
    status.textContent = done ? "Copied. The link opens this view of the same file." : "The address bar now holds the link: copy it from there.";
  };

  dv.startPeople = () => {
    const { header } = dv;
    document.title = header.title;
    document.getElementById("title").textContent = header.title;
    document.getElementById("subtitle").textContent =
      `${header.fictional ? "A fictional town. " : ""}What a map of doorbell cameras would show of each street, if they stood at these homes. Every camera is simulated: move the slider, find your street, choose a block.` +
      (header.kind === "light" ? " Light file: totals of blocks only." : "");
    caption();
    about();
    dv.on((state, changed) => {
      if (changed.some((key) => ["scenario", "rate", "level", "compare", "space"].includes(key))) caption();
      if (changed.some((key) => ["scenario", "rate", "level", "space", "unit"].includes(key))) speak();
      if (changed.includes("mode")) document.getElementById("map").classList.toggle("dv-pointing", state.mode !== null);
    });
    window.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && dv.state.mode !== null) dv.set({ mode: null });
    });
    window.addEventListener("beforeprint", () => {
      dv.map.invalidateSize({ animate: false });
      dv.redraw();
    });
  };
})();
