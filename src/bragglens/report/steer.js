// Steer: zoom, pan, hide phases and read values, by pointer, touch and keyboard.

const NARROWEST = 0.5; // degrees
const HELP = "Drag over a range to zoom in; drag with Shift, or with a finger, to move; double-click for the whole scan. "
  + "Keys: + and − zoom, arrows move, 0 is the whole scan.";

function element(kind, attributes = {}, ...content) {
  const one = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  one.append(...content);
  return one;
}

function steer(figure, data, id) {
  const svg = figure.querySelector("svg");
  const tip = element("div", { class: "tip", role: "status", hidden: "" });
  const look = { id, width: 900, from: data.start, to: data.stop, linear: false, hidden: new Set() };
  let drawn = null;

  const redraw = () => {
    look.width = Math.max(260, Math.round(svg.parentNode.clientWidth));
    drawn = draw(data, look);
    svg.setAttribute("viewBox", `0 0 ${look.width} ${drawn.height}`);
    svg.innerHTML = drawn.markup + '<rect class="choice" y="0" height="0" x="0" width="0"/>';
    tip.hidden = true;
  };
  const see = (from, to) => {
    const span = Math.min(Math.max(to - from, NARROWEST), data.stop - data.start);
    const start = Math.min(Math.max((from + to - span) / 2, data.start), data.stop - span);
    [look.from, look.to] = [start, start + span];
    redraw();
  };
  const zoom = (factor, middle = (look.from + look.to) / 2) =>
    see(middle - (middle - look.from) * factor, middle + (look.to - middle) * factor);
  const move = (share) => {
    const shift = Math.min(Math.max(share * (look.to - look.from), data.start - look.from), data.stop - look.to);
    see(look.from + shift, look.to + shift);
  };
  const whole = () => see(data.start, data.stop);

  figure.querySelector(".frame").append(tip);
  figure.prepend(controls(data, look, { redraw, zoom, move, whole }));
  svg.setAttribute("tabindex", "0");
  listen(svg, look, { zoom, move, whole, see, drawn: () => drawn });
  svg.addEventListener("pointermove", (event) => tell(event, svg, tip, data, look, drawn));
  svg.addEventListener("pointerleave", () => (tip.hidden = true));
  new ResizeObserver(() => Math.abs(svg.parentNode.clientWidth - look.width) > 1 && redraw()).observe(svg.parentNode);
  figure.classList.add("live");
  redraw();
}

function controls(data, look, act) {
  const toggle = (key, kind, label = key) => {
    const box = element("input", { type: "checkbox" });
    box.checked = true;
    box.addEventListener("change", () => {
      look.hidden[box.checked ? "delete" : "add"](key);
      act.redraw();
    });
    return element("label", {}, box, element("span", { class: `key ${kind}` }), label);
  };
  const button = (text, about, work) => {
    const one = element("button", { type: "button", title: about, "aria-label": about }, text);
    one.addEventListener("click", work);
    return one;
  };
  const scale = element("select", { "aria-label": "Scale of the intensity" });
  scale.append(element("option", {}, "√ intensity"), element("option", {}, "linear"));
  scale.addEventListener("change", () => {
    look.linear = scale.selectedIndex === 1;
    act.redraw();
  });
  const curves = ["measured", ...(data.fitted ? ["calculated", "difference"] : []), ...(data.background ? ["background"] : [])];
  const bar = element("div", { class: "controls" }, scale);
  bar.append(
    element("span", { class: "group" }, button("−", "See more", () => act.zoom(2)), button("+", "See larger", () => act.zoom(0.5)),
      button("◂", "Move left", () => act.move(-0.5)), button("▸", "Move right", () => act.move(0.5)),
      button("whole scan", "The whole scan", act.whole)),
    ...data.layers.map((layer) => toggle(layer.name, `phase ${layer.colour}`)),
    ...curves.map((name) => toggle(curveKey(name), name, name)),
    ...(data.unexplained.length ? [toggle(curveKey("unexplained"), "mark", "unexplained peaks")] : []),
  );
  return element("div", {}, bar, element("p", { class: "soft help" }, HELP + (data.fitted
    ? " Without a phase, calculated line and difference go on without it; nothing is fitted again." : "")));
}

