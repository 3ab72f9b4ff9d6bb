/* Two scenarios beside each other: a divider on the map, moved by pointer or keys. */
(function () {
  "use strict";
  const dv = (window.dv = window.dv || {});
  let bar = null, dragging = false;
  const move = (share) => dv.set({ divider: Math.min(1, Math.max(0, share)) });

  function refresh() {
    const { compare, divider, scenario, rate } = dv.state, on = compare !== null;
    const left = document.getElementById("map-left"), right = document.getElementById("map-right");
    for (const node of [bar, document.getElementById("map-sides")]) node.hidden = !on;
    if (!on) return;
    bar.style.left = `${divider * 100}%`;
    bar.setAttribute("aria-valuenow", String(Math.round(divider * 100)));
    bar.setAttribute("aria-valuetext", `${Math.round(divider * 100)} percent of the map shows the left side`);
    const figure = (name, at) => {
      const share = dv.share(dv.state.level, dv.state.space, at, name);
      return `${dv.words.owners(name, at)}: ${Number.isNaN(share) ? "no figure" : `${dv.words.fine(share)} in view`}`;
    };
    left.textContent = `◀ ${figure(scenario, rate)}`;
    right.textContent = `${figure(compare.scenario, compare.rate)} ▶`;
  }

  dv.startSwipe = () => {
    bar = document.getElementById("map-divider");
    for (const [key, value] of Object.entries({ role: "slider", tabindex: "0", "aria-label": "Divider between the two scenarios", "aria-orientation": "horizontal", "aria-valuemin": "0", "aria-valuemax": "100", "data-control": "divider" })) bar.setAttribute(key, value);
    const map = document.getElementById("map");
    bar.addEventListener("pointerdown", (event) => {
      dragging = true;
      bar.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    bar.addEventListener("pointermove", (event) => {
      if (!dragging) return;
      const box = map.getBoundingClientRect();
      move((event.clientX - box.left) / box.width);
    });
    for (const name of ["pointerup", "pointercancel"]) bar.addEventListener(name, () => { dragging = false; });
    bar.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
      if (!(event.key in steps)) return;
      move(dv.state.divider + steps[event.key]);
      event.preventDefault();
      event.stopPropagation();
    });
    for (const id of ["map-divider", "map-legend", "map-foot"]) {
      window.L.DomEvent.disableClickPropagation(document.getElementById(id));
      window.L.DomEvent.disableScrollPropagation(document.getElementById(id));
    }
    refresh();
    dv.on(refresh);
  };
})();
