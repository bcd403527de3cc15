// Axis: round numbers for axes that are linear or have a square-root scale.

function evenTicks(low, high, most) {
  let step = 10 ** Math.floor(Math.log10((high - low) / most));
  step *= [1, 2, 5, 10].find((factor) => (high - low) / (step * factor) <= most) || 10;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) ticks.push(+(i * step).toPrecision(10));
  return ticks;
}

// Intensities 1, 2, 5, 10, ... whose square roots have enough distance; where these are too few, equidistant ones.
function rootTicks(low, high) {
  const chosen = [];
  const take = (value) => {
    const place = Math.sqrt(value);
    const far = !chosen.length || place - Math.sqrt(chosen[chosen.length - 1]) > (high - low) / 11;
    if (place >= Math.max(low, 0) && place <= high && far) chosen.push(value);
  };
  take(0);
  for (let decade = -3; decade < 12; decade++) for (const digit of [1, 2, 5]) take(digit * 10 ** decade);
  return chosen.length > 2 ? chosen : evenTicks(Math.max(low, 0) ** 2, high ** 2, 5);
}

function number(value) {
  return Math.abs(value) >= 1e6 || (value && Math.abs(value) < 1e-3) ? value.toExponential(0) : String(+value.toPrecision(6));
}
