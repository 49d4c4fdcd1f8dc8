// The dialog that exports ranges of frames.

import * as api from './api.js';

const $ = (id) => document.getElementById(id);
const AGAIN = 250; // milliseconds between questions about the progress

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
  const frames = jobs.reduce((sum, { total }) => sum + total, 0);
  const names = jobs.map(({ name }) => name).join(', ');
  const note = jobs.length === 1 && jobs[0].note ? `, ${jobs[0].note}` : '';
  return `${frames} ${frames === 1 ? 'frame' : 'frames'} ${jobs[0].beside ? 'saved next to the recording as' : 'exported:'} ${names}${note}`;
}

export class ExportDialog {
  constructor(summaries) {
    Object.assign(this, { summaries, ranges: [], jobs: [], turn: 0 });
    for (const [store, summary] of summaries.entries()) $('export-store').add(new Option(summary.name, String(store)));
    $('export-store').parentElement.hidden = summaries.length === 1;
    $('export-form').addEventListener('submit', (event) => { event.preventDefault(); this.start(); });
    $('export-store').addEventListener('change', () => this.loadSounds());
    $('export-kind').addEventListener('change', () => this.showOptions());
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
    $('export-many').hidden = single;
    $('export-many').textContent = `${ranges.length} marks, each as a file of its own.`;
    [$('export-from').value, $('export-to').value] = [ranges[0].start, ranges[0].end ?? ranges[0].start];
    this.say('');
    this.showOptions();
    this.loadSounds();
    $('export-dialog').showModal();
  }

  async loadSounds() {
    const files = await api.sounds(this.store).catch(() => []);
    const chosen = $('export-sound').value;
    $('export-sound').replaceChildren(new Option('none', ''), ...files.map((name) => new Option(name, name)));
    if (files.includes(chosen)) $('export-sound').value = chosen;
  }

  showOptions() {
    const kind = $('export-kind').value;
    $('export-bar').disabled = !['mp4', 'mkv', 'tif'].includes(kind);
    for (const id of ['export-sound', 'export-offset']) $(id).disabled = !['mp4', 'mkv'].includes(kind);
  }

  order({ start, end }) {
    const video = !$('export-sound').disabled;
    return {
      start: String(start).trim(), end: String(end ?? start).trim(), kind: $('export-kind').value,
      status_bar: !$('export-bar').disabled && $('export-bar').checked, sound: video ? $('export-sound').value : '',
      offset: video ? Number($('export-offset').value) || 0 : 0, beside: $('export-beside').checked,
    };
  }

  async start() {
    const turn = this.turn += 1;
    if (this.ranges.length === 1) this.ranges = [{ start: $('export-from').value, end: $('export-to').value }];
    this.running(true);
    this.say('');
    try {
      this.jobs = [];
      for (const range of this.ranges) this.jobs.push(await api.startExport(this.store, this.order(range)));
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
