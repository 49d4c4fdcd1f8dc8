// One pane per store, with its image.

import * as api from './api.js';
import * as text from './text.js';

const SCALES = ['fit', 1, 4];
const STEP = 160; // pixels; a slightly larger page fetches nothing again
const SWIPE = 24; // pixels

const make = (tag, className, content = '') => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  return element;
};

export class Pane {
  constructor(store, summary, player) {
    Object.assign(this, { store, summary, player, scale: 'fit', bitmap: null });
    this.figure = make('figure', 'pane');
    const caption = make('figcaption', '');
    this.now = make('span', 'now');
    this.link = make('a', '', `Save ${summary.exact.toUpperCase()}`);
    this.link.title = 'Download this frame without loss (S)';
    caption.append(make('b', '', summary.name), this.now, this.link);
    this.view = make('div', 'view fit');
    this.canvas = make('canvas', '');
    this.canvas.setAttribute('role', 'img');
    this.trouble = make('p', 'trouble');
    this.trouble.hidden = true;
    this.view.append(this.canvas);
    this.figure.append(caption, this.view, this.trouble);
    this.listen();
  }

  listen() {
    let from = null;
    this.view.addEventListener('pointerdown', (event) => { from = event; });
    this.view.addEventListener('pointerup', (event) => {
      if (!from || from.button || this.scale !== 'fit') return;
      const right = event.clientX - from.clientX;
      const down = event.clientY - from.clientY;
      if (Math.abs(right) > SWIPE && Math.abs(right) > Math.abs(down)) this.player.step(right < 0 ? 1 : -1);
      else if (Math.hypot(right, down) < SWIPE / 2) this.player.toggle();
      from = null;
    });
    this.view.addEventListener('pointercancel', () => { from = null; });
    new ResizeObserver(() => {
      if (this.bitmap) this.draw(this.bitmap); // now; a sharper image follows
      this.player.resized();
    }).observe(this.view);
  }

  // Settings of the image to fetch: no larger than the pane.
  look(settings) {
    const full = this.scale !== 'fit' || settings.quality === 'exact';
    const scale = this.fitting();
    const wanted = Math.ceil((scale * this.summary.shape[1] * devicePixelRatio) / STEP) * STEP;
    const exact = settings.quality === 'exact' && this.summary.exact === 'png' && !settings.stretch;
    return {
      quality: exact ? 'exact' : settings.quality === 'exact' ? 100 : settings.quality,
      width: full ? this.summary.shape[1] : Math.max(1, Math.min(wanted, this.summary.shape[1])),
      stretch: settings.stretch,
    };
  }

  fitting() {
    const [height, width] = this.summary.shape;
    return Math.min(this.view.clientWidth / width, this.view.clientHeight / height, 8) || 1;
  }

  draw(bitmap) {
    this.bitmap = bitmap;
    const [height, width] = this.summary.shape;
    const scale = this.scale === 'fit' ? this.fitting() : this.scale;
    this.canvas.style.width = `${Math.floor(width * scale)}px`;
    this.canvas.style.height = `${Math.floor(height * scale)}px`;
    const size = bitmap ?? { width: 1, height: 1 };
    if (this.canvas.width !== size.width) this.canvas.width = size.width;
    if (this.canvas.height !== size.height) this.canvas.height = size.height;
    const context = this.canvas.getContext('2d');
    if (bitmap) context.drawImage(bitmap, 0, 0, size.width, size.height);
    else context.clearRect(0, 0, 1, 1);
    this.view.classList.toggle('pixels', scale >= 2);
  }

  describe(row) {
    const index = row.index[this.store];
    const held = row.held[this.store];
    const there = index !== null;
    this.figure.classList.toggle('held', held);
    this.now.textContent = there ? `index ${text.count(index)}` : `no frame ${row.number}`;
    this.link.hidden = !there;
    if (there) this.link.href = api.download(this.store, index, this.summary.exact);
    this.canvas.setAttribute('aria-label', there
      ? `${this.summary.name}, frame ${row.number}${held ? ', repeated' : ''}`
      : `${this.summary.name} has no frame ${row.number}`);
  }

  tell(why) {
    this.trouble.textContent = why ?? '';
    this.trouble.hidden = !why;
  }

  zoom() {
    this.scale = SCALES[(SCALES.indexOf(this.scale) + 1) % SCALES.length];
    this.view.classList.toggle('fit', this.scale === 'fit');
    return this.scale;
  }
}
