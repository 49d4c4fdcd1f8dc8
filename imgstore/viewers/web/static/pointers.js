// Mouse and fingers on an image: zoom, drag, swipe to step, tap to play.

const SWIPE = 24; // pixels
const STILL = SWIPE / 2; // a smaller movement is a click

export function listenToPointers(pane) {
  const { view } = pane;
  const pointers = new Map();
  let start = null;

  const at = (event) => {
    const box = view.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  view.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    view.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    start = pointers.size === 1 ? { ...at(event), moved: false } : null; // two fingers neither tap nor swipe
  });

  view.addEventListener('pointermove', (event) => {
    const point = at(event);
    if (event.pointerType === 'mouse') pane.point(point);
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) pinch(pane, before, point, other);
    else if (start && (start.moved ||= Math.hypot(point.x - start.x, point.y - start.y) > STILL / 4) && pane.place) {
      pane.drag(point.x - before.x, point.y - before.y);
    }
    pointers.set(event.pointerId, point);
  });

  view.addEventListener('pointerup', (event) => {
    pointers.delete(event.pointerId);
    if (start) end(pane, start, at(event));
    start = null;
  });
  view.addEventListener('pointercancel', (event) => { pointers.delete(event.pointerId); start = null; });
  view.addEventListener('pointerleave', () => pane.point(null));
  view.addEventListener('wheel', (event) => {
    event.preventDefault();
    pane.pointer = at(event);
    pane.zoomAt(1.002 ** -Math.max(-400, Math.min(400, event.deltaY)), pane.pointer);
  }, { passive: false });
}

function pinch(pane, before, point, other) {
  const apart = (one) => Math.max(10, Math.hypot(one.x - other.x, one.y - other.y));
  pane.zoomAt(apart(point) / apart(before), { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
}

function end(pane, start, point) {
  const [right, down] = [point.x - start.x, point.y - start.y];
  if (Math.hypot(right, down) < STILL && (!pane.place || !start.moved)) pane.player.toggle();
  else if (!pane.place && Math.abs(right) > SWIPE && Math.abs(right) > Math.abs(down)) pane.player.step(right < 0 ? 1 : -1);
}
