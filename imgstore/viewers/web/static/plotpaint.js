// Drawing of one plot: a curve, steps or labels.

import { line } from './drawing.js';

const MARGIN = 14; // pixels above the curve, for the name
const BELOW = 4;
const OWN = 8; // values closer than this get no dots
const BEYOND = 320; // how far outside the view lines are drawn

export function paintPlot(plot, timeline, context, height, color) {
  context.strokeStyle = context.fillStyle = color.plot;
  if (plot.kind === 'text') paintLabels(plot, timeline, context, height, color);
  else paintCurve(plot, timeline, context, height);
  const value = timeline.value(timeline.row);
  if (value !== null) line(context, timeline.x(value), 0, height, color.cursor, 2);
}

function paintCurve(plot, timeline, context, height) {
  const size = plot.high - plot.low || 1;
  const y = (value) => height - BELOW - ((value - plot.low) / size) * (height - MARGIN - BELOW);
  context.lineWidth = 1.4;
  context.lineJoin = 'round';
  context.beginPath();
  let isLifted = true;
  const isParted = (one, other) => timeline.isParted(plot.store, one, other);
  for (const [at, level] of corners(plot.rows, plot.kind !== 'float', isParted)) {
    const x = timeline.x(at);
    if (level === null) isLifted = true;
    else if (isLifted || x < -BEYOND || x > timeline.width + BEYOND) {
      context.moveTo(x, y(level));
      isLifted = false;
    } else context.lineTo(x, y(level));
  }
  context.stroke();
  if (plot.rows.length < timeline.width / OWN) {
    for (const [at, , high] of plot.rows) context.fillRect(timeline.x(at) - 1.5, y(high) - 1.5, 3, 3);
  }
}

// Corners [position, value] of a line through rows [position, smallest, largest]; null where the line ends at a gap.
// Steps keep a value until the next one.
export function corners(rows, asSteps, isParted = () => false) {
  const found = [];
  let before = null;
  for (const [at, low, high] of rows) {
    if (before && isParted(before[0], at)) found.push([at, null]);
    else if (before && asSteps) found.push([at, before[1]]);
    found.push([at, low]);
    if (high !== low) found.push([at, high]);
    before = [at, high];
  }
  return found;
}

function paintLabels(plot, timeline, context, height, color) {
  context.font = `12px ${getComputedStyle(timeline.canvas).fontFamily}`;
  context.textBaseline = 'middle';
  const middle = MARGIN + (height - MARGIN) / 2;
  plot.rows.forEach(([at, label], rank) => {
    const [left, right] = [Math.max(0, timeline.x(at)), Math.min(timeline.width, timeline.x(plot.rows[rank + 1]?.[0] ?? Infinity))];
    if (!label || right <= 0 || left >= timeline.width || right <= left) return;
    context.fillStyle = color.plot;
    context.fillRect(left, MARGIN + 2, 1.5, height - MARGIN - 4);
    context.globalAlpha = 0.15;
    context.fillRect(left, MARGIN + 2, right - left, height - MARGIN - 4);
    context.globalAlpha = 1;
    context.fillStyle = color.ink;
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left - 2, height);
    context.clip();
    if (right - left > 14) context.fillText(label, left + 5, middle);
    context.restore();
  });
}
