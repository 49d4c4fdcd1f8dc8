// The timeline: one bar per store with its frames, gaps and chunk starts.

import * as api from './api.js';
import { colors, line, prepared } from './drawing.js';
import * as text from './text.js';

const LANE = 30; // pixels
const TICKS = 20;
const OVERVIEW = 10;
const NEAR = 6;
const LEAST = 3; // frames in the view at the largest zoom
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000];

const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

export class Timeline extends EventTarget {
  constructor(canvas, summaries, zone) {
    super();
    Object.assign(this, { canvas, summaries, zone, lanes: [], row: null, hover: null, view: null, whole: null });
    this.axis = summaries.length > 1 ? 'number' : 'time';
    this.pointers = new Map();
    this.canvas.style.height = `${this.height}px`;
    this.listen(canvas);
    new ResizeObserver(() => this.resized()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  get height() {
    return TICKS + LANE * this.summaries.length + OVERVIEW;
  }

  get width() {
    return this.canvas.clientWidth;
  }

  get zoomed() {
    return Boolean(this.view) && this.view.high - this.view.low < 0.999 * (this.whole.high - this.whole.low);
  }

  // --- data

  async load() {
    const turn = this.turn = (this.turn ?? 0) + 1;
    const { low = null, high = null } = this.zoomed ? this.view : {};
    const bins = clamp(Math.round(this.width), 100, 1500);
    const lanes = await Promise.all(this.summaries.map((_, store) => api.timeline(store, this.axis, low, high, bins)));
    if (turn !== this.turn) return;
    if (lanes[0].axis !== this.axis) {
      this.axis = lanes[0].axis; // times do not ascend: use indexes
      this.view = null;
    }
    this.lanes = lanes.map((lane) => this.placed(lane));
    if (low === null || !this.view) this.measure();
    this.draw();
    this.dispatchEvent(new Event('loaded'));
  }

  loadSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.load().catch((error) => this.tell(error)), 90);
  }

  tell(error) {
    this.dispatchEvent(new CustomEvent('trouble', { detail: error.message }));
  }

  // Positions on the axis. A frame without a time takes that of the frame before.
  placed(lane) {
    let before = 0;
    const at = lane[this.axis].map((value) => { before = value === null ? before : Number(value); return before; });
    return { ...lane, at };
  }

  measure() {
    const there = this.lanes.filter((lane) => lane.at.length);
    const low = Math.min(...there.map((lane) => lane.at[0]));
    const high = Math.max(...there.map((lane) => lane.at.at(-1)));
    this.whole = there.length ? { low, high: Math.max(high, low + 1e-6) } : { low: 0, high: 1 };
    this.view = { ...this.whole };
  }

  value(row, store = 0) {
    if (!row) return null;
    if (this.axis === 'index') return row.index?.[store] ?? row.index;
    return row[this.axis] === null ? null : Number(row[this.axis]);
  }

  x(value) {
    return ((value - this.view.low) / (this.view.high - this.view.low)) * this.width;
  }

  at(x) {
    return this.view.low + clamp(x / this.width, 0, 1) * (this.view.high - this.view.low);
  }

  // Position of a frame on the axis: interpolated between samples, exact on both sides of a gap.
  axisOf(store) {
    const lane = this.lanes[store];
    const known = lane.index.map((index, rank) => [index, lane.at[rank]]);
    for (const gap of lane.gaps) {
      for (const side of [gap.before, gap.after]) {
        const value = this.value(side);
        if (value !== null) known.push([side.index, value]);
      }
    }
    known.sort((one, other) => one[0] - other[0]);
    return (index) => between(known, index);
  }

