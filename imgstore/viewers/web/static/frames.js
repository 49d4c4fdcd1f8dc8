// Images of frames: decoded here while playing, if this browser can; else from the server, with a cache.

import { image } from './api.js';
import { isKnownToFail } from './decoders.js';
import { Source } from './source.js';

const BYTES = 256 * 2 ** 20;
const FASTEST = 1000 / 160; // milliseconds; the server skips frames better than a decoder does
const SMALL = '60'; // the quality for slow networks

export class Frames {
  constructor(summaries) {
    this.kept = new Map();
    this.coming = new Map();
    this.bytes = 0;
    this.milliseconds = 30; // per image of the server, smoothed
    this.sources = summaries.map((summary, store) => newSource(summary, store));
    this.interval = Infinity; // milliseconds between frames while playing
  }

  // Whether a frame of a store is decoded here.
  source(store, look) {
    const source = this.sources[store];
    if (!source || look.quality === 'exact' || look.stretch || look.tone || this.interval < FASTEST) return null;
    const isJpeg = source.summary.format === JPEG;
    return isJpeg && (look.quality === SMALL || this.interval < 1000 / 60) ? null : source;
  }

  key(store, index, look) {
    return `${store}/${index}/${look.quality}/${look.width}/${look.stretch}/${look.tone}`;
  }

  has(store, index, look) {
    return this.kept.has(this.key(store, index, look));
  }

  // While playing: an image for once, if it is decoded here.
  async next(store, index, look) {
    return (await this.source(store, look)?.get(index)) ?? this.get(store, index, look);
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

  // Prepare the frames to show next, in order. `next` reports errors.
  plan(store, indexes, look) {
    const source = this.source(store, look);
    source?.fit(look.width);
    source?.plan(indexes);
    for (const index of indexes) if (!source?.covers(index)) this.get(store, index, look).catch(() => {});
  }

  // The end of playing.
  rest() {
    for (const source of this.sources) source?.rest();
  }

  forget() {
    this.kept.clear();
    this.bytes = 0;
  }
}

const JPEG = 'mjpeg/avi';

function newSource(summary, store) {
  const isVideo = summary.packets && (summary.format === JPEG || !isKnownToFail(''));
  return isVideo ? new Source(store, summary) : null;
}

// Free an image that was for once, unless it is shown on.
export function release(image, shown) {
  if (image && image !== shown && image.isOnce) image.close();
}
