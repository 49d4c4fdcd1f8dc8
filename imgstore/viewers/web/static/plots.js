// Extra data below the timeline, on its axis: one plot per numeric column, and the values at the current frame.

import * as api from './api.js';
import { colors, prepared } from './drawing.js';
import { paintPlot } from './plotpaint.js';
import * as text from './text.js';

const AGAIN = 300; // milliseconds between requests for a finer plot

export class Plots {
  constructor(box, note, timeline) {
    Object.assign(this, { box, note, timeline, plots: new Map(), units: {}, turn: 0, row: null });
    timeline.addEventListener('painted', () => this.paint());
  }

  get size() {
    return this.plots.size;
  }

  async load() {
    const turn = this.turn += 1;
    try {
      for (const store of this.timeline.summaries.keys()) await this.loadStore(store, turn);
    } finally {
      if (turn === this.turn) this.freeRoom();
    }
  }

  // Free the room that is kept for plots, but not under the pointer: a click would miss what it was meant for.
  freeRoom() {
    const section = this.box.parentElement;
    if (!section.matches(':hover')) this.box.classList.remove('waiting');
    else section.addEventListener('pointerleave', () => this.freeRoom(), { once: true });
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
      Object.assign(this.units, found.units);
      for (const [name, rows] of Object.entries(found.columns)) this.set(store, name, rows, found.kinds[name], axisOf);
      for (const [name, labels] of Object.entries(found.labels)) this.setLabels(store, name, labels, axisOf);
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

  plotOf(store, name, kind) {
    const key = `${store}/${name}`;
    if (!this.plots.has(key)) this.plots.set(key, this.make(store, name));
    return Object.assign(this.plots.get(key), { kind });
  }

  set(store, name, rows, kind, axisOf) {
    const plot = this.plotOf(store, name, kind === 'text' ? 'float' : kind);
    plot.rows = rows.map(([index, low, high]) => [axisOf(index), low, high]);
    plot.low = kind === 'bool' ? 0 : least(rows.map((row) => row[1]));
    plot.high = kind === 'bool' ? 1 : largest(rows.map((row) => row[2]));
    const ends = kind === 'bool' ? ['false', 'true'] : [text.value(plot.low), text.withUnit(plot.high, this.units[name])];
    plot.range.textContent = rows.length ? ends.join(' … ') : '';
    plot.canvas.setAttribute('aria-label', `${this.label(store, name)}, from ${ends[0]} to ${ends[1]}`);
  }

  setLabels(store, name, labels, axisOf) {
    const plot = this.plotOf(store, name, 'text');
    plot.rows = labels.map(([index, label]) => [axisOf(index), label]);
    const several = new Set(labels.map(([, label]) => label).filter(Boolean)).size;
    plot.range.textContent = `${several} ${several === 1 ? 'text' : 'different texts'}`;
    plot.canvas.setAttribute('aria-label', `${this.label(store, name)}, ${plot.range.textContent}`);
  }

  label(store, name) {
    return this.timeline.summaries.length > 1 ? `${this.timeline.summaries[store].name}: ${name}` : name;
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
    this.box.append(element('div', 'plot', canvas, element('p', '', this.label(store, name), value), range));
    this.timeline.listen(canvas);
    this.onCount?.(this.plots.size + 1);
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
        if (plot.store === store) plot.value.textContent = plot.name in record ? text.withUnit(record[plot.name], this.units[plot.name]) : '';
      }
    }
  }

  // --- drawing

  paint() {
    if (!this.plots.size) return;
    const color = colors();
    this.box.style.setProperty('--wide', `${this.timeline.canvas.offsetWidth}px`);
    for (const plot of this.plots.values()) {
      const height = plot.canvas.clientHeight; // 0: one of the plots that are not shown
      if (height) paintPlot(plot, this.timeline, prepared(plot.canvas, this.timeline.width, height), height, color);
    }
  }
}

const least = (values) => values.reduce((one, other) => Math.min(one, other), Infinity);
const largest = (values) => values.reduce((one, other) => Math.max(one, other), -Infinity);
