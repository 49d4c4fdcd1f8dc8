// What is under the pointer on the timeline: a thumbnail, number and time of the frame, and its extra data.

import * as api from './api.js';
import * as text from './text.js';
import { newPicture } from './thumbnails.js';

const WAIT = 50; // milliseconds
const WIDTH = 160; // pixels
const VALUES = 5;

export class HoverCard {
  constructor(card, timeline, plots) {
    Object.assign(this, { card, timeline, plots, turn: 0 });
    this.image = newPicture();
    this.lines = document.createElement('div');
    card.append(this.image, this.lines);
    timeline.addEventListener('hovered', ({ detail }) => this.hovered(detail));
    document.addEventListener('keydown', () => timeline.leave()); // it may change the position
  }

  hovered(place) {
    clearTimeout(this.soon);
    this.turn += 1;
    if (!place) {
      this.card.hidden = true;
      return;
    }
    this.put(place.x);
    this.soon = setTimeout(() => this.ask(place, this.turn), WAIT);
  }

  put(x) {
    const box = this.timeline.canvas.getBoundingClientRect();
    const strip = document.getElementById('thumbnails');
    const { top } = (strip.offsetHeight ? strip : this.timeline.canvas).getBoundingClientRect();
    const wide = this.card.offsetWidth || WIDTH;
    this.card.style.left = `${Math.max(4, Math.min(innerWidth - wide - 4, box.left + x - wide / 2))}px`;
    this.card.style.bottom = `${innerHeight - top + 4}px`;
  }

  async ask({ x, value, gap }, turn) {
    const { axis, zone } = this.timeline;
    try {
      const row = await api.find(0, axis, axis === 'time' ? value : Math.round(value));
      if (turn !== this.turn) return;
      this.image.src = api.thumbnail(0, row.index, WIDTH);
      this.show([`frame ${row.number}`, text.moment(row.time, zone), ...(gap ? [text.gapText(gap)] : [])]);
      this.put(x);
      const record = this.plots.size ? await api.extraAt(0, row.index) : {};
      if (turn !== this.turn) return;
      for (const line of values(record, this.plots.units)) this.add(line);
      this.put(x);
    } catch {
      this.card.hidden = true; // the page says elsewhere that the server does not answer
    }
  }

  show(lines) {
    this.lines.replaceChildren();
    lines.forEach((line) => this.add(line));
    this.card.hidden = false;
  }

  add(line) {
    const element = document.createElement('p');
    element.textContent = line;
    this.lines.append(element);
  }
}

// Lines for a record, the first few of its values with their units.
export function values(record, units) {
  const shown = Object.entries(record).filter(([name]) => !name.startsWith('_'));
  const lines = shown.slice(0, VALUES).map(([name, value]) => `${name} ${text.withUnit(value, units[name])}`);
  return shown.length > VALUES ? [...lines, `and ${shown.length - VALUES} more`] : lines;
}
