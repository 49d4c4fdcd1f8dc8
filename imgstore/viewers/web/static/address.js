// The view in the page's address, for bookmarks and links.

import * as api from './api.js';
import { formatPlace, parsePlace } from './place.js';

const SOON = 400; // milliseconds

export class Address {
  constructor(viewer) {
    Object.assign(this, { viewer, given: parsePlace(location.hash) });
  }

  rememberSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.remember(), SOON);
  }

  remember() {
    const { player, several, timeline, work: { range } } = this.viewer;
    if (!player.row) return;
    const axis = several ? 'number' : 'index';
    const value = (row) => (several ? row.number : row.index[0]);
    const [pane] = player.panes;
    history.replaceState(null, '', `#${formatPlace({
      axis, value: value(player.row), start: range.start && value(range.start), end: range.end && value(range.end),
      view: timeline.zoomed ? [timeline.view.low, timeline.view.high].map((edge) => Number(edge.toPrecision(13))) : null,
      zoom: pane.middle(), turns: pane.turns, loops: range.loops,
    })}`);
  }

  // The row to begin with.
  row() {
    const { track } = this.viewer.player;
    const { axis, value } = this.given;
    return axis && !(this.viewer.several && axis === 'index') ? track.find(axis, value) : track.first();
  }

  // Everything else, once the first frame and the timeline are shown.
  async restore() {
    const { layout, player, several, timeline, work: { range } } = this.viewer;
    const { start, end, view, zoom, turns, loops } = this.given;
    if (turns) for (const pane of player.panes) pane.turn(turns);
    layout.arrange(player.panes);
    if (zoom) for (const pane of player.panes) pane.zoomTo(zoom);
    if (turns || zoom) player.again();
    if (view) timeline.show(view[0], Math.min(view[1] - view[0], timeline.whole.high - timeline.whole.low));
    const find = (value) => (value === null ? null : player.track.find(several ? 'number' : 'index', value));
    try {
      const [first, last] = await Promise.all([find(start), find(end)]);
      if (first) range.setStart(first);
      if (last) range.setEnd(last);
    } catch (error) {
      if (!(error instanceof api.Trouble)) throw error; // a range that is not there any more
    }
    if (loops) range.toggleLoop();
  }
}
