// Unpack: decode the numbers that payload.py packed into the page.

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());
  const curve = (steps) => {
    let sum = 0;
    return steps && Float64Array.from(steps, (step) => ((sum += step), sum * Math.abs(sum) * data.unit ** 2));
  };
  data.observed = curve(data.observed);
  data.background = curve(data.background);
  for (const layer of data.layers) {
    layer.pattern = curve(layer.pattern);
    layer.angles = layer.angles.map((angle) => angle / 1000);
  }
  data.stop = data.start + data.step * (data.observed.length - 1);
  data.fitted = data.background !== null && data.layers.some((layer) => layer.pattern);
  return data;
}

function spacing(angle, wavelength) {
  return wavelength / (2 * Math.sin((angle * Math.PI) / 360));
}