function listen(svg, look, act) {
  const KEYS = {
    "+": () => act.zoom(0.5), "=": () => act.zoom(0.5), "-": () => act.zoom(2), "0": act.whole, "Home": act.whole,
    "ArrowLeft": () => act.move(-0.2), "ArrowRight": () => act.move(0.2),
  };
  svg.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    KEYS[event.key]();
    event.preventDefault();
  });
  svg.addEventListener("dblclick", act.whole);
  // The wheel scrolls the page unless the plot was clicked.
  svg.addEventListener("wheel", (event) => {
    if (document.activeElement !== svg && !event.ctrlKey) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) act.move(event.deltaX / 1000);
    else act.zoom(1.0015 ** event.deltaY, angleAt(svg, look, event));
  }, { passive: false });

  let held = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    svg.setPointerCapture(event.pointerId);
    held = { angle: angleAt(svg, look, event), pans: event.shiftKey || event.pointerType === "touch" };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    if (held.pans) return act.move((held.angle - angleAt(svg, look, event)) / (look.to - look.from));
    choose(svg, act.drawn(), held.angle, angleAt(svg, look, event));
  });
  svg.addEventListener("pointerup", (event) => {
    if (held && !held.pans) {
      const ends = [held.angle, angleAt(svg, look, event)].sort((one, other) => one - other);
      if (act.drawn().x(ends[1]) - act.drawn().x(ends[0]) > 6) act.see(...ends);
    }
    held = null;
  });
  svg.addEventListener("pointercancel", () => (held = null));
}

function choose(svg, drawn, one, other) {
  const rect = svg.querySelector(".choice");
  const [left, right] = [one, other].map(drawn.x).sort((a, b) => a - b);
  rect.setAttribute("x", Math.max(left, LEFT));
  rect.setAttribute("width", Math.max(0, right - Math.max(left, LEFT)));
  rect.setAttribute("height", drawn.height - FOOT);
}

function placeOf(svg, look, event) {
  const box = svg.getBoundingClientRect(), scale = look.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

function angleAt(svg, look, event) {
  const share = (placeOf(svg, look, event)[0] - LEFT) / (look.width - LEFT - RIGHT);
  return look.from + Math.min(Math.max(share, 0), 1) * (look.to - look.from);
}

// Information at the pointer: angle, d and intensity; the reflections near it; an unexplained peak.
function tell(event, svg, tip, data, look, drawn) {
  const [x, y] = placeOf(svg, look, event);
  if (x < LEFT || x > look.width - RIGHT) return void (tip.hidden = true);
  const angle = angleAt(svg, look, event);
  const i = Math.min(Math.max(Math.round((angle - data.start) / data.step), 0), data.observed.length - 1);
  const said = [`2θ ${angle.toFixed(3)}°, d ${spacing(angle, data.wavelength).toFixed(4)} Å`,
    `measured ${number(+data.observed[i].toPrecision(4))}`
      + (drawn.calculated ? `, calculated ${number(+drawn.calculated[i].toPrecision(4))}` : "")];
  const mark = drawn.marks.find((one) => Math.abs(one.x - x) < 6);
  if (mark) said.push(`unexplained: ${mark.angle.toFixed(2)}°, d ${mark.d.toFixed(3)} Å, ${(100 * mark.share).toFixed(1)}% of all peaks`);
  said.push(...reflectionsNear(x, y, drawn));
  tip.replaceChildren(...said.map((line) => element("div", {}, line)));
  tip.hidden = false;
  const frame = svg.parentNode.getBoundingClientRect(), box = tip.getBoundingClientRect();
  const right = event.clientX - frame.left + 14;
  tip.style.left = `${right + box.width > frame.width ? Math.max(0, right - box.width - 28) : right}px`;
  tip.style.top = `${Math.max(0, event.clientY - frame.top - box.height - 10)}px`;
}

function reflectionsNear(x, y, drawn) {
  const place = Math.floor((y - TOP - MAIN) / ROW);
  const asked = drawn.layers[place] ? [drawn.layers[place]] : drawn.layers;
  const near = asked.flatMap((layer) => layer.angles.map((angle, i) => ({ layer, i, apart: Math.abs(drawn.x(angle) - x) })));
  const close = near.filter((one) => one.apart < 5).sort((a, b) => b.layer.strength[b.i] - a.layer.strength[a.i]).slice(0, 4);
  return close.map(({ layer, i }) => `${layer.name} (${layer.hkl[i]}) at ${layer.angles[i].toFixed(2)}°`);
}
