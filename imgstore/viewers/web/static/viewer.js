// The page: connects its parts.

import * as api from './api.js';
import { Frames } from './frames.js';
import { showHome } from './home.js';
import { Keys } from './keys.js';
import { copyLink, isDemanded, keepPath, showLink } from './link.js';
import { Live } from './live.js';
import { Newest } from './newest.js';
import { Pane } from './panes.js';
import { fill } from './panel.js';
import { Player } from './player.js';
import { Plots } from './plots.js';
import * as text from './text.js';
import { Thumbnails } from './thumbnails.js';
import { Timeline } from './timeline.js';
import { AlignedTrack, SingleTrack } from './track.js';

const WIDE = 1200; // pixels; from here on the metadata is open at the start

const $ = (id) => document.getElementById(id);
const settings = { quality: '85', stretch: false, every: false, speed: 1 };
const chosen = (id) => $(id).value;

class Viewer {
  constructor(summaries) {
    this.summaries = summaries;
    this.several = summaries.length > 1;
    this.zone = summaries[0].timezone;
    this.frames = new Frames(summaries);
    this.player = new Player(this.track(), this.frames, settings);
    this.player.panes = summaries.map((summary, store) => new Pane(store, summary, this.player));
    this.timeline = new Timeline($('timeline'), summaries, this.zone);
    this.thumbnails = new Thumbnails($('thumbnails'), this.timeline);
    this.plots = new Plots($('plots'), $('extra-note'), this.timeline);
    this.newest = new Newest(this, settings);
  }

  track() {
    return this.several ? new AlignedTrack(this.summaries, chosen('policy')) : new SingleTrack(this.summaries[0]);
  }

  async start() {
    keepPath();
    showHome();
    $('link').hidden = !isDemanded();
    $('stage').append(...this.player.panes.map((pane) => pane.figure));
    $('policy-field').hidden = !this.several;
    $('index').parentElement.hidden = this.several; // each pane shows its own
    this.name();
    this.newest.showLive();
    this.listen();
    this.bindKeys();
    const metadata = innerWidth >= WIDE ? this.metadata() : null; // first: it makes the rest narrower
    if (!this.summaries.some((summary) => summary.frames)) {
      this.say('There are no frames yet.', true);
    } else {
      await this.player.go(this.remembered());
      await this.timeline.load();
    }
    await metadata;
    this.live = new Live((news) => this.newest.grow(news), (why) => this.say(why, true));
  }

  name() {
    const names = this.summaries.map((summary) => summary.name);
    document.title = `${names.join(', ')} – imgstore`;
    $('title').textContent = names.join('  +  ');
    this.facts();
  }

  facts() {
    const parts = this.summaries.slice(0, 1).flatMap((summary) => {
      const length = summary.frames ? summary.last.time - summary.first.time : 0;
      return [`${text.count(summary.frames)} frames`, length > 0 ? text.duration(length) : '',
        summary.period ? `${text.value(Number((1 / summary.period).toPrecision(4)))} a second` : ''];
    });
    $('facts').textContent = this.several ? `${this.summaries.length} stores, side by side by frame number`
      : parts.filter(Boolean).join(' · ');
  }

  // --- events

  listen() {
    const { player, timeline } = this;
    player.addEventListener('moved', ({ detail }) => this.moved(detail));
    player.addEventListener('trouble', ({ detail }) => this.say(detail, true));
    player.addEventListener('playing', () => this.showPlaying(true));
    player.addEventListener('paused', () => this.showPlaying(false));
    player.addEventListener('rate', ({ detail }) => this.rate(detail));
    player.addEventListener('left', () => this.newest.leave());
    timeline.addEventListener('seek', ({ detail }) => this.seek(detail));
    timeline.addEventListener('trouble', ({ detail }) => this.say(detail, true));
    timeline.addEventListener('hovered', ({ detail }) => this.legend(detail));
    timeline.addEventListener('loaded', () => this.loaded());
    $('jump').addEventListener('submit', (event) => { event.preventDefault(); this.jump(); });
    $('jump-axis').addEventListener('change', () => this.placeholder());
    $('policy').addEventListener('change', () => this.policy());
    this.listenToSettings();
    this.listenToButtons();
  }

  listenToSettings() {
    $('speed').addEventListener('change', () => { settings.speed = Number(chosen('speed')); });
    $('every').addEventListener('change', () => { settings.every = $('every').checked; });
    $('quality').addEventListener('change', () => { settings.quality = chosen('quality'); this.player.again(); });
    $('stretch').addEventListener('change', () => { settings.stretch = $('stretch').checked; this.player.again(); });
  }

