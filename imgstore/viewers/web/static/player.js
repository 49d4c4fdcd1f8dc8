// Playback: play, step and seek. Dispatches an event for each shown frame.

import { Trouble } from './api.js';
import { release } from './frames.js';

const AHEAD = 64; // rows fetched ahead
const PREPARED = 4; // images fetched ahead
const DECODED = 8; // images decoded ahead
const FEW = 16; // rows by which the pace is measured
const LONGEST = 1000; // milliseconds to wait at a gap
const USUAL = 1 / 25; // seconds
const NEWS = 1000; // milliseconds to wait for new frames, at most

const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

export class Player extends EventTarget {
  constructor(track, frames, settings) {
    super();
    Object.assign(this, { track, frames, settings, panes: [], row: null, playing: false, restarting: false, wanted: null, busy: null });
    this.run = 0;
    this.every = 1;
    this.growth = 0; // news of new frames so far
    this.hasAll = false; // whether all rows have been fetched
    this.unreadable = new Set(); // numbers of frames, of the latest playing
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
      if (row !== this.row) this.place(row); // else it is only drawn again
      const bitmaps = await this.fetch(row);
      this.draw(bitmaps);
    }
  }

  place(row) {
    this.row = row;
    for (const pane of this.panes) pane.describe(row);
    this.tell('moved', row);
  }

  fetch(row, isNext = false) {
    return Promise.all(this.panes.map(async (pane) => {
      const index = row.index[pane.store];
      if (index === null) return { bitmap: null };
      const find = (...frame) => (isNext ? this.frames.next(...frame) : this.frames.get(...frame));
      try {
        return { bitmap: await find(pane.store, index, pane.look(this.settings)) };
      } catch (error) {
        return { bitmap: null, why: error.message };
      }
    }));
  }

  draw(fetched) {
    this.panes.forEach((pane, rank) => {
      const before = pane.bitmap;
      pane.draw(fetched[rank].bitmap);
      release(before, pane.bitmap);
      pane.tell(fetched[rank].why);
    });
    this.tell('drawn', this.row);
  }

  discard(fetched) {
    this.panes.forEach((pane, rank) => release(fetched[rank].bitmap, pane.bitmap));
  }

  prepare(rows) {
    for (const pane of this.panes) {
      const indexes = rows.map((row) => row.index[pane.store]).filter((index) => index !== null);
      this.frames.plan(pane.store, indexes, pane.look(this.settings));
    }
  }

  resized() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.again(), 60);
  }

  again() {
    return this.row && !this.playing ? this.show(this.wanted ?? this.row) : null;
  }

  // --- moving

  go(find) {
    this.restarting = false;
    this.tell('left');
    return this.follow(find);
  }

  // Play on from another frame, unless something else is asked for before it is there.
  async restart(find) {
    const going = this.go(find);
    this.restarting = true;
    const row = await going;
    if (!this.restarting) return;
    this.restarting = false;
    if (row) this.play();
  }

  // The same for a frame that is shown because it is new.
  async follow(find) {
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
    this.restarting = false;
    this.tell('left');
    this.pause();
    if (!this.row) return;
    this.steps = (this.steps ?? 0) + by;
    if (this.stepping) return;
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
    if (this.playing || this.restarting) {
      this.restarting = false;
      this.tell('left');
      this.pause();
    } else {
      this.play();
    }
  }

  // A store has new frames.
  grown() {
    this.growth += 1;
    this.hasAll = false;
    this.wake?.();
  }

  pause() {
    this.run += 1;
    if (this.playing) {
      this.playing = false;
      this.frames.rest();
      this.tell('paused', [...this.unreadable]);
    }
  }

  async play() {
    if (this.playing || !this.row) return;
    const run = this.run += 1;
    this.playing = true;
    this.unreadable.clear();
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
    this.hasAll = false;
    let due = performance.now();
    while (run === this.run) {
      if (ahead.length < AHEAD / 2 && !this.hasAll) {
        const { growth } = this;
        const more = await this.track.after(ahead.at(-1) ?? this.row, AHEAD);
        if (run !== this.run) return;
        ahead.push(...more);
        this.hasAll = !more.length && growth === this.growth;
      }
      if (!ahead.length && !this.live) return;
      if (!ahead.length) { // a live store may get more
        await Promise.race([sleep(NEWS), new Promise((resolve) => { this.wake = resolve; })]);
        this.hasAll = false; // also if the news are lost
        continue;
      }
      const isHere = this.isDecodedHere(ahead.slice(0, FEW));
      this.every = this.settings.every ? 1 : this.stride(ahead[0], isHere);
      const skipped = Math.min(this.every, ahead.length);
      due = Math.max(due, performance.now() - 200) + this.wait(ahead.slice(0, skipped));
      const row = ahead[skipped - 1];
      ahead = ahead.slice(skipped);
      this.prepare([row, ...ahead.filter((_, rank) => (rank + 1) % this.every === 0).slice(0, isHere ? DECODED : PREPARED)]);
      const fetched = await this.fetch(row, true);
      await sleep(Math.max(0, due - performance.now()));
      if (run !== this.run) {
        this.discard(fetched);
        return;
      }
      this.place(row);
      this.draw(fetched);
      this.rate(row, fetched);
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

  // Whether the next frames are decoded here. That depends on their pace.
  isDecodedHere(rows) {
    this.frames.interval = this.wait(rows) / rows.length;
    return this.panes.every((pane) => this.frames.source(pane.store, pane.look(this.settings)));
  }

  // Frames per step, to keep up with the recorded speed.
  stride(next, isHere) {
    const interval = Math.max(1, this.wait([next]));
    const possible = Math.max(1000 / 60, isHere ? 0 : this.frames.milliseconds / PREPARED);
    return Math.max(1, Math.min(AHEAD / 4, Math.ceil((0.9 * possible) / interval)));
  }

  rate(row, fetched) {
    const now = performance.now();
    const isShown = !fetched.some(({ why }) => why);
    if (!isShown) this.unreadable.add(String(row.number));
    this.shown = [...(this.shown ?? []).filter((then) => now - then < 1000), ...(isShown ? [now] : [])];
    this.tell('rate', { shown: this.shown.length, every: this.every, unreadable: this.unreadable.size });
  }
}
