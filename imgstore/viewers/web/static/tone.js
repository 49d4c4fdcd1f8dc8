// Black, white and gamma of the images, with a histogram of the frame.

import * as api from './api.js';
import { colors, prepared } from './drawing.js';
import * as text from './text.js';

const $ = (id) => document.getElementById(id);
const STEPS = 1000; // of the sliders
const GAMMAS = 5; // the largest; the smallest is its inverse
const HEIGHT = 64; // pixels
const SOON = 150; // milliseconds

export const gammaAt = (slider) => Number((GAMMAS ** (slider / STEPS)).toFixed(2));

// Value at a slider's position, rounded for integers.
export function valueAt(slider, { low, high }, isInteger) {
  const value = low + (slider / STEPS) * (high - low);
  return isInteger ? Math.round(value) : Number(value.toPrecision(6));
}

// Heights of the bars, from 0 to 1; small counts can be seen, too.
export function heights(counts) {
  const largest = Math.max(...counts, 1);
  return counts.map((count) => Math.sqrt(count / largest));
}

export class Tone extends EventTarget {
  constructor(summary, settings) {
    super();
    Object.assign(this, { summary, settings, row: null, range: null });
    for (const id of ['black', 'white', 'gamma']) $(id).addEventListener('input', () => this.changed());
    $('tone-reset').addEventListener('click', () => this.reset());
  }

  get isInteger() {
    return !this.summary.dtype.startsWith('float');
  }

  moved(row) {
    this.row = row;
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.load(), SOON);
  }

  async load() {
    const index = this.row?.index[0] ?? null;
    if ($('image-panel').hidden || index === null) return;
    const found = await api.histogram(0, index).catch(() => null);
    if (!found || this.row.index[0] !== index) return;
    this.range = found;
    this.draw();
    this.label();
  }

  changed() {
    if (!this.range) return;
    const [black, white] = ['black', 'white'].map((id) => valueAt(Number($(id).value), this.range, this.isInteger));
    const gamma = gammaAt(Number($('gamma').value));
    this.settings.tone = { dtype: this.summary.dtype, values: [black, white, gamma] };
    this.label();
    this.draw();
    this.dispatchEvent(new Event('changed'));
  }

  reset() {
    this.settings.tone = null;
    for (const [id, value] of [['black', 0], ['white', STEPS], ['gamma', 0]]) $(id).value = value;
    this.label();
    this.draw();
    this.dispatchEvent(new Event('changed'));
  }

  label() {
    const [black, white, gamma] = this.settings.tone?.values ?? [this.range?.low ?? 0, this.range?.high ?? 0, 1];
    $('black-value').textContent = text.value(black);
    $('white-value').textContent = text.value(white);
    $('gamma-value').textContent = text.value(gamma);
  }

  draw() {
    const canvas = $('histogram');
    if (!this.range || !canvas.clientWidth) return;
    const context = prepared(canvas, canvas.clientWidth, HEIGHT);
    const color = colors();
    const wide = canvas.clientWidth / this.range.counts.length;
    context.fillStyle = color.plot;
    heights(this.range.counts).forEach((height, rank) =>
      context.fillRect(rank * wide, HEIGHT * (1 - height), Math.max(1, wide), HEIGHT * height));
    context.fillStyle = color.gap;
    for (const id of ['black', 'white']) {
      context.fillRect((Number($(id).value) / STEPS) * (canvas.clientWidth - 2), 0, 2, HEIGHT);
    }
  }
}