  listenToButtons() {
    const { player, timeline } = this;
    const acts = {
      first: () => this.first(), last: () => this.last(), back: () => player.step(-1), forth: () => player.step(1),
      play: () => player.toggle(), 'gap-before': () => this.gap(-1), 'gap-behind': () => this.gap(1),
      'zoom-in': () => timeline.zoom(0.5), 'zoom-out': () => timeline.zoom(2), 'zoom-all': () => timeline.showAll(),
      metadata: () => this.metadata(), follow: () => this.newest.toggle(), help: () => $('keys').showModal(),
      link: () => showLink().catch((error) => this.say(error.message, true)), 'link-copy': copyLink,
    };
    for (const [id, act] of Object.entries(acts)) $(id).addEventListener('click', act);
  }

  bindKeys() {
    const { player, timeline } = this;
    const keys = new Keys($('key-list'));
    keys.on([' ', 'k'], 'Space', 'play and pause', () => player.toggle());
    keys.on(['ArrowLeft', ','], '←', 'one frame back (with Shift, 10)', () => player.step(-1));
    keys.on(['ArrowRight', '.'], '→', 'one frame forward (with Shift, 10)', () => player.step(1));
    keys.actions.set('Shift+ArrowLeft', () => player.step(-10));
    keys.actions.set('Shift+ArrowRight', () => player.step(10));
    keys.on(['PageUp'], 'Page up', '100 frames back', () => player.step(-100));
    keys.on(['PageDown'], 'Page down', '100 frames forward', () => player.step(100));
    keys.on(['Home'], 'Home', 'the first frame', () => this.first());
    keys.on(['End'], 'End', 'the last frame', () => this.last());
    keys.on(['n'], 'N', 'the next gap, where frames are missing', () => this.gap(1));
    keys.on(['b'], 'B', 'the previous gap', () => this.gap(-1));
    keys.on(['ArrowUp'], '↑', 'faster', () => this.faster(1));
    keys.on(['ArrowDown'], '↓', 'slower', () => this.faster(-1));
    keys.on(['g'], 'G', 'go to a number, index or time', () => { $('jump-value').focus(); $('jump-value').select(); });
    keys.on(['+', '='], '+', 'zoom the timeline in', () => timeline.zoom(0.5));
    keys.on(['-', '_'], '−', 'zoom the timeline out', () => timeline.zoom(2));
    keys.on(['0'], '0', 'the complete timeline', () => timeline.showAll());
    keys.on(['z'], 'Z', 'zoom images 1 : 1, 4 : 1, fit the page', () => this.zoomImages());
    keys.on(['c'], 'C', 'contrast', () => $('stretch').click());
    keys.on(['s'], 'S', 'save this frame losslessly', () => this.save());
    keys.on(['f'], 'F', 'follow a growing recording', () => this.newest.toggle());
    keys.on(['m'], 'M', 'metadata', () => this.metadata());
    keys.on(['h', '?'], 'H', 'this list', () => $('keys').showModal());
  }

