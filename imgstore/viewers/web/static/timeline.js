// The timeline: one bar per store with its frames, gaps and chunk starts.

import * as api from './api.js';
import { prepared } from './drawing.js';
import { between, clamp, nearestRank } from './scale.js';
import * as text from './text.js';
import { OVERVIEW, paint, TICKS } from './timelinepaint.js';

const NEAR = 6; // pixels
const LEAST = 3; // frames in the view at the largest zoom
export class Timeline extends EventTarget {
  constructor(canvas, summaries, zone) {
    super();
    Object.assign(this, { canvas, summaries, zone, lanes: [], row: null, hover: null, view: null, whole: null, marks: [], range: null });
    this.axis = summaries.length > 1 ? 'number' : 'time';
    this.pointers = new Map();
    this.canvas.style.height = `${this.height}px`;
    this.listen(canvas);
    new ResizeObserver(() => this.resized()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  get height() {
    return TICKS + this.laneHeight * this.summaries.length + OVERVIEW;
  }

  // Height of the bar of a store.
  get laneHeight() {
    const { length } = this.summaries;
    return length === 1 ? 22 : length <= 3 ? 16 : 12;
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
    this.hovered(); // the pointer may have been here before
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
    const [indices, positions] = [known.map(([at]) => at), known.map(([, value]) => value)];
    return (index) => between(indices, positions, index);
  }

  // The sample of a store nearest to a position.
  nearest(store, value) {
    const { at, index } = this.lanes[store];
    return at.length ? index[nearestRank(at, value)] : null;
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
    this.viewed();
  }

  showAll() {
    this.view = this.whole && { ...this.whole };
    this.viewed();
  }

  viewed() {
    this.draw();
    this.loadSoon();
    this.dispatchEvent(new Event('viewed'));
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
    element.addEventListener('pointerleave', () => this.leave());
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

  // Show nothing of what is under the pointer, until it moves.
  leave() {
    if (this.hover === null) return;
    this.hover = null;
    this.hovered();
  }

  // Say what is under the pointer: nothing, or a position and the gap there.
  hovered() {
    this.draw();
    const seen = this.hover !== null && this.view;
    const detail = seen ? { x: this.hover, value: this.at(this.hover), gap: this.gapAt(this.hover) } : null;
    this.dispatchEvent(new CustomEvent('hovered', { detail }));
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
    paint(this, context);
    this.dispatchEvent(new Event('painted'));
  }
}
