// Frames of one store, decoded here ahead of playback. Their numbers come from the store's own table, with the packets.

import { isKnownToFail, isSameVideo, newDecoder } from './decoders.js';
import { Run } from './packets.js';

const IN_WORK = 8; // frames in the decoder
const PACKETS = 48; // a request
const FEW = 24; // packets left before the next request
const FAR = 100; // frames to decode to one further on; beyond, begin at its keyframe

export class Source {
  constructor(store, summary) {
    Object.assign(this, { store, summary, refused: { first: 0, stop: 0 } });
    this.fit(summary.shape[1]);
    this.clear();
  }

  // Show images no wider than this.
  fit(width) {
    const [height, own] = this.summary.shape;
    this.size = { width, height: Math.max(1, Math.round((height * width) / own)) };
  }

  clear() {
    Object.assign(this, { run: null, following: null, decoder: null, about: null, flushing: false });
    Object.assign(this, { ready: new Map(), waiting: new Map(), planned: new Set(), inWork: new Set() });
    this.next = 0; // the first frame that may still come in order
    this.fed = -1; // the furthest frame given to the decoder
    this.latest = null; // the frame that was taken last
  }

  // Stop decoding. Who waits for a frame gets none.
  rest() {
    const { ready, waiting, decoder } = this;
    this.clear();
    decoder?.close();
    for (const image of ready.values()) image.close();
    for (const { resolve } of waiting.values()) resolve(null);
  }

  // The frames to show next, in order.
  plan(indexes) {
    this.planned = new Set(indexes.filter((index) => this.covers(index) && index !== this.latest?.index));
    const last = this.last();
    for (const [index, image] of this.ready) {
      if (index > last || this.planned.has(index)) continue;
      this.ready.delete(index);
      image.close();
    }
    if (this.run) this.pump();
  }

  last() {
    return Math.max(-1, ...this.planned, ...this.waiting.keys());
  }

  covers(index) {
    return index < this.refused.first || index >= this.refused.stop;
  }

  // The image of a frame, or null: then the server has to decode it.
  get(index) {
    if (this.latest?.index === index) return this.latest.image;
    const image = this.ready.get(index);
    if (image) {
      this.ready.delete(index);
      return this.taken(index, image);
    }
    if (!this.covers(index)) return null;
    if (!this.reaches(index)) this.restart(index);
    const found = new Promise((resolve) => { this.waiting.set(index, { resolve }); });
    this.pump();
    return found;
  }

  taken(index, image) {
    this.latest = { index, image };
    this.planned.delete(index);
    this.pump();
    return image;
  }

  restart(index) {
    const { planned } = this;
    this.rest();
    this.planned = planned;
    this.run = new Run(this.store, index, PACKETS);
    this.next = index;
    this.fed = index - 1;
  }

  get isOrdered() {
    return this.decoder?.ordered ?? true;
  }

  // Whether a frame comes if decoding goes on.
  reaches(index) {
    if (!this.run || index > this.fed + FAR) return false;
    return this.inWork.has(index) || (this.isOrdered ? index >= this.next : index > this.fed);
  }

  // --- decoding

  lacks() {
    const wanted = (index) => (this.isOrdered ? index >= this.next && !this.ready.has(index) : index > this.fed);
    return [...this.waiting.keys(), ...this.planned].some(wanted);
  }

  // Decode until all planned frames are there, and fetch ahead.
  pump() {
    const { run } = this;
    if (!run || this.flushing) return;
    while (run.frames.length && this.lacks() && this.prepared(run.about).pending < IN_WORK) this.feed(run.frames.shift());
    if (run.frames.length <= FEW && !run.ended && !run.isAwaited) {
      run.isAwaited = true;
      run.fill(FEW).then(() => this.arrived(run), () => this.lost(run));
    } else if (run.ended && !run.frames.length && this.lacks()) {
      this.end(run);
    }
    this.fetchFollowing(run);
  }

  feed(frame) {
    const { index } = frame;
    this.fed = Math.max(this.fed, index);
    if (!this.isOrdered && index < this.last() && !this.planned.has(index) && !this.waiting.has(index)) return;
    this.inWork.add(index);
    this.decoder.feed(frame);
  }

  prepared(about) {
    if (!this.decoder || !isSameVideo(about, this.about)) {
      this.decoder?.close();
      const output = (index, image) => this.output(decoder, index, image);
      const decoder = newDecoder(about, () => this.size, output, () => this.fail(decoder));
      decoder.onroom = () => this.pump();
      Object.assign(this, { decoder, about });
    }
    return this.decoder;
  }

  arrived(run) {
    run.isAwaited = false;
    if (run !== this.run) return;
    const { why, codec, first, stop } = run.about;
    if (why || isKnownToFail(codec)) this.refuse(first, stop);
    else this.pump();
  }

  output(decoder, index, image) {
    if (decoder !== this.decoder) {
      image?.close();
      return;
    }
    const waiting = this.waiting.get(index);
    this.waiting.delete(index);
    this.inWork.delete(index);
    if (decoder.ordered) this.pass(index + 1);
    if (waiting) waiting.resolve(image ? this.taken(index, image) : null);
    else if (image && (this.planned.has(index) || index > this.last())) this.ready.set(index, image);
    else image?.close();
    this.pump();
  }

  // All frames before this one have come, or never will.
  pass(next) {
    this.next = Math.max(this.next, next);
    for (const [index, { resolve }] of this.waiting) {
      if (index >= next) continue;
      this.waiting.delete(index);
      resolve(null);
    }
  }

  // --- the end of a run

  fetchFollowing(run) {
    if (this.following || !run.ended || run.about.why || run.about.resume >= this.summary.frames) return;
    this.following = new Run(this.store, run.about.resume, PACKETS);
    this.following.fill(FEW).catch(() => {}); // asked for again when it is needed
  }

  async end(run) {
    this.flushing = true;
    const { decoder } = this;
    await decoder?.flush().catch(() => {});
    if (run !== this.run) return;
    this.flushing = false;
    const { resume } = run.about;
    if (run.end < resume) this.refused = { first: run.end, stop: resume }; // the server says what is wrong with them
    this.pass(resume);
    this.inWork.clear();
    Object.assign(this, { run: this.following, following: null });
    if (this.run?.about) this.arrived(this.run);
    else this.pump();
  }

  // Leave a part of the store to the server.
  refuse(first, stop) {
    this.refused = { first, stop };
    this.rest();
  }

  fail(decoder) {
    if (decoder === this.decoder) this.refuse(this.about.first, this.about.stop);
  }

  lost(run) {
    if (run === this.run) this.rest();
  }
}
