// The page's layout: height of the frames, full screen, number of plots.

import { bestColumns } from './zooming.js';

const $ = (id) => document.getElementById(id);
const KEY = 'imgstore frame height';
const LEAST = 15; // percent of the window's height
const REST = 150; // pixels, for the controls below
const STEPS = { ArrowUp: -5, ArrowDown: 5, PageUp: -20, PageDown: 20, Home: -100, End: 100 };
const FEW = 2; // plots shown at the start

// Share of the window that the frames may have, in percent.
export function limited(share, height) {
  return Math.max(LEAST, Math.min(share, 100 * (1 - REST / height)));
}

export class Layout {
  constructor() {
    this.body = $('body');
    this.splitter = $('splitter');
    this.listen();
    this.set(this.stored());
    new ResizeObserver(() => { if (this.panes) this.arrange(this.panes); }).observe($('stage'));
    addEventListener('resize', () => this.set(this.share));
  }

  listen() {
    const { splitter } = this;
    splitter.addEventListener('pointerdown', (event) => {
      splitter.setPointerCapture(event.pointerId);
      this.grip = event.clientY - splitter.getBoundingClientRect().top;
    });
    splitter.addEventListener('pointermove', (event) => {
      if (splitter.hasPointerCapture(event.pointerId)) this.set(this.shareAt(event.clientY - this.grip));
    });
    splitter.addEventListener('pointerup', () => this.store());
    splitter.addEventListener('dblclick', () => { this.set(null); this.store(); });
    splitter.addEventListener('keydown', (event) => this.pressed(event));
    $('full').addEventListener('click', () => this.fullScreen());
    $('more-plots').addEventListener('click', () => this.showPlots(!$('plots').classList.contains('all')));
  }

  pressed(event) {
    if (event.key !== 'Enter' && !STEPS[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // these keys have other meanings on the page
    this.set(event.key === 'Enter' ? null : this.shown() + STEPS[event.key]);
    this.store();
  }

  // --- height of the frames

  shown() {
    return (100 * this.body.clientHeight) / innerHeight;
  }

  shareAt(y) {
    return (100 * (y - this.body.getBoundingClientRect().top)) / innerHeight;
  }

  // Set the share of the window's height, in percent; null for that of the style sheet.
  set(share) {
    this.share = share;
    this.body.classList.toggle('sized', share !== null);
    this.body.style.height = share === null ? '' : `${limited(share, innerHeight)}vh`;
    this.splitter.setAttribute('aria-valuenow', String(Math.round(this.shown())));
  }

  stored() {
    try {
      const share = Number(localStorage.getItem(KEY));
      return share > 0 && share < 100 ? share : null;
    } catch {
      return null; // storage is disabled
    }
  }

  store() {
    try {
      if (this.share === null) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, String(limited(this.share, innerHeight)));
    } catch { /* storage is disabled */ }
  }

  // --- several recordings

  // Arrange the images of some panes so that they are largest.
  arrange(panes) {
    this.panes = panes;
    const images = panes.map((pane) => pane.turned);
    const tallest = Math.max(...images.map(({ width, height }) => height / width));
    const caption = panes.length > 1 ? panes[0].figure.firstElementChild.offsetHeight : 0;
    const room = { width: $('stage').clientWidth, height: $('stage').clientHeight };
    const set = (name, value) => this.body.style.setProperty(`--${name}`, String(value));
    set('rows', Math.ceil(panes.length / 2)); // of a phone
    set('tallest', tallest);
    if (room.width && room.height) set('columns', bestColumns(images, room, caption));
  }

  // --- the rest

  async fullScreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await $('main').requestFullscreen?.();
  }

  countPlots(count) {
    this.plots = count;
    this.showPlots($('plots').classList.contains('all'));
  }

  showPlots(all) {
    const button = $('more-plots');
    $('plots').classList.toggle('all', all);
    button.hidden = (this.plots ?? 0) <= FEW;
    button.textContent = all ? 'fewer plots' : `${this.plots - FEW} more ${this.plots - FEW === 1 ? 'plot' : 'plots'}`;
    button.setAttribute('aria-expanded', String(all));
  }
}
