// The page: connects its parts.

import { Address } from './address.js';
import * as api from './api.js';
import { Frames } from './frames.js';
import { bindButtons, bindKeys } from './bindings.js';
import { describeGap, findGap } from './gapsearch.js';
import { showHome } from './home.js';
import { HoverCard } from './hover.js';
import { Layout } from './layout.js';
import { keepPath } from './link.js';
import { Live } from './live.js';
import { Newest } from './newest.js';
import { Pane } from './panes.js';
import { fill } from './panel.js';
import { Player } from './player.js';
import { Plots } from './plots.js';
import { damageText, disableButtons, hideState, showDamage, showEmpty, showLost, showUnreadable, uselessButtons } from './states.js';
import * as text from './text.js';
import { Thumbnails } from './thumbnails.js';
import { Timeline } from './timeline.js';
import { Tone } from './tone.js';
import { AlignedTrack, SingleTrack } from './track.js';
import { Work } from './work.js';

const MANY = 600; // gaps; there may be more

const PANELS = { metadata: 'panel', marks: 'marks-panel', image: 'image-panel' };

const $ = (id) => document.getElementById(id);
const settings = { quality: '85', stretch: false, every: false, speed: 1, tone: null };
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
    this.hoverCard = new HoverCard($('hover'), this.timeline, this.plots);
    this.tone = new Tone(summaries[0], settings);
    this.work = new Work(this);
    this.address = new Address(this);
    for (const pane of this.player.panes) pane.onLook = () => this.rememberSoon();
    this.layout = new Layout();
    this.plots.onCount = (count) => this.layout.countPlots(count);
    $('more-plots').addEventListener('click', () => this.plots.paint());
    this.newest = new Newest(this, settings);
  }

  track() {
    return this.several ? new AlignedTrack(this.summaries, chosen('policy')) : new SingleTrack(this.summaries[0]);
  }

  async start() {
    keepPath();
    showHome();
    $('stage').append(...this.player.panes.map((pane) => pane.figure));
    $('policy-field').hidden = !this.several;
    $('index').parentElement.hidden = this.several; // each pane shows its own
    $('body').classList.toggle('captions', this.several);
    this.layout.arrange(this.player.panes);
    this.name();
    this.newest.showLive();
    this.listen();
    bindKeys(this);
    this.showUseful();
    if (!this.summaries.some((summary) => summary.frames)) {
      showEmpty(this.player.live);
    } else {
      await this.player.go(this.address.row());
      await this.timeline.load();
      await this.address.restore();
    }
    await this.work.marks.load();
    this.showUseful();
    this.live = new Live((news) => this.grow(news), (why) => showLost(why));
    await this.damage();
  }

  // Examining a long recording takes time: after the first frame.
  async damage() {
    try {
      const damages = await Promise.all(this.summaries.map((_, store) => api.damage(store)));
      showDamage(damageText(this.summaries.map(({ name }) => name), damages));
    } catch (error) {
      this.say(error.message, true);
    }
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
      return [text.frames(summary.frames), length > 0 ? text.duration(length) : '',
        summary.period ? `${text.value(Number((1 / summary.period).toPrecision(4)))} a second` : ''];
    });
    $('facts').textContent = this.several ? 'aligned by frame number'
      : parts.filter(Boolean).join(' · ');
  }

  // --- events

  listen() {
    const { player, timeline } = this;
    player.addEventListener('moved', ({ detail }) => this.moved(detail));
    player.addEventListener('trouble', ({ detail }) => this.say(detail, true));
    player.addEventListener('playing', () => this.showPlaying(true));
    player.addEventListener('paused', ({ detail }) => {
      this.showPlaying(false);
      if (detail.length) this.say(text.unreadable(detail), true);
    });
    player.addEventListener('rate', ({ detail }) => this.rate(detail));
    player.addEventListener('left', () => this.newest.leave());
    timeline.addEventListener('seek', ({ detail }) => this.seek(detail));
    timeline.addEventListener('trouble', ({ detail }) => this.say(detail, true));
    timeline.addEventListener('loaded', () => this.loaded());
    timeline.addEventListener('viewed', () => { this.showUseful(); this.rememberSoon(); });
    $('jump-value').addEventListener('input', () => this.jumpError(''));
    $('jump').addEventListener('submit', (event) => { event.preventDefault(); this.jump(); });
    $('policy').addEventListener('change', () => this.policy());
    this.listenToSettings();
    bindButtons(this);
  }

  listenToSettings() {
    $('speed').addEventListener('change', () => { settings.speed = Number(chosen('speed')); });
    $('every').addEventListener('change', () => { settings.every = $('every').checked; });
    $('quality').addEventListener('change', () => { settings.quality = chosen('quality'); this.player.again(); });
    $('stretch').addEventListener('change', () => { settings.stretch = $('stretch').checked; this.tone.reset(); });
    this.tone.addEventListener('changed', () => this.player.again());
  }

  moved(row) {
    $('number').textContent = String(row.number);
    $('index').textContent = text.value(row.index[0]);
    $('time').textContent = text.moment(row.time, this.zone);
    $('time-label').textContent = text.isClock(row.time) ? this.zone : 'time';
    this.timeline.moved(row);
    this.plots.moved(row);
    this.tone.moved(row);
    this.showUseful();
    this.rememberSoon();
  }

  rememberSoon() {
    this.address.rememberSoon();
  }

  showPlaying(playing) {
    $('play').classList.toggle('playing', playing);
    $('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
    if (!playing) this.loadedLegend();
    for (const pane of this.player.panes) pane.lookUnder();
    this.showUseful();
  }

  // Whether a row is the 'first' or the 'last' of the recording. With several stores, by number.
  isAtEnd(row, end) {
    if (!row) return false;
    if (!this.several) return row.index[0] === (end === 'first' ? 0 : this.summaries[0].frames - 1);
    const numbers = this.summaries.filter((summary) => summary.frames).map((summary) => Number(summary[end].number));
    return Number(row.number) === (end === 'first' ? Math.min(...numbers) : Math.max(...numbers));
  }

  // Disable the buttons that would do nothing.
  showUseful() {
    const { player } = this;
    disableButtons(uselessButtons({
      isEmpty: !player.row, atFirst: this.isAtEnd(player.row, 'first'), atLast: this.isAtEnd(player.row, 'last'),
      playing: player.playing, live: player.live, following: this.newest.following, zoomed: this.timeline.zoomed,
      loops: this.work.range.loops, canMark: this.work.marks.canAdd, readOnly: this.work.marks.readOnly,
    }));
  }

  rate(pace) {
    this.legend(text.pace(pace));
  }

  loaded() {
    this.loadedLegend();
    this.thumbnails.show();
    this.plots.load().then(() => this.plots.ask()).catch((error) => this.plots.note.replaceChildren(error.message));
  }

  loadedLegend() {
    const gaps = this.timeline.lanes.flatMap((lane) => lane.gaps);
    const chunks = this.timeline.lanes.reduce((sum, lane) => sum + lane.chunks, 0);
    const missing = this.timeline.lanes.flatMap((lane) => lane.missing).reduce((sum, n) => sum + Math.max(0, n), 0);
    const parts = [`${text.count(chunks)} ${chunks === 1 ? 'chunk' : 'chunks'}`];
    if (gaps.length) parts.push(`${gaps.length >= MANY ? 'many' : gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'}`);
    parts.push(missing ? `${text.frames(missing)} missing` : 'no number missing');
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
    const written = chosen('jump-value').trim();
    if (!written) return;
    $('jump-value').blur(); // keys work as shortcuts again
    try {
      const row = await this.player.track.place(written);
      await this.player.go(row);
      this.say(row.note ? `${capital(row.note)}.` : `At frame ${row.number}.`);
    } catch (error) {
      if (!(error instanceof api.Trouble)) throw error;
      this.jumpError(error.message);
      $('jump-value').focus();
    }
  }

  jumpError(why) {
    $('jump-error').textContent = why;
    $('jump-error').hidden = !why;
    $('jump-value').setAttribute('aria-invalid', String(Boolean(why)));
  }

  async gap(direction) {
    const { player } = this;
    player.pause();
    if (!player.row || this.searching) return;
    this.searching = true;
    try {
      const gap = await findGap(this.summaries, player.row, direction);
      if (!gap) this.say(direction > 0 ? 'No gap after this frame.' : 'No gap before this frame.');
      else {
        await player.go(player.track.find(this.several ? 'number' : 'index', this.several ? gap.number : gap.index));
        this.say(await describeGap(this.summaries, gap));
      }
    } catch (error) {
      this.say(error.message, true);
    } finally {
      this.searching = false;
    }
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
    this.rememberSoon();
    this.say(scales[0] === 'fit' ? 'Images fit the page' : `Images ${scales[0]} : 1`);
    this.player.again();
  }

  turn() {
    for (const pane of this.player.panes) pane.turn((pane.turns + 1) % 4);
    this.layout.arrange(this.player.panes);
    this.player.again();
    this.rememberSoon();
  }

  save() {
    for (const { link } of this.player.panes) if (!link.hidden) link.click();
  }

  // Show or hide a panel. There is room for one of them.
  async panel(name) {
    for (const [button, panel] of Object.entries(PANELS)) {
      $(panel).hidden = button !== name || !$(panel).hidden;
      $(button).setAttribute('aria-pressed', String(!$(panel).hidden));
    }
    const panel = $(PANELS[name]);
    if (panel.hidden) return;
    if (name === 'metadata') await fill(panel, this.summaries, () => this.panel(name));
    if (name === 'image') this.tone.load();
    panel.focus();
  }

  async openPanel(name) {
    if ($(PANELS[name]).hidden) await this.panel(name);
  }

  // The recordings, as they are now.
  async grow(news) {
    showLost('');
    if ($('status').textContent === api.LOST) this.say('');
    await this.newest.grow(news);
    if (this.player.row) hideState();
    this.showUseful();
  }

  // Show a message above the timeline; an error for longer.
  say(what, isError = false) {
    const status = $('status');
    status.textContent = what;
    status.classList.toggle('seen', Boolean(what));
    status.classList.toggle('bad', isError);
    clearTimeout(this.silence);
    this.silence = setTimeout(() => status.classList.remove('seen'), isError ? 8000 : 4000);
  }
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

api.stores().then((summaries) => new Viewer(summaries).start()).catch((error) => {
  showUnreadable(error.message);
  if (!(error instanceof api.Trouble)) throw error;
});
