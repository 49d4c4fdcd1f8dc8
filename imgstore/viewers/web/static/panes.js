// One pane per store, with its image.

import * as api from './api.js';
import { listenToPointers } from './pointers.js';
import * as text from './text.js';
import { LARGEST, contained, fitScale, fitted, pixelAt, turnedSize, zoomedAt } from './zooming.js';

const SCALES = ['fit', 1, 4];
const STEP = 160; // pixels; a slightly larger page fetches nothing again
const ASK = 60; // milliseconds that the pointer rests before the pixel's value is asked for

const make = (tag, className, content = '') => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  return element;
};

export class Pane {
  constructor(store, summary, player) {
    Object.assign(this, { store, summary, player, place: null, turns: 0, bitmap: null, row: null, pointer: null });
    this.figure = make('figure', 'pane');
    const caption = make('figcaption', '');
    this.now = make('span', 'now');
    this.link = make('a', '', `Save ${summary.exact.toUpperCase()}`);
    this.link.title = 'Download this frame without loss (S)';
    caption.append(make('b', '', summary.name), this.now, this.link);
    this.view = make('div', 'view');
    this.canvas = make('canvas', '');
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', `${summary.name}, no frame yet`);
    this.trouble = make('p', 'trouble');
    this.trouble.setAttribute('role', 'alert');
    this.trouble.hidden = true;
    this.pixel = make('output', 'pixel');
    this.pixel.hidden = true;
    this.view.append(this.canvas, this.pixel);
    this.figure.append(caption, this.trouble, this.view);
    listenToPointers(this);
    new ResizeObserver(() => {
      if (this.bitmap) this.draw(this.bitmap); // now; a sharper image follows
      this.player.resized();
    }).observe(this.view);
  }

  get size() {
    const [height, width] = this.summary.shape;
    return { width, height };
  }

  get turned() {
    return turnedSize(this.size, this.turns);
  }

  get room() {
    return { width: this.view.clientWidth, height: this.view.clientHeight };
  }

  // Settings of the image to fetch: no larger than the pane.
  look(settings) {
    const { width } = this.size;
    const full = this.place || settings.quality === 'exact';
    const wanted = Math.ceil((fitScale(this.room, this.turned) * width * devicePixelRatio) / STEP) * STEP;
    const tone = settings.tone?.dtype === this.summary.dtype ? settings.tone.values : null;
    const exact = settings.quality === 'exact' && this.summary.exact === 'png' && !settings.stretch && !tone;
    return {
      quality: exact ? 'exact' : settings.quality === 'exact' ? 100 : settings.quality,
      width: full ? width : Math.max(1, Math.min(wanted, width)),
      stretch: settings.stretch,
      tone,
    };
  }

  // --- drawing

  draw(bitmap) {
    this.bitmap = bitmap;
    const size = turnedSize(bitmap ?? { width: 1, height: 1 }, this.turns);
    if (this.canvas.width !== size.width) this.canvas.width = size.width;
    if (this.canvas.height !== size.height) this.canvas.height = size.height;
    const context = this.canvas.getContext('2d');
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (bitmap) this.paint(context, bitmap);
    else context.clearRect(0, 0, 1, 1);
    this.put();
  }

  paint(context, bitmap) {
    const [width, height] = [this.canvas.width, this.canvas.height];
    if (this.turns) context.setTransform(...[[0, 1, -1, 0, width, 0], [-1, 0, 0, -1, width, height], [0, -1, 1, 0, 0, height]][this.turns - 1]);
    context.drawImage(bitmap, 0, 0, bitmap.width, bitmap.height);
  }

  // Put the image to its place in the view.
  put() {
    const image = this.turned;
    this.keepMiddle();
    const { scale, x, y } = this.place ? contained(this.place, this.room, image) : fitted(this.room, image);
    Object.assign(this.canvas.style, {
      left: `${Math.floor(x)}px`, top: `${Math.floor(y)}px`, width: `${Math.floor(image.width * scale)}px`,
      height: `${Math.floor(image.height * scale)}px`,
    });
    this.view.classList.toggle('pixels', scale >= 2);
    this.view.classList.toggle('zoomed', Boolean(this.place));
    this.lookUnder();
  }

