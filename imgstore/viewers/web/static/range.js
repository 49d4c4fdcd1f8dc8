// The range between the marks In and Out, and playing it in a loop.

const $ = (id) => document.getElementById(id);

export class Range extends EventTarget {
  constructor(player, several) {
    super();
    Object.assign(this, { player, several, start: null, end: null, loops: false });
    player.addEventListener('moved', ({ detail }) => this.moved(detail));
    player.addEventListener('paused', () => this.paused());
  }

  // Position of a row in the order of playing.
  at(row) {
    return this.several ? Number(row.number) : row.index[0];
  }

  setStart(row) {
    this.start = row;
    if (row && this.end && this.at(this.end) < this.at(row)) this.end = null;
    this.changed();
  }

  setEnd(row) {
    this.end = row;
    if (row && this.start && this.at(this.start) > this.at(row)) this.start = null;
    this.changed();
  }

  clear() {
    this.start = this.end = null;
    this.changed();
  }

  toggleLoop() {
    this.loops = !this.loops;
    this.changed();
  }

  changed() {
    $('loop').setAttribute('aria-pressed', String(this.loops));
    $('mark-in').setAttribute('aria-pressed', String(Boolean(this.start)));
    $('mark-out').setAttribute('aria-pressed', String(Boolean(this.end)));
    this.dispatchEvent(new Event('changed'));
  }

  // --- the loop

  moved(row) {
    if (!this.loops || !this.player.playing || !this.end || this.at(row) < this.at(this.end)) return;
    this.again(() => this.player.playing);
  }

  // Playing ended by itself at the last frame.
  paused() {
    if (this.loops && !this.going && this.player.row && this.atLast?.(this.player.row)) this.again();
  }

  async again(isWanted = () => true) {
    if (this.going) return;
    this.going = true;
    try {
      await new Promise((resolve) => { setTimeout(resolve); }); // the last frame is drawn first
      const { player } = this;
      if (this.loops && isWanted()) await player.restart(this.start ?? player.track.first());
    } finally {
      this.going = false;
    }
  }
}
