// Work with ranges of frames: In and Out, loop, marks, export.

import { ExportDialog } from './exporting.js';
import { Marks } from './marks.js';
import { Range } from './range.js';

export class Work {
  constructor(viewer) {
    const { player, several, summaries, timeline } = viewer;
    Object.assign(this, { viewer, player });
    this.range = new Range(player, several);
    this.range.atLast = (row) => viewer.isAtEnd(row, 'last');
    this.marks = new Marks(player, this.range, timeline);
    this.dialog = new ExportDialog(summaries);
    this.marks.addEventListener('export', ({ detail }) => this.dialog.open(detail));
    this.marks.addEventListener('added', ({ detail }) => viewer.say(detail));
    this.range.addEventListener('changed', () => {
      timeline.range = this.range;
      timeline.draw();
      viewer.showUseful();
      viewer.rememberSoon();
    });
  }

  // Set In or Out at the shown frame, or remove it if it is there.
  markIn() {
    const { range, player: { row } } = this;
    if (row) range.setStart(range.start && range.at(range.start) === range.at(row) ? null : row);
  }

  markOut() {
    const { range, player: { row } } = this;
    if (row) range.setEnd(range.end && range.at(range.end) === range.at(row) ? null : row);
  }

  loop() {
    this.range.toggleLoop();
    this.viewer.say(this.range.loops ? 'Playing repeats.' : 'Playing ends at the last frame.');
  }

  async mark() {
    await this.viewer.openPanel('marks');
    this.marks.add(); // in a panel that says so if it cannot
  }

  toMark(direction) {
    if (!this.marks.jump(direction)) this.viewer.say(direction > 0 ? 'No mark after this frame.' : 'No mark before this frame.');
  }

  // Export the range from In to Out; without one of them, up to that end of the recording.
  export() {
    const { range, viewer: { summaries } } = this;
    const [summary] = summaries;
    if (!summary.frames || this.marks.readOnly) return;
    this.dialog.open([{ start: (range.start ?? summary.first).number, end: (range.end ?? summary.last).number }]);
  }
}
