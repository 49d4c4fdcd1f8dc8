// The page's keys and buttons, and what they do.

import { Keys } from './keys.js';
import { copyLink, showLink } from './link.js';

const $ = (id) => document.getElementById(id);

export function bindButtons(viewer) {
  const { player, timeline, work } = viewer;
  const acts = {
    first: () => viewer.first(), last: () => viewer.last(), back: () => player.step(-1), forth: () => player.step(1),
    play: () => player.toggle(), 'gap-before': () => viewer.gap(-1), 'gap-behind': () => viewer.gap(1),
    'zoom-in': () => timeline.zoom(0.5), 'zoom-out': () => timeline.zoom(2), 'zoom-all': () => timeline.showAll(),
    metadata: () => viewer.panel('metadata'), follow: () => viewer.newest.toggle(), help: () => $('keys').showModal(),
    turn: () => viewer.turn(), save: () => viewer.save(), link: () => { viewer.address.remember(); showLink(); }, 'link-copy': copyLink,
    marks: () => viewer.panel('marks'), 'marks-close': () => viewer.panel('marks'),
    image: () => viewer.panel('image'), 'image-close': () => viewer.panel('image'), export: () => work.export(),
    'mark-in': () => work.markIn(), 'mark-out': () => work.markOut(), 'mark-add': () => work.mark(),
    loop: () => work.loop(),
  };
  for (const [id, act] of Object.entries(acts)) $(id).addEventListener('click', act);
}

export function bindKeys(viewer) {
  const { player, work } = viewer;
  const press = (id) => () => $(id).click(); // nothing, if it is disabled
  const keys = new Keys($('key-list'));
  keys.on([' ', 'k'], 'Space', 'play and pause', () => player.toggle());
  keys.on(['ArrowLeft', ','], '←', 'one frame back (with Shift, 10)', () => player.step(-1));
  keys.on(['ArrowRight', '.'], '→', 'one frame forward (with Shift, 10)', () => player.step(1));
  keys.actions.set('Shift+ArrowLeft', () => player.step(-10));
  keys.actions.set('Shift+ArrowRight', () => player.step(10));
  keys.on(['PageUp'], 'Page up', '100 frames back', () => player.step(-100));
  keys.on(['PageDown'], 'Page down', '100 frames forward', () => player.step(100));
  keys.on(['Home'], 'Home', 'the first frame', () => viewer.first());
  keys.on(['End'], 'End', 'the last frame', () => viewer.last());
  keys.on(['n'], 'N', 'the next gap, where frames are missing', () => viewer.gap(1));
  keys.on(['b'], 'B', 'the previous gap', () => viewer.gap(-1));
  keys.on(['ArrowUp'], '↑', 'faster', () => viewer.faster(1));
  keys.on(['ArrowDown'], '↓', 'slower', () => viewer.faster(-1));
  keys.on(['g'], 'G', 'go to a number, #index or time', () => { $('jump-value').focus(); $('jump-value').select(); });
  keys.on(['+', '='], '+', 'zoom the timeline in', press('zoom-in'));
  keys.on(['-', '_'], '−', 'zoom the timeline out', press('zoom-out'));
  keys.on(['0'], '0', 'the complete timeline', press('zoom-all'));
  keys.on(['i'], 'I', 'In: the range starts here; again: no start', press('mark-in'));
  keys.on(['o'], 'O', 'Out: the range ends here; again: no end', press('mark-out'));
  keys.on(['l'], 'L', 'loop', press('loop'));
  keys.on(['a'], 'A', 'mark the range, or this frame', () => work.mark());
  keys.on(['['], '[', 'the previous mark', () => work.toMark(-1));
  keys.on([']'], ']', 'the next mark', () => work.toMark(1));
  keys.on(['p'], 'P', 'the list of marks', () => viewer.panel('marks'));
  keys.on(['e'], 'E', 'export', press('export'));
  keys.on(['z'], 'Z', 'zoom images 1 : 1, 4 : 1, fit the page', () => viewer.zoomImages());
  keys.on(['v'], 'V', 'quality and shades of the images', () => viewer.panel('image'));
  keys.on(['r'], 'R', 'turn images by 90°', press('turn'));
  keys.on(['c'], 'C', 'contrast', press('stretch'));
  keys.on(['s'], 'S', 'save this frame losslessly', press('save'));
  keys.on(['f'], 'F', 'follow a growing recording', press('follow'));
  keys.on(['Shift+f'], 'Shift F', 'full screen', () => viewer.layout.fullScreen());
  keys.on(['m'], 'M', 'metadata', () => viewer.panel('metadata'));
  keys.on(['h', '?'], 'H', 'this list', () => $('keys').showModal());
}