  // The sample of a store nearest to a position.
  nearest(store, value) {
    const { at, index } = this.lanes[store];
    if (!at.length) return null;
    let low = 0;
    let high = at.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle] < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && value - at[low - 1] < at[low] - value) low -= 1;
    return index[low];
  }

  // --- moving the view

  zoom(factor, around = null) {
    if (!this.view) return;
    const { low, high } = this.view;
    const middle = around ?? clamp(this.value(this.row) ?? (low + high) / 2, low, high);
    const size = clamp((high - low) * factor, this.least(), this.whole.high - this.whole.low);
    this.show(middle - ((middle - low) / (high - low)) * size, size);
  }

  least() {
    const frames = Math.max(...this.summaries.map((summary) => summary.frames), 1);
    const usual = this.axis === 'time' ? (this.whole.high - this.whole.low) / frames : 1;
    return Math.min(LEAST * usual, this.whole.high - this.whole.low);
  }

  show(low, size) {
    const start = clamp(low, this.whole.low, this.whole.high - size);
    this.view = { low: start, high: start + size };
    this.draw();
    this.loadSoon();
  }

  showAll() {
    this.view = this.whole && { ...this.whole };
    this.draw();
    this.loadSoon();
  }

  moved(row) {
    this.row = row;
    const value = this.value(row);
    if (this.view && value !== null && this.zoomed && (value < this.view.low || value > this.view.high)) {
      const size = this.view.high - this.view.low;
      this.show(value - size / 10, size);
    } else this.draw();
    this.describe(row);
  }

  describe(row) {
    const [summary] = this.summaries;
    const set = (name, value) => this.canvas.setAttribute(`aria-${name}`, value);
    const single = this.summaries.length === 1;
    set('valuemin', single ? 0 : summary.first?.number ?? 0);
    set('valuemax', single ? Math.max(0, summary.frames - 1) : summary.last?.number ?? 0);
    set('valuenow', single ? row.index[0] : row.number);
    set('valuetext', `frame ${row.number}, ${text.moment(row.time, this.zone)}`);
  }

  // --- pointers

  listen(element) {
    element.addEventListener('pointerdown', (event) => this.down(event, element));
    element.addEventListener('pointermove', (event) => this.move(event, element));
    for (const kind of ['pointerup', 'pointercancel']) {
      element.addEventListener(kind, (event) => this.up(event));
    }
    element.addEventListener('pointerleave', () => { this.hover = null; this.hovered(); });
    element.addEventListener('wheel', (event) => this.wheel(event, element), { passive: false });
  }

  place(event, element) {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  down(event, element) {
    if (!this.view || event.button) return;
    element.setPointerCapture(event.pointerId);
    const { x, y } = this.place(event, element);
    this.pointers.set(event.pointerId, x);
    this.panning = element === this.canvas && y > this.height - OVERVIEW && this.zoomed;
    if (this.pointers.size === 1) this.act(x);
  }

  move(event, element) {
    if (!this.view) return;
    const { x } = this.place(event, element);
    this.hover = event.pointerType === 'mouse' ? x : null;
    if (this.pointers.has(event.pointerId)) {
      if (this.pointers.size === 2) this.pinch(event.pointerId, x);
      else this.act(x);
      this.pointers.set(event.pointerId, x);
    }
    this.hovered();
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.dispatchEvent(new Event('released'));
  }

  act(x) {
    if (!this.panning) {
      this.dispatchEvent(new CustomEvent('seek', { detail: { axis: this.axis, value: this.at(x) } }));
      return;
    }
    const size = this.view.high - this.view.low;
    const middle = this.whole.low + (x / this.width) * (this.whole.high - this.whole.low);
    this.show(middle - size / 2, size);
  }

  pinch(id, x) {
    const [one, other] = [...this.pointers.values()];
    const fixed = [...this.pointers].find(([pointer]) => pointer !== id)[1];
    const was = Math.max(10, Math.abs(one - other));
    this.zoom(was / Math.max(10, Math.abs(x - fixed)), this.at((x + fixed) / 2));
  }

  wheel(event, element) {
    if (!this.view) return;
    const sideways = event.shiftKey ? event.deltaY : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
    if (!sideways && !event.ctrlKey && !event.altKey && !this.zoomed && event.deltaY > 0) return; // scrolls the page
    event.preventDefault();
    const size = this.view.high - this.view.low;
    if (sideways) this.show(this.view.low + (sideways / this.width) * size, size);
    else this.zoom(1.0015 ** clamp(event.deltaY, -400, 400), this.at(this.place(event, element).x));
  }

  // Describe the position under the pointer.
  hovered() {
    this.draw();
    let told = '';
    if (this.hover !== null && this.view) {
      const value = this.at(this.hover);
      const gap = this.gapAt(this.hover);
      const place = this.axis === 'time' ? text.moment(value, this.zone) : `${this.axis} ${text.count(Math.round(value))}`;
      told = gap ? text.gapText(gap) : place;
    }
    this.dispatchEvent(new CustomEvent('hovered', { detail: told }));
  }

  // Whether a visible gap lies between two positions of a store.
  isParted(store, one, other) {
    const parts = (gap) => this.value(gap.before) >= one && this.value(gap.after) <= other;
    return this.x(other) - this.x(one) > 4 && this.lanes[store].gaps.some(parts);
  }

  gapAt(x) {
    const near = (gap) => x >= this.x(this.value(gap.before)) - NEAR && x <= this.x(this.value(gap.after)) + NEAR;
    return this.lanes.flatMap((lane) => lane.gaps).find(near);
  }

  // --- drawing

  resized() {
    this.draw();
    if (this.view) this.loadSoon();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const context = prepared(this.canvas, this.width, this.height);
    if (!this.view) return;
    const color = colors();
    this.paintTicks(context, color);
    this.lanes.forEach((lane, store) => this.paintLane(context, color, lane, TICKS + store * LANE));
    this.paintOverview(context, color);
    if (this.hover !== null) line(context, this.hover, 0, this.height - OVERVIEW, color.soft, 1);
    const value = this.value(this.row);
    if (value !== null) this.paintCursor(context, color, this.x(value));
    this.dispatchEvent(new Event('painted'));
  }

  paintTicks(context, color) {
    const least = (110 / this.width) * (this.view.high - this.view.low);
    const time = this.axis === 'time';
    const step = time ? STEPS.find((size) => size >= least) ?? STEPS.at(-1) : Math.max(1, round(least));
    const shift = time ? text.offset(this.view.low, this.zone) : 0;
    context.font = `12px ${getComputedStyle(this.canvas).fontFamily}`;
    context.textBaseline = 'middle';
    for (let value = Math.ceil((this.view.low + shift) / step) * step; value <= this.view.high + shift; value += step) {
      const x = this.x(value - shift);
      const label = time ? text.tick(value - shift, this.zone, value % 86400 ? step : 86400) : text.count(value);
      line(context, x, TICKS - 5, TICKS, color.soft, 1);
      context.fillStyle = color.soft;
      if (x + 4 + context.measureText(label).width < this.width) context.fillText(label, x + 4, TICKS / 2);
    }
  }

  paintLane(context, color, lane, top) {
    const [above, tall] = [top + 4, LANE - 10];
    context.fillStyle = color.present;
    for (const run of runs(lane)) {
      const x = this.x(lane.at[run.first]);
      context.globalAlpha = run.density;
      context.fillRect(x, above, Math.max(1.5, this.x(lane.at[run.last]) - x), tall);
    }
    context.globalAlpha = 1;
    context.fillStyle = color.gap; // missing frames, also those of gaps too small to be drawn
    lane.missing.forEach((missing, rank) => {
      const x = this.x(lane.at[rank]);
      if (missing) context.fillRect(x, above + tall, Math.max(2, this.x(lane.at[rank + 1]) - x), 3);
    });
    for (const gap of lane.gaps) this.paintGap(context, color, gap, above, tall);
    context.globalAlpha = clamp(this.width / (15 * lane.borders.length), 0.15, 1); // fainter if there are many
    for (const border of lane.borders) {
      line(context, Math.round(this.x(this.value(border))), above, above + tall, color.border, 1);
    }
    context.globalAlpha = 1;
  }

  paintGap(context, color, gap, above, tall) {
    const [left, right] = [this.x(this.value(gap.before)), this.x(this.value(gap.after))];
    if (right < 0 || left > this.width) return;
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

  paintOverview(context, color) {
    const top = this.height - OVERVIEW;
    context.fillStyle = color.line;
    context.fillRect(0, top + 3, this.width, OVERVIEW - 5);
    const size = this.whole.high - this.whole.low;
    const left = ((this.view.low - this.whole.low) / size) * this.width;
    context.fillStyle = color.soft;
    if (this.zoomed) {
      context.fillRect(left, top + 2, Math.max(6, ((this.view.high - this.view.low) / size) * this.width), OVERVIEW - 3);
    }
  }

  paintCursor(context, color, x) {
    line(context, x, 0, this.height - OVERVIEW, color.cursor, 2);
    context.fillStyle = color.cursor;
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x + 6, 6);
    context.lineTo(x, 12);
    context.lineTo(x - 6, 6);
    context.fill();
  }
}

// Runs of samples with the same density of frames.
function runs(lane) {
  const found = lane.at.length ? [{ first: 0, last: 0, density: 1 }] : [];
  lane.missing.forEach((missing, rank) => {
    const frames = Math.max(1, Math.abs(lane.index[rank + 1] - lane.index[rank]));
    const density = 0.35 + (0.65 * frames) / (frames + Math.max(0, missing));
    const run = found.at(-1);
    if (run.density === density || run.first === run.last) Object.assign(run, { last: rank + 1, density });
    else found.push({ first: rank, last: rank + 1, density });
  });
  return found;
}

function between(known, index) {
  let low = 0;
  let high = known.length - 1;
  if (high < 0) return 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (known[middle][0] < index) low = middle + 1;
    else high = middle;
  }
  if (low === 0 || known[low][0] <= index) return known[low][1];
  const [[from, start], [to, end]] = [known[low - 1], known[low]];
  return start + ((index - from) / (to - from)) * (end - start);
}

// The next 1, 2 or 5 times a power of ten.
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((times) => times * power >= value) * power;
}
