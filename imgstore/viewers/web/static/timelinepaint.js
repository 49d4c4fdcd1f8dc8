// Drawing of the timeline: ticks, a bar per store, the visible part, the cursor.

import { colors, line } from './drawing.js';
import { clamp, runs, ticks } from './scale.js';

export const TICKS = 18; // pixels
export const OVERVIEW = 8;

const APART = 110; // pixels between ticks

export function paint(timeline, context) {
  const color = colors();
  paintTicks(timeline, context, color);
  timeline.lanes.forEach((lane, store) => paintLane(timeline, context, color, lane, TICKS + store * timeline.laneHeight));
  paintMarks(timeline, context, color);
  paintOverview(timeline, context, color);
  if (timeline.hover !== null) line(context, timeline.hover, 0, timeline.height - OVERVIEW, color.soft, 1);
  const value = timeline.value(timeline.row);
  if (value !== null) paintCursor(timeline, context, color, timeline.x(value));
}

function paintTicks(timeline, context, color) {
  const { view, width } = timeline;
  context.font = `12px ${getComputedStyle(timeline.canvas).fontFamily}`;
  context.textBaseline = 'middle';
  context.fillStyle = color.soft;
  for (const { at, label } of ticks(view, (APART / width) * (view.high - view.low), timeline.axis, timeline.zone)) {
    const x = timeline.x(at);
    line(context, x, TICKS - 5, TICKS, color.soft, 1);
    if (x + 4 + context.measureText(label).width < width) context.fillText(label, x + 4, TICKS / 2);
  }
}

function paintLane(timeline, context, color, lane, top) {
  const [above, tall] = [top + 3, timeline.laneHeight - 7];
  context.fillStyle = color.present;
  for (const run of runs(lane)) {
    const x = timeline.x(lane.at[run.first]);
    context.globalAlpha = run.density;
    context.fillRect(x, above, Math.max(1.5, timeline.x(lane.at[run.last]) - x), tall);
  }
  context.globalAlpha = 1;
  context.fillStyle = color.gap; // missing frames, also those of gaps too small to be drawn
  lane.missing.forEach((missing, rank) => {
    const x = timeline.x(lane.at[rank]);
    if (missing) context.fillRect(x, above + tall, Math.max(2, timeline.x(lane.at[rank + 1]) - x), 3);
  });
  for (const gap of lane.gaps) paintGap(timeline, context, color, gap, above, tall);
  context.globalAlpha = clamp(timeline.width / (15 * lane.borders.length), 0.15, 1); // fainter if there are many
  for (const border of lane.borders) {
    line(context, Math.round(timeline.x(timeline.value(border))), above, above + tall, color.border, 1);
  }
  context.globalAlpha = 1;
}

// Marks are lines below the ticks, with a flag where they start. The range from In to Out is a frame around all bars.
function paintMarks(timeline, context, color) {
  const { height, marks, range, width } = timeline;
  context.fillStyle = color.mark;
  for (const { first, last } of marks) {
    const [left, right] = [first, last].map((row) => timeline.value(row));
    if (left === null || right === null) continue;
    context.fillRect(timeline.x(left), TICKS - 2, Math.max(2, timeline.x(right) - timeline.x(left)), 4);
    context.fillRect(timeline.x(left) - 1, TICKS - 9, 2, 11);
    context.fillRect(timeline.x(left), TICKS - 9, 7, 5);
  }
  if (!range?.start && !range?.end) return;
  const [low, high] = [range.start, range.end].map((row) => (row ? timeline.x(timeline.value(row)) : null));
  context.globalAlpha = 0.25;
  context.fillRect(low ?? 0, TICKS, (high ?? width) - (low ?? 0), height - OVERVIEW - TICKS);
  context.globalAlpha = 1;
  for (const x of [low, high]) if (x !== null) line(context, x, TICKS - 4, height - OVERVIEW, color.mark, 3);
}

function paintGap(timeline, context, color, gap, above, tall) {
  const [left, right] = [timeline.x(timeline.value(gap.before)), timeline.x(timeline.value(gap.after))];
  if (right < 0 || left > timeline.width) return;
  const wide = Math.max(2, right - left);
  context.fillStyle = color.card;
  context.fillRect(left, above, wide, tall);
  context.fillStyle = color.gap;
  context.globalAlpha = wide > 4 ? 0.22 : 1;
  context.fillRect(left, above, wide, tall);
  context.globalAlpha = 1;
  const middle = left + wide / 2;
  context.beginPath();
  context.moveTo(middle - 4, above - 3);
  context.lineTo(middle + 4, above - 3);
  context.lineTo(middle, above + 4);
  context.fill();
}

function paintOverview({ height, width, view, whole, zoomed }, context, color) {
  const top = height - OVERVIEW;
  context.fillStyle = color.line;
  context.fillRect(0, top + 2, width, OVERVIEW - 4);
  if (!zoomed) return;
  const size = whole.high - whole.low;
  context.fillStyle = color.soft;
  context.fillRect(((view.low - whole.low) / size) * width, top + 1, Math.max(6, ((view.high - view.low) / size) * width), OVERVIEW - 2);
}

function paintCursor({ height }, context, color, x) {
  line(context, x, 0, height - OVERVIEW, color.card, 4); // so that it is seen on every ground
  line(context, x, 0, height - OVERVIEW, color.cursor, 2);
  context.fillStyle = color.cursor;
  context.beginPath();
  context.moveTo(x - 6, 0);
  context.lineTo(x + 6, 0);
  context.lineTo(x + 6, 6);
  context.lineTo(x, 12);
  context.lineTo(x - 6, 6);
  context.fill();
}
