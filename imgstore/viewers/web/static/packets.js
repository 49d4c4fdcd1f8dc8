// Runs of encoded frames, as the server reads them from the recording's videos.

import { packets as request } from './api.js';

// The frames of an answer: { index, data, isKey }, and what a decoder must know. `resume` is the first frame that may be
// decoded again if the run ends before the chunk does; `why` says why a chunk has none.
export function parse(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const frames = header.packets.map(([index, size, isKey]) => {
    const data = new Uint8Array(buffer, at, size);
    at += size;
    return { index, data, isKey: Boolean(isKey) };
  });
  return { ...header, frames };
}

// Frames of one store in decoding order, fetched ahead: from the keyframe before a frame to the end of its chunk.
export class Run {
  constructor(store, index, count) {
    Object.assign(this, { store, count, index, latest: null, frames: [], about: null, ended: false });
    this.end = index; // after the last frame that it has
    this.coming = null;
  }

  // Fetch more if few are left. Resolves when something was added, or nothing more will come.
  fill(least) {
    if (this.ended || this.frames.length > least) return this.coming ?? Promise.resolve();
    this.coming ??= this.more().finally(() => { this.coming = null; });
    return this.coming;
  }

  async more() {
    const query = this.latest === null ? { index: this.index } : { after: this.latest };
    const found = parse(await request(this.store, { ...query, count: this.count }));
    this.about = found;
    this.ended = found.resume !== undefined || found.why !== undefined;
    for (const { index } of found.frames) {
      this.latest = index;
      this.end = Math.max(this.end, index + 1);
    }
    this.frames.push(...found.frames);
  }
}
