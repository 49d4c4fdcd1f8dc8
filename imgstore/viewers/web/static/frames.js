// Cache of fetched images.

import { image } from './api.js';

const BYTES = 256 * 2 ** 20;

export class Frames {
  constructor() {
    this.kept = new Map();
    this.coming = new Map();
    this.bytes = 0;
    this.milliseconds = 30; // per image, smoothed
  }

  key(store, index, look) {
    return `${store}/${index}/${look.quality}/${look.width}/${look.stretch}/${look.tone}`;
  }

  has(store, index, look) {
    return this.kept.has(this.key(store, index, look));
  }

  async get(store, index, look) {
    const key = this.key(store, index, look);
    const bitmap = this.kept.get(key);
    if (bitmap) {
      this.kept.delete(key);
      this.kept.set(key, bitmap);
      return bitmap;
    }
    if (!this.coming.has(key)) {
      this.coming.set(key, this.fetch(key, store, index, look).finally(() => this.coming.delete(key)));
    }
    return this.coming.get(key);
  }

  async fetch(key, store, index, look) {
    const began = performance.now();
    const bitmap = await image(store, index, look);
    this.milliseconds += 0.2 * (performance.now() - began - this.milliseconds);
    this.keep(key, bitmap);
    return bitmap;
  }

  keep(key, bitmap) {
    this.kept.set(key, bitmap);
    this.bytes += 4 * bitmap.width * bitmap.height;
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= BYTES || oldest === key) break;
      this.kept.delete(oldest);
      this.bytes -= 4 * old.width * old.height; // not closed: it may still be drawn
    }
  }

  // Prefetch an image. `get` reports its errors.
  prepare(store, index, look) {
    this.get(store, index, look).catch(() => {});
  }

  forget() {
    this.kept.clear();
    this.bytes = 0;
  }
}
