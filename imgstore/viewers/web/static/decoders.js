// Decoders of encoded frames, with one interface: feed, flush, close; `pending` frames are in work. Each image comes with
// the index of its frame, has a width and a height, and is closed by who takes it.

const STEP = 10_000; // microseconds between the timestamps of frames, which carry their indexes
const UNTAGGED = { matrix: 'smpte170m', primaries: 'smpte170m', transfer: 'smpte170m' }; // as the server decodes them

const failed = new Set(); // codecs that this browser did not decode

export const isKnownToFail = (codec) => failed.has(codec) || (codec !== 'jpeg' && !('VideoDecoder' in globalThis));

// `size` returns the width and height at which frames of a video are drawn.
export function newDecoder(about, size, output, trouble) {
  return about.codec === 'jpeg' ? new JpegDecoder(output) : new FrameDecoder(about, size, output, trouble);
}

// Of two videos, whether one decoder goes on from one to the other.
export const isSameVideo = (one, other) => ['codec', 'description', 'width', 'height', 'tagged', 'full']
  .every((key) => one[key] === other[key]);

// By WebCodecs, in the order of display.
class FrameDecoder {
  constructor(about, size, output, trouble) {
    this.ordered = true;
    this.isNew = true;
    this.decoder = new VideoDecoder({
      output: (frame) => {
        this.isNew = false;
        output(Math.round(frame.timestamp / STEP), Object.assign(frame, { ...size(), isOnce: true }));
      },
      error: () => {
        if (this.isNew) failed.add(about.codec);
        trouble();
      },
    });
    this.decoder.configure(configuration(about));
    this.decoder.addEventListener('dequeue', () => this.onroom?.());
  }

  get pending() {
    return this.decoder.decodeQueueSize;
  }

  feed({ index, data, isKey }) {
    if (this.decoder.state !== 'configured') return; // it has failed, and says so
    this.decoder.decode(new EncodedVideoChunk({ type: isKey ? 'key' : 'delta', timestamp: index * STEP, data }));
  }

  async flush() {
    await this.decoder.flush();
  }

  close() {
    if (this.decoder.state !== 'closed') this.decoder.close();
  }
}

function configuration({ codec, description, width, height, tagged, full }) {
  return {
    codec,
    codedWidth: width,
    codedHeight: height,
    ...(description && { description: Uint8Array.from(atob(description), (sign) => sign.charCodeAt(0)) }),
    ...(!tagged && { colorSpace: { ...UNTAGGED, fullRange: full } }),
  };
}

// Of Motion JPEG, each frame by itself, in any order.
class JpegDecoder {
  constructor(output) {
    Object.assign(this, { output, ordered: false, pending: 0, open: true, work: new Set() });
  }

  feed({ index, data }) {
    this.pending += 1;
    const work = this.decode(index, data).finally(() => this.work.delete(work));
    this.work.add(work);
  }

  async decode(index, data) {
    const image = await createImageBitmap(new Blob([data], { type: 'image/jpeg' })).catch(() => null);
    this.pending -= 1;
    if (image) image.isOnce = true;
    if (this.open) this.output(index, image);
    else image?.close();
  }

  flush() {
    return Promise.all(this.work);
  }

  close() {
    this.open = false;
  }
}
