// Playback: play, step and seek. Dispatches an event for each shown frame.

import { Trouble } from './api.js';

const AHEAD = 64; // rows fetched ahead
const PREPARED = 4; // images fetched ahead
const LONGEST = 1000; // milliseconds to wait at a gap
const USUAL = 1 / 25; // seconds
const NEWS = 300; // milliseconds between requests for new frames

const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

export class Player extends EventTarget {
  constructor(track, frames, settings) {
    super();
    Object.assign(this, { track, frames, settings, panes: [], row: null, playing: false, wanted: null, busy: null });
    this.run = 0;
    this.every = 1;
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  // --- showing

  // Show a row. Of several requests during a fetch, only the last counts.
  show(row) {
    this.wanted = row;
    this.busy ??= this.work().finally(() => { this.busy = null; });
    return this.busy;
  }

  async work() {
    while (this.wanted) {
      const row = this.wanted;
      this.wanted = null;
      this.place(row);
      const bitmaps = await this.fetch(row);
      this.draw(bitmaps);
    }
  }

  place(row) {
    this.row = row;
    for (const pane of this.panes) pane.describe(row);
    this.tell('moved', row);
  }

  fetch(row) {
    return Promise.all(this.panes.map(async (pane) => {
      const index = row.index[pane.store];
      if (index === null) return { bitmap: null };
      try {
        return { bitmap: await this.frames.get(pane.store, index, pane.look(this.settings)) };
      } catch (error) {
        return { bitmap: null, why: error.message };
      }
    }));
  }

  draw(fetched) {
    this.panes.forEach((pane, rank) => {
      pane.draw(fetched[rank].bitmap);
      pane.tell(fetched[rank].why);
    });
    this.tell('drawn', this.row);
  }

  prepare(rows) {
    for (const row of rows) {
      for (const pane of this.panes) {
        const index = row.index[pane.store];
        if (index !== null) this.frames.prepare(pane.store, index, pane.look(this.settings));
      }
    }
  }

  resized() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.again(), 60);
  }

  again() {
    return this.row && !this.playing ? this.show(this.row) : null;
  }

  // --- moving

  async go(find) {
    this.pause();
    const turn = this.turn = (this.turn ?? 0) + 1;
    try {
      const row = await find;
      if (turn === this.turn && row) await this.show(row);
      return row;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.tell('trouble', error.message);
      return null;
    }
  }

  // Steps during a request are added up for the next one.
  async step(by) {
    this.pause();
    this.steps = (this.steps ?? 0) + by;
    if (this.stepping || !this.row) return;
    this.stepping = true;
    try {
      while (this.steps) {
        const taken = this.steps;
        this.steps = 0;
        const row = await this.go(this.track.step(this.row, taken));
        if (!row) return;
      }
    } finally {
      this.stepping = false;
    }
  }

  // --- playing

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  pause() {
    this.run += 1;
    if (this.playing) {
      this.playing = false;
      this.tell('paused');
    }
  }

  async play() {
    if (this.playing || !this.row) return;
    const run = this.run += 1;
    this.playing = true;
    this.tell('playing');
    try {
      await this.loop(run);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.tell('trouble', error.message);
    } finally {
      if (run === this.run) this.pause();
    }
  }

  async loop(run) {
    let ahead = [];
    let due = performance.now();
    while (run === this.run) {
      if (ahead.length < AHEAD / 2) {
        const more = await this.track.after(ahead.at(-1) ?? this.row, AHEAD);
        if (run !== this.run) return;
        ahead.push(...more);
      }
      if (!ahead.length && !this.live) return;
      if (!ahead.length) { // a live store may get more
        await sleep(NEWS);
        continue;
      }
      this.every = this.settings.every ? 1 : this.stride(ahead[0]);
      const skipped = Math.min(this.every, ahead.length);
      due = Math.max(due, performance.now() - 200) + this.wait(ahead.slice(0, skipped));
      const row = ahead[skipped - 1];
      ahead = ahead.slice(skipped);
      this.prepare([row, ...ahead.filter((_, rank) => (rank + 1) % this.every === 0).slice(0, PREPARED)]);
      const fetched = await this.fetch(row);
      await sleep(Math.max(0, due - performance.now()));
      if (run !== this.run) return;
      this.place(row);
      this.draw(fetched);
      this.rate(fetched);
    }
  }

  // Milliseconds from the shown row to the last of these; gaps are cut to LONGEST.
  wait(rows) {
    let before = this.row.time;
    let sum = 0;
    for (const { time } of rows) {
      const seconds = time !== null && before !== null && time > before ? time - before : USUAL;
      sum += Math.min(LONGEST, (1000 * seconds) / this.settings.speed);
      before = time;
    }
    return sum;
  }

  // Frames per step, to keep up with the recorded speed.
  stride(next) {
    const interval = Math.max(1, this.wait([next]));
    const possible = Math.max(1000 / 60, this.frames.milliseconds / PREPARED);
    return Math.max(1, Math.min(AHEAD / 4, Math.ceil((0.9 * possible) / interval)));
  }

  rate() {
    const now = performance.now();
    this.shown = [...(this.shown ?? []).filter((then) => now - then < 1000), now];
    this.tell('rate', { shown: this.shown.length, every: this.every });
  }
}
