// Drawing for the timeline and the plots.

export function prepared(canvas, width, height) {
  const ratio = devicePixelRatio;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

export function line(context, x, top, bottom, color, width) {
  context.fillStyle = color;
  context.fillRect(x - width / 2, top, width, bottom - top);
}

export function colors() {
  const style = getComputedStyle(document.documentElement);
  const names = ['card', 'ink', 'soft', 'line', 'present', 'gap', 'border', 'cursor', 'plot', 'mark'];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