  // If the view has another size, keep what is in its middle there.
  keepMiddle() {
    const { room } = this;
    if (this.place && this.before) {
      const { scale, x, y } = this.place;
      this.place = { scale, x: x + (room.width - this.before.width) / 2, y: y + (room.height - this.before.height) / 2 };
    }
    this.before = room;
  }

  describe(row) {
    if (row.index[this.store] !== this.row?.index[this.store]) this.forget();
    this.row = row;
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

  // --- looking closely

  // Zoom around a point of the view.
  zoomAt(factor, point) {
    const before = this.place;
    const place = zoomedAt(before ?? fitted(this.room, this.turned), factor, point, this.room, this.turned);
    const fit = fitScale(this.room, this.turned);
    this.place = factor < 1 && place.scale <= fit ? null : place;
    this.put();
    this.onLook?.();
    if (Boolean(before) !== Boolean(this.place)) this.player.resized(); // another size is fetched
  }

  drag(right, down) {
    if (!this.place) return;
    const { scale, x, y } = this.place;
    this.place = contained({ scale, x: x + right, y: y + down }, this.room, this.turned);
    this.put();
    this.onLook?.();
  }

  // The next of some fixed scales.
  zoom() {
    const rank = SCALES.indexOf(this.place?.scale ?? 'fit');
    const scale = SCALES[(rank + 1) % SCALES.length];
    const { width, height } = this.room;
    const middle = { x: (width - this.turned.width * scale) / 2, y: (height - this.turned.height * scale) / 2 };
    this.place = scale === 'fit' ? null : contained({ scale, ...middle }, this.room, this.turned);
    this.put();
    return scale;
  }

  // Scale, and the pixel in the middle of the view, as shown; null if the image fits.
  middle() {
    if (!this.place) return null;
    const { scale, x, y } = this.place;
    const { width, height } = this.room;
    return [scale, (width / 2 - x) / scale, (height / 2 - y) / scale].map((value) => Number(value.toPrecision(5)));
  }

  zoomTo([scale, across, down]) {
    const { width, height } = this.room;
    const limited = Math.min(scale, LARGEST);
    this.place = contained({ scale: limited, x: width / 2 - across * limited, y: height / 2 - down * limited }, this.room, this.turned);
    this.put();
  }

  turn(turns) {
    this.turns = turns;
    this.place = null;
    this.draw(this.bitmap);
  }

  // The pointer is at a point of the view now, or left it (null).
  point(at) {
    this.pointer = at;
    this.lookUnder();
  }

  // Show the value of the pixel under the pointer, as recorded. It may be another one without a move of the pointer.
  lookUnder() {
    clearTimeout(this.asking);
    const index = this.row?.index[this.store] ?? null;
    const place = this.place ?? fitted(this.room, this.turned);
    const pixel = this.pointer && this.bitmap && pixelAt(place, this.pointer, this.size, this.turns);
    if (!pixel || index === null || this.player.playing) {
      this.forget();
      return;
    }
    this.pixel.classList.toggle('right', this.pointer.x < this.room.width / 2);
    const name = `${index} ${pixel.x} ${pixel.y}`;
    if (name !== this.asked) this.asking = setTimeout(() => this.ask(name, index, pixel), ASK);
  }

  async ask(name, index, { x, y }) {
    this.asked = name;
    const found = await api.pixel(this.store, index, x, y).catch(() => null);
    if (name !== this.asked) return;
    if (!found) this.asked = null; // the next look asks again
    this.pixel.hidden = !found;
    this.pixel.textContent = found ? `x ${x}, y ${y}: ${found.values.map(text.value).join(' ')}` : '';
  }

  forget() {
    clearTimeout(this.asking);
    this.asked = null;
    this.pixel.hidden = true;
  }
}