  moved(row) {
    $('number').textContent = String(row.number);
    $('index').textContent = text.value(row.index[0]);
    $('time').textContent = text.moment(row.time, this.zone);
    $('time-label').textContent = text.isClock(row.time) ? this.zone : 'time';
    this.timeline.moved(row);
    this.plots.moved(row);
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => this.remember(row), 400);
  }

  showPlaying(playing) {
    $('play').classList.toggle('playing', playing);
    $('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
    if (!playing) this.loadedLegend();
  }

  rate({ shown, every }) {
    const skipped = every > 1 ? `1 frame of ${every}` : 'every frame';
    this.legend(`${shown} images a second, ${skipped}`);
  }

  loaded() {
    this.loadedLegend();
    this.thumbnails.show();
    this.plots.load().then(() => this.plots.ask()).catch((error) => this.say(error.message));
  }

  loadedLegend() {
    const gaps = this.timeline.lanes.flatMap((lane) => lane.gaps);
    const chunks = this.timeline.lanes.reduce((sum, lane) => sum + lane.chunks, 0);
    const missing = this.timeline.lanes.flatMap((lane) => lane.missing).reduce((sum, n) => sum + Math.max(0, n), 0);
    const parts = [`${text.count(chunks)} ${chunks === 1 ? 'chunk' : 'chunks'}`];
    if (gaps.length) parts.push(`${gaps.length >= 60 ? 'many' : gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'}`);
    parts.push(missing ? `${text.count(missing)} frames missing` : 'no frame missing');
    this.standing = parts.join(', ');
    this.legend('');
  }

  legend(told) {
    const mark = (name, label) => {
      const sign = document.createElement('i');
      sign.className = name;
      return [sign, label];
    };
    $('legend').replaceChildren(...mark('present', 'frames'), ...mark('gap', 'gap'), ...mark('chunk', 'chunk start'),
      `  ·  ${told || (this.standing ?? '')}`);
  }

  // --- moving

  first() {
    return this.player.go(this.player.track.first());
  }

  last() {
    return this.player.go(this.player.track.last());
  }

  // Of several requests during a search, only the last counts.
  async seek(place) {
    this.place = place;
    if (this.seeking) return;
    this.seeking = true;
    try {
      while (this.place) {
        const { axis, value } = this.place;
        this.place = null;
        await this.player.go(this.player.track.find(axis, axis === 'time' ? value : Math.round(value)));
      }
    } finally {
      this.seeking = false;
    }
  }

  async jump() {
    const [axis, value] = [chosen('jump-axis'), chosen('jump-value').trim()];
    if (!value) return;
    $('jump-value').blur(); // keys work as shortcuts again
    const row = await this.player.go(this.player.track.find(axis, value));
    if (!row) {
      $('jump-value').focus();
      return;
    }
    if (row.exact || axis === 'time') this.say(`At frame ${row.number}.`);
    else this.say(`There is no frame with ${axis} ${value}. This is the nearest one.`);
  }

  placeholder() {
    const hints = { number: 'number', index: 'from 0', time: '14:05:09.5 or 12.5s' };
    $('jump-value').placeholder = hints[chosen('jump-axis')];
  }

  async gap(direction) {
    const { player } = this;
    player.pause();
    if (!player.row || this.searching) return;
    this.searching = true;
    try {
      const gap = await this.findGap(direction);
      if (!gap) this.say(direction > 0 ? 'No gap after this frame.' : 'No gap before this frame.');
      else {
        await player.go(player.track.find(this.several ? 'number' : 'index', this.several ? gap.number : gap.index));
        this.say(await this.describeGap(gap));
      }
    } catch (error) {
      this.say(error.message, true);
    } finally {
      this.searching = false;
    }
  }

  // The nearest gap of all stores.
  async findGap(direction) {
    const { number } = this.player.row;
    const found = await Promise.all(this.summaries.map((_, store) => this.findGapOf(store, direction)));
    const beyond = (gap) => gap && (!this.several || Math.sign(Number(gap.number) - Number(number)) === direction);
    const distance = (gap) => Math.abs(Number(gap.number) - Number(number));
    return found.filter(beyond).sort((one, other) => distance(one) - distance(other))[0] ?? null;
  }

  async findGapOf(store, direction) {
    const { row } = this.player;
    if (!this.summaries[store].frames) return null;
    let index = row.index[store] ?? (await api.find(store, 'number', row.number)).index;
    while (index !== null) {
      const { found, searched } = await api.gap(store, index, direction);
      if (found !== null) return { store, ...(await api.rows(store, found, 1))[0] };
      index = searched;
    }
    return null;
  }

  async describeGap({ store, index }) {
    const [before, after] = await api.rows(store, index - 1, 2);
    const seconds = after.time === null || before.time === null ? null : after.time - before.time;
    const told = text.gapText({ before, after, missing: Number(after.number) - Number(before.number) - 1, seconds });
    return this.several ? `${this.summaries[store].name}: ${told}` : told;
  }

  // --- the rest

  faster(by) {
    const select = $('speed');
    select.selectedIndex = Math.max(0, Math.min(select.options.length - 1, select.selectedIndex + by));
    settings.speed = Number(select.value);
    this.say(`Speed ${select.value}`);
  }

  async policy() {
    this.player.track = this.track();
    await this.player.go(this.player.track.find('number', this.player.row.number));
  }

  zoomImages() {
    const scales = this.player.panes.map((pane) => pane.zoom());
    this.say(scales[0] === 'fit' ? 'Images fit the page' : `Images ${scales[0]} : 1`);
    this.player.again();
  }

  save() {
    for (const { link } of this.player.panes) if (!link.hidden) link.click();
  }

  async metadata() {
    const panel = $('panel');
    panel.hidden = !panel.hidden;
    $('metadata').setAttribute('aria-pressed', String(!panel.hidden));
    if (!panel.hidden) await fill(panel, this.summaries).catch((error) => this.say(error.message, true));
  }

  // Keep the frame in the address, for bookmarks and sharing.
  remember(row) {
    history.replaceState(null, '', this.several ? `#number=${row.number}` : `#index=${row.index[0]}`);
  }

  remembered() {
    const found = /^#(number|index)=(-?\d{1,19})$/.exec(location.hash);
    if (!found || (this.several && found[1] === 'index')) return this.player.track.first();
    return this.player.track.find(found[1], found[2]);
  }

  say(what, longer = false) {
    const status = $('status');
    status.textContent = what;
    status.classList.toggle('seen', Boolean(what));
    clearTimeout(this.silence);
    this.silence = setTimeout(() => status.classList.remove('seen'), longer ? 8000 : 3000);
  }
}

api.stores().then((summaries) => new Viewer(summaries).start()).catch((error) => {
  $('status').textContent = error.message;
  $('status').classList.add('seen');
  if (!(error instanceof api.Trouble)) throw error;
});
