// Extra data below the timeline, on its axis: one plot per numeric column, and the values at the current frame.

import * as api from './api.js';
import { colors, line, prepared } from './drawing.js';
import * as text from './text.js';

const HEIGHT = 64; // pixels
const MARGIN = 22; // above the curve, for the name
const AGAIN = 300; // milliseconds between requests for a finer plot
const OWN = 8; // pixels; values closer than this get no dots

export class Plots {
  constructor(box, note, timeline) {
    Object.assign(this, { box, note, timeline, plots: new Map(), turn: 0, row: null });
    timeline.addEventListener('painted', () => this.paint());
  }

  async load() {
    const turn = this.turn += 1;
    for (const store of this.timeline.summaries.keys()) await this.loadStore(store, turn);
  }

  async loadStore(store, turn) {
    const lane = this.timeline.lanes[store];
    if (!lane?.index.length) return;
    const axisOf = this.timeline.axisOf(store);
    const [low, high] = [least(lane.index), largest(lane.index)];
    let complete = false;
    while (!complete && turn === this.turn) {
      const found = await api.extra(store, low, high, Math.max(100, Math.min(2000, Math.round(this.timeline.width))));
      if (turn !== this.turn) return;
      complete = found.complete;
      for (const [name, rows] of Object.entries(found.columns)) this.set(store, name, rows, axisOf);
      this.tell(found);
      this.paint();
      if (!complete) await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
    }
  }

  tell({ complete, read, problems }) {
    const parts = [...problems];
    if (!complete) parts.push(`Reading extra data: ${Math.floor(100 * read)} %.`);
    this.note.textContent = parts.join(' ');
    this.note.hidden = !parts.length;
  }

  set(store, name, rows, axisOf) {
    const key = `${store}/${name}`;
    if (!this.plots.has(key)) this.plots.set(key, this.make(store, name));
    const plot = this.plots.get(key);
    plot.rows = rows.map(([index, low, high]) => [axisOf(index), low, high]);
    plot.low = least(rows.map((row) => row[1]));
    plot.high = largest(rows.map((row) => row[2]));
    plot.range.textContent = rows.length ? `${text.value(plot.low)} … ${text.value(plot.high)}` : '';
    const label = this.timeline.summaries.length > 1 ? `${this.timeline.summaries[store].name}: ${name}` : name;
    plot.canvas.setAttribute('aria-label', `${label}, from ${text.value(plot.low)} to ${text.value(plot.high)}`);
  }

  make(store, name) {
    const element = (tag, className, ...inner) => {
      const made = document.createElement(tag);
      made.className = className;
      made.append(...inner);
      return made;
    };
    const canvas = element('canvas', '');
    canvas.setAttribute('role', 'img');
    const value = element('b', '');
    const range = element('p', 'range');
    const label = this.timeline.summaries.length > 1 ? `${this.timeline.summaries[store].name}: ${name}` : name;
    this.box.append(element('div', 'plot', canvas, element('p', '', label, value), range));
    this.timeline.listen(canvas);
    return { store, name, canvas, value, range, rows: [] };
  }

  // --- values at the current frame

  moved(row) {
    this.row = row;
    clearTimeout(this.soon);
    const late = performance.now() - (this.asked ?? 0) > 200;
    if (late) this.ask();
    else this.soon = setTimeout(() => this.ask(), 120);
  }

  async ask() {
    if (!this.plots.size) return;
    this.asked = performance.now();
    const { row } = this;
    const stores = new Set([...this.plots.values()].map((plot) => plot.store));
    for (const store of stores) {
      const index = row.index[store];
      const record = index === null ? {} : await api.extraAt(store, index).catch(() => ({}));
      if (row !== this.row) return;
      for (const plot of this.plots.values()) {
        if (plot.store === store) plot.value.textContent = plot.name in record ? text.value(record[plot.name]) : '';
      }
    }
  }

  // --- drawing

  paint() {
    if (!this.plots.size) return;
    const color = colors();
    this.box.style.setProperty('--wide', `${this.timeline.canvas.offsetWidth}px`);
    for (const plot of this.plots.values()) this.paintPlot(plot, color);
  }

  paintPlot(plot, color) {
    const { timeline } = this;
    const context = prepared(plot.canvas, timeline.width, HEIGHT);
    const size = plot.high - plot.low || 1;
    const y = (value) => HEIGHT - 5 - ((value - plot.low) / size) * (HEIGHT - MARGIN - 5);
    context.strokeStyle = context.fillStyle = color.plot;
    context.lineWidth = 1.4;
    context.lineJoin = 'round';
    context.beginPath();
    let before = -Infinity;
    for (const [at, low, high] of plot.rows) {
      const x = timeline.x(at);
      if (timeline.isParted(plot.store, before, at)) context.moveTo(x, y(low));
      before = at;
      if (x < -OWN * 40 || x > timeline.width + OWN * 40) continue;
      context.lineTo(x, y(low));
      if (high !== low) context.lineTo(x, y(high));
    }
    context.stroke();
    if (plot.rows.length < timeline.width / OWN) {
      for (const [at, , high] of plot.rows) context.fillRect(timeline.x(at) - 1.5, y(high) - 1.5, 3, 3);
    }
    const value = timeline.value(timeline.row);
    if (value !== null) line(context, timeline.x(value), 0, HEIGHT, color.cursor, 2);
  }
}

const least = (values) => values.reduce((one, other) => Math.min(one, other), Infinity);
const largest = (values) => values.reduce((one, other) => Math.max(one, other), -Infinity);
