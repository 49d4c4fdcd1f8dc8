// What the address says of the view: the frame, the marked range, the zoom. No page is needed for these.
//
// Such as #index=42&in=10&out=99&view=1.5,9&zoom=4,320,200&turn=1, where zoom is a scale and the pixel in the middle.

const WHOLE = /^-?\d{1,19}$/;
const NUMBERS = /^-?\d+(\.\d+)?(e[+-]?\d+)?(,-?\d+(\.\d+)?(e[+-]?\d+)?)*$/i;

export function formatPlace({ axis, value, start, end, view, zoom, turns, loops }) {
  const parts = [[axis, value], ['in', start], ['out', end], ['view', view?.join()], ['zoom', zoom?.join()],
    ['turn', turns || null], ['loop', loops ? 1 : null]];
  return parts.filter(([, part]) => part !== null && part !== undefined).map(([name, part]) => `${name}=${part}`).join('&');
}

// The parts that are valid; others are left out.
export function parsePlace(hash) {
  const given = new Map(hash.replace(/^#/, '').split('&').map((part) => part.split('=', 2)));
  const whole = (name) => (WHOLE.test(given.get(name) ?? '') ? given.get(name) : null);
  const axis = ['number', 'index'].find((name) => whole(name) !== null) ?? null;
  const turns = Number(whole('turn') ?? 0);
  const view = numbers(given.get('view'), 2);
  const zoom = numbers(given.get('zoom'), 3);
  return {
    axis, value: axis && whole(axis), start: whole('in'), end: whole('out'), loops: whole('loop') === '1',
    view: view && view[1] > view[0] ? view : null, zoom: zoom && zoom[0] > 0 ? zoom : null,
    turns: [1, 2, 3].includes(turns) ? turns : 0,
  };
}

function numbers(text, count) {
  if (!text || !NUMBERS.test(text)) return null;
  const found = text.split(',').map(Number);
  return found.length === count && found.every(Number.isFinite) ? found : null;
}
