// The dialog that exports ranges of frames.

import * as api from './api.js';
import { rangeText } from './marks.js';
import * as text from './text.js';

const $ = (id) => document.getElementById(id);
const AGAIN = 250; // milliseconds between questions about the progress
const SOON = 200; // milliseconds after a change of the range
const NAMED = 6, COUNTED = 20; // marks

const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

// Progress of several exports together, from 0 to 1; null while nothing can be said.
export function progressOf(jobs) {
  const parts = jobs.map(({ state, done, total }) => (state === 'done' ? 1 : total ? Math.min(1, done / total) : 0));
  return jobs.some(({ done, state }) => done || state === 'done') ? parts.reduce((sum, part) => sum + part, 0) / jobs.length : null;
}

export function describeResult(jobs) {
  const failed = jobs.filter(({ state }) => state === 'failed');
  if (failed.length) return failed.map(({ note }) => note).join(' ');
  if (jobs.some(({ state }) => state === 'cancelled')) return 'Cancelled.';
  const frames = text.frames(jobs.reduce((sum, { total }) => sum + total, 0));
  const names = jobs.map(({ name }) => name).join(', ');
  const note = jobs.length === 1 && jobs[0].note ? `, ${jobs[0].note}` : '';
  return `${frames} ${jobs[0].beside ? 'saved next to the recording as' : 'exported:'} ${names}${note}`;
}

// What will be exported, of one range: the answer of the server.
export function describeSelection({ frames, first, last, all }) {
  if (frames === 1) return `${all ? 'The complete recording: one frame' : 'One frame'}, ${first}.`;
  return `${all ? 'The complete recording: ' : ''}${text.frames(frames)}, from ${first} to ${last}.`;
}

// And of several marks; `found` is null if they are too many to count their frames.
export function describeMarks(marks, found) {
  const named = marks.slice(0, NAMED).map(rangeText).join(', ');
  const more = marks.length > NAMED ? ` and ${marks.length - NAMED} more` : '';
  const sum = found ? `, together ${text.frames(found.reduce((all, { frames }) => all + frames, 0))}` : '';
  return `${marks.length} files, one for each mark: ${named}${more}${sum}.`;
}

// A number of seconds; else the text as it is, of which the server says what is wrong.
export function secondsOf(written) {
  const seconds = Number(written.trim().replace(',', '.'));
  return Number.isFinite(seconds) ? seconds : written;
}

export class ExportDialog {
  constructor(summaries) {
    Object.assign(this, { summaries, ranges: [], jobs: [], turn: 0 });
    for (const [store, summary] of summaries.entries()) $('export-store').add(new Option(summary.name, String(store)));
    $('export-store').parentElement.hidden = summaries.length === 1;
    $('export-form').addEventListener('submit', (event) => { event.preventDefault(); this.start(); });
    $('export-store').addEventListener('change', () => { this.loadSounds(); this.changed(); });
    for (const id of ['export-from', 'export-to']) $(id).addEventListener('input', () => this.changed());
    for (const id of ['export-kind', 'export-sound']) $(id).addEventListener('change', () => this.showOptions());
    $('export-cancel').addEventListener('click', () => this.cancel());
    $('export-close').addEventListener('click', () => $('export-dialog').close());
  }

  get store() {
    return Number($('export-store').value);
  }

  // Ask what to do with some ranges, each with a start and an end.
  open(ranges) {
    this.ranges = ranges;
    const single = ranges.length === 1;
    $('export-numbers').hidden = !single;
    [$('export-from').value, $('export-to').value] = [ranges[0].start, ranges[0].end ?? ranges[0].start];
    this.say('');
    this.showOptions();
    this.loadSounds();
    this.ask(false);
    this.describe().catch(() => {});
    $('export-dialog').showModal();
  }

  // --- what will be exported

