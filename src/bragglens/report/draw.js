// Draw: the visible part of a plot as the content of an SVG element.
//
// look: {width, from, to (degrees), linear, hidden (set of names)}. The result gives the positions from which the item at the pointer is found.

const LEFT = 56, RIGHT = 10, TOP = 8, MAIN = 300, ROW = 30, DIFFERENCE = 70, FOOT = 40;

function root(value) {
  return Math.sign(value) * Math.sqrt(Math.abs(value));
}

function literal(text) {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

// No phase has such a name, so that a curve is not hidden together with a phase of its name.
function curveKey(name) {
  return `curve\n${name}`;
}

function shown(data, look) {
  return data.layers.filter((layer) => !look.hidden.has(layer.name));
}

// Sum of the background and the phases that are shown. Hiding a phase does not repeat the fit.
function calculatedLine(data, look) {
  if (!data.fitted) return null;
  const sum = Float64Array.from(data.background);
  for (const layer of shown(data, look)) if (layer.pattern) layer.pattern.forEach((value, i) => (sum[i] += value));
  return sum;
}

function draw(data, look) {
  const layers = shown(data, look);
  const visible = (curve) => !look.hidden.has(curveKey(curve));
  const rise = look.linear ? (value) => value : root;
  const first = Math.max(0, Math.floor((look.from - data.start) / data.step));
  const last = Math.min(data.observed.length - 1, Math.ceil((look.to - data.start) / data.step));
  const span = look.width - LEFT - RIGHT;
  const x = (angle) => LEFT + ((angle - look.from) / (look.to - look.from)) * span;
  const at = (i) => x(data.start + i * data.step);
  const calculated = calculatedLine(data, look);
  const lines = [data.observed, visible("calculated") && calculated, visible("background") && data.background];
  const [low, high] = reach(lines.filter(Boolean), rise, first, last);
  const y = (value) => TOP + (MAIN * (high - value)) / (high - low);
  const difference = calculated && visible("difference") ? DIFFERENCE : 0;
  const height = TOP + MAIN + ROW * layers.length + difference + FOOT;
  const curve = (kind, value) => `<path class="${kind}" d="${outline(first, last, at, value)}"/>`;
  // No line is drawn across a hole of the scan.
  const measured = (draw) => data.parts.map(([from, to]) => draw(Math.max(from, first), Math.min(to, last))).join("");
  const broken = (kind, value) => `<path class="${kind}" d="${measured((from, to) => outline(from, to, at, value))}"/>`;
  const parts = [axes(look, low, high, x, y, height - FOOT), `<g clip-path="url(#${look.id}-main)">`];

  if (calculated) {
    for (const layer of layers) {
      if (layer.pattern) parts.push(area(layer, data.background, first, last, at, (value) => y(rise(value))));
    }
  }
  if (data.background && visible("background")) parts.push(curve("background", (i) => y(rise(data.background[i]))));
  if (visible("measured")) {
    const apart = span / (last - first);
    const dots = apart > 4 ? measured((from, to) => points(from, to, at, (i) => y(rise(data.observed[i])))) : "";
    parts.push(broken(apart > 4 ? "observed faint" : "observed", (i) => y(rise(data.observed[i]))) + dots);
  }
  if (calculated && visible("calculated")) parts.push(curve("calculated", (i) => y(rise(calculated[i]))));
  const marks = visible("unexplained") ? markPlaces(data, look, x, (value) => y(rise(value))) : [];
  parts.push(`<path class="mark" d="${marks.map((m) => `M${m.x.toFixed(1)} ${m.y.toFixed(1)}l-4-6h8z`).join("")}"/></g>`);

  parts.push(`<g clip-path="url(#${look.id}-all)">`);
  layers.forEach((layer, i) => parts.push(row(layer, i, look, x)));
  if (difference) {
    const middle = height - FOOT - DIFFERENCE / 2;
    const value = (i) => rise(data.observed[i]) - rise(calculated[i]);
    let largest = 1e-9;
    for (let i = first; i <= last; i++) largest = Math.max(largest, Math.abs(value(i)));
    const factor = Math.min(MAIN / (high - low), (DIFFERENCE / 2 - 4) / largest);
    parts.push(`<path class="grid" d="M${LEFT} ${middle}h${span}"/>`, broken("difference", (i) => middle - factor * value(i)));
  }
  parts.push("</g>", clips(look, span, height));
  return { height, marks, layers, x, calculated, markup: parts.join("") };
}

function reach(lines, rise, first, last) {
  let low = Infinity, high = -Infinity;
  for (const line of lines) {
    for (let i = first; i <= last; i++) {
      low = Math.min(low, line[i]);
      high = Math.max(high, line[i]);
    }
  }
  const air = Math.max(rise(high) - rise(low), 1e-9);
  return [rise(low) - 0.03 * air, rise(high) + 0.08 * air];
}

function clips(look, span, height) {
  const box = (name, y, tall) =>
    `<clipPath id="${look.id}-${name}"><rect x="${LEFT}" y="${y}" width="${span}" height="${tall}"/></clipPath>`;
  return box("main", 0, TOP + MAIN) + box("all", 0, height);
}

function axes(look, low, high, x, y, bottom) {
  const parts = [];
  for (const angle of evenTicks(look.from, look.to, Math.max(6, Math.round(look.width / 90)))) {
    const place = x(angle).toFixed(1);
    parts.push(`<path class="grid" d="M${place} ${TOP}V${bottom}"/>`);
    parts.push(`<text x="${place}" y="${bottom + 15}" text-anchor="middle">${angle}</text>`);
  }
  const ticks = look.linear ? evenTicks(low, high, 7) : rootTicks(low, high);
  for (const value of ticks) {
    const place = y(look.linear ? value : root(value)) + 4;
    parts.push(`<text x="${LEFT - 6}" y="${place.toFixed(1)}" text-anchor="end">${number(value)}</text>`);
  }
  const middle = (LEFT + look.width - RIGHT) / 2;
  parts.push(`<text x="${middle}" y="${bottom + 33}" text-anchor="middle">2θ (°)</text>`);
  return parts.join("");
}

// The lowest and highest point in each pixel column, so that a long scan is drawn as fast as a short one.
function outline(first, last, at, value) {
  const parts = [];
  let column = null, low = 0, high = 0;
  const close = () => {
    for (const i of low <= high ? [low, high] : [high, low]) parts.push(`${at(i).toFixed(1)} ${value(i).toFixed(1)}`);
  };
  for (let i = first; i <= last; i++) {
    const next = Math.floor(at(i));
    if (next !== column) {
      if (column !== null) close();
      [column, low, high] = [next, i, i];
    }
    if (value(i) < value(low)) low = i;
    if (value(i) > value(high)) high = i;
  }
  if (column !== null) close();
  return parts.length ? `M${parts.join("L")}` : "";
}

function points(first, last, at, value) {
  const parts = [];
  for (let i = first; i <= last; i++) parts.push(`M${at(i).toFixed(1)} ${value(i).toFixed(1)}h0`);
  return `<path class="points" d="${parts.join("")}"/>`;
}

function area(layer, background, first, last, at, place) {
  const parts = [];
  for (let i = first; i <= last; i++) {
    if (place(background[i]) - place(background[i] + layer.pattern[i]) < 0.5) continue;
    let end = i;
    while (end < last && place(background[end + 1]) - place(background[end + 1] + layer.pattern[end + 1]) >= 0.5) end++;
    const there = outline(i, end, at, (k) => place(background[k] + layer.pattern[k]));
    const back = [];
    for (let k = end; k > i; k -= 40) back.push(k);
    parts.push(there + [...back, i].map((k) => `L${at(k).toFixed(1)} ${place(background[k]).toFixed(1)}`).join("") + "z");
    i = end;
  }
  return `<path class="area ${layer.colour}" d="${parts.join("")}"/>`;
}

function row(layer, place, look, x) {
  const top = TOP + MAIN + ROW * place, parts = [];
  layer.angles.forEach((angle, i) => {
    if (angle < look.from || angle > look.to) return;
    parts.push(`M${x(angle).toFixed(1)} ${top + ROW - 2}v${(-3 - 10 * layer.strength[i]).toFixed(1)}`);
  });
  const label = literal(`${layer.name}  ${layer.remark}`.trim());
  return `<path class="ticks ${layer.colour}" d="${parts.join("")}"/>`
    + `<text class="name ${layer.colour}" x="${LEFT + 3}" y="${top + 13}">${label}</text>`;
}

function markPlaces(data, look, x, place) {
  const inside = data.unexplained.filter(([angle]) => angle >= look.from && angle <= look.to);
  return inside.map(([angle, d, share]) => {
    const middle = Math.round((angle - data.start) / data.step);
    const near = data.observed.subarray(Math.max(0, middle - 5), middle + 6);
    return { x: x(angle), y: place(Math.max(...near)) - 4, angle, d, share };
  });
}
