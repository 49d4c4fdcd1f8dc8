// A growing recording: its new frames, its length and its metadata.

import { fill } from './panel.js';
import { single } from './track.js';

const REDRAW = 2000; // milliseconds between redraws of a growing timeline

const $ = (id) => document.getElementById(id);

export class Newest {
  constructor(viewer, settings) {
    Object.assign(this, { viewer, settings, following: false });
  }

  // --- following: each new frame, or the newest, is shown

  toggle() {
    if (this.following) {
      this.leave();
      return;
    }
    this.viewer.player.pause();
    this.set(true, 'Following: showing new frames.');
    this.show();
  }

  leave() {
    if (this.following) this.set(false, 'Stopped following.');
  }

  set(following, told) {
    this.following = following;
    $('follow').setAttribute('aria-pressed', String(following));
    this.viewer.say(told);
  }

  async show() {
    const { player, summaries } = this.viewer;
    if (player.playing || !summaries.some((summary) => summary.frames)) return;
    if (this.settings.every && player.row) {
      player.play();
      return;
    }
    this.isNewer = true;
    if (this.isChasing) return;
    this.isChasing = true;
    try {
      while (this.following && this.isNewer) {
        this.isNewer = false;
        await this.showLast();
      }
    } finally {
      this.isChasing = false;
    }
  }

  showLast() {
    const { player, summaries, several } = this.viewer;
    return several ? player.follow(player.track.last()) : player.show(single(summaries[0].last));
  }

  // --- growing

  async grow(news) {
    const { player, summaries, several } = this.viewer;
    const grown = news.some((summary, store) => summary.frames !== summaries[store].frames);
    news.forEach((summary, store) => Object.assign(summaries[store], summary));
    this.showLive();
    if (!grown) return;
    if (!several) player.track.count = summaries[0].frames;
    this.viewer.facts();
    player.grown();
    if (!player.row) await player.follow(player.track.first());
    if (this.following) this.show();
    this.stale = true;
    await this.redraw();
  }

  // Update what takes longer, now and then.
  async redraw() {
    if (!this.stale || this.redrawing) return;
    this.redrawing = true;
    this.stale = false;
    const { timeline, summaries } = this.viewer;
    try {
      if (!timeline.zoomed) await timeline.load();
      if (!$('panel').hidden) await fill($('panel'), summaries, () => this.viewer.panel('metadata'));
    } catch (error) {
      this.viewer.say(error.message);
    }
    setTimeout(() => { this.redrawing = false; this.redraw(); }, REDRAW);
  }

  showLive() {
    const { player, summaries } = this.viewer;
    player.live = summaries.some((summary) => summary.live);
    $('follow').classList.toggle('live', player.live);
  }
}