  changed() {
    this.ask(false);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.describe().catch(() => {}), SOON);
  }

  // The ranges, as they are written now.
  chosen() {
    if (this.ranges.length > 1) return this.ranges;
    return [{ start: $('export-from').value.trim(), end: $('export-to').value.trim() }];
  }

  // Say what will be exported. Returns what the server says of each range; null for many.
  async describe() {
    const ranges = this.chosen();
    const turn = this.describing = (this.describing ?? 0) + 1;
    try {
      const found = ranges.length > COUNTED ? null : await Promise.all(ranges.map((range) => this.selection(range)));
      if (turn === this.describing) this.tell(ranges.length > 1 ? describeMarks(ranges, found) : describeSelection(found[0]));
      return found;
    } catch (error) {
      this.ask(false);
      if (turn === this.describing) this.tell('', error.message);
      throw error;
    }
  }

  // Of several ranges, one may have no frames: its own export says so.
  selection({ start, end }) {
    const found = api.selection(this.store, start, end ?? start);
    return this.ranges.length > 1 ? found.catch(() => ({ frames: 0 })) : found;
  }

  tell(what, why = '') {
    $('export-what').textContent = what;
    if (why || $('export-note').classList.contains('bad')) this.say(why, Boolean(why));
  }

  // Ask before all of a recording is exported, or no more.
  ask(frames) {
    this.isAsked = Boolean(frames);
    $('export-start').textContent = frames ? `Export all of it, ${text.frames(frames)}` : 'Export';
  }

  async isAgreed() {
    const found = await this.describe();
    if (this.isAsked || found?.length !== 1 || !found[0].all) {
      this.ask(false);
      return true;
    }
    this.ask(found[0].frames);
    this.say('This is the complete recording. Export all of it, or choose a smaller range.');
    return false;
  }

  async loadSounds() {
    const files = await api.sounds(this.store).catch(() => []);
    const chosen = $('export-sound').value;
    $('export-sound').replaceChildren(new Option('none', ''), ...files.map((name) => new Option(name, name)));
    if (files.includes(chosen)) $('export-sound').value = chosen;
    this.showOptions();
  }

  showOptions() {
    const kind = $('export-kind').value;
    $('export-bar').disabled = !['mp4', 'mkv', 'tif'].includes(kind);
    const sound = $('export-sound');
    sound.disabled = !['mp4', 'mkv'].includes(kind) || sound.options.length === 1;
    $('export-offset').disabled = sound.disabled || !sound.value;
  }

  order({ start, end }) {
    const given = (id, none) => ($(id).disabled ? none : $(id).value);
    return {
      start: String(start), end: String(end ?? start), kind: $('export-kind').value,
      status_bar: !$('export-bar').disabled && $('export-bar').checked, sound: given('export-sound', ''),
      offset: secondsOf(given('export-offset', '0')), beside: $('export-beside').checked,
    };
  }

  async start() {
    const turn = this.turn += 1;
    this.running(true);
    this.say('');
    try {
      if (!await this.isAgreed()) return;
      this.jobs = [];
      for (const range of this.chosen()) this.jobs.push(await api.startExport(this.store, this.order(range)));
      await this.follow(turn);
      this.say(describeResult(this.jobs), this.jobs.some(({ state }) => state === 'failed'));
      for (const job of this.jobs) if (job.state === 'done' && !job.beside) download(job);
    } catch (error) {
      this.say(error.message, true);
    } finally {
      if (turn === this.turn) this.running(false);
    }
  }

  async follow(turn) {
    while (turn === this.turn && this.jobs.some(({ state }) => state === 'waiting' || state === 'running')) {
      await sleep(AGAIN);
      this.jobs = await Promise.all(this.jobs.map(({ key }) => api.exportState(key)));
      const progress = progressOf(this.jobs);
      if (progress === null) $('export-progress').removeAttribute('value');
      else $('export-progress').value = progress;
    }
  }

  cancel() {
    for (const { key } of this.jobs) api.cancelExport(key).catch((error) => this.say(error.message, true));
  }

  running(is) {
    $('export-progress').hidden = $('export-cancel').hidden = !is;
    $('export-start').disabled = is;
    if (is) $('export-progress').removeAttribute('value');
  }

  say(what, isError = false) {
    $('export-note').textContent = what;
    $('export-note').classList.toggle('bad', isError);
  }
}

function download({ key, name }) {
  const link = document.createElement('a');
  link.href = api.exportFile(key);
  link.download = name;
  link.click();
}
