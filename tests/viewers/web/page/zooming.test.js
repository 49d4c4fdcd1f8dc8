import assert from 'node:assert/strict';
import test from 'node:test';

import { LARGEST, bestColumns, contained, fitScale, fitted, pixelAt, turnedSize, zoomedAt } from '../static/zooming.js';

const VIEW = { width: 800, height: 400 };
const IMAGE = { width: 400, height: 300 };

test('an image that fits is in the middle', () => {
  assert.equal(fitScale(VIEW, IMAGE), 400 / 300);
  const { x, y } = fitted(VIEW, IMAGE);
  assert.equal(y, 0);
  assert.ok(Math.abs(x - (800 - 1600 / 3) / 2) < 1e-9);
});

test('the pixel under the pointer stays there', () => {
  let place = fitted({ width: 800, height: 600 }, IMAGE);
  const point = { x: 300, y: 120 };
  const before = pixelAt(place, point, IMAGE, 0);
  for (let step = 0; step < 5; step += 1) place = zoomedAt(place, 1.5, point, { width: 800, height: 600 }, IMAGE);
  assert.deepEqual(pixelAt(place, point, IMAGE, 0), before);
});

test('zooming ends at a scale, and at the image that fits', () => {
  const point = { x: 400, y: 200 };
  assert.equal(zoomedAt(fitted(VIEW, IMAGE), 1e6, point, VIEW, IMAGE).scale, LARGEST);
  assert.equal(zoomedAt({ scale: 4, x: 0, y: 0 }, 1e-6, point, VIEW, IMAGE).scale, 1);
});

test('a dragged image leaves no ground', () => {
  assert.deepEqual(contained({ scale: 4, x: 50, y: 10 }, VIEW, IMAGE), { scale: 4, x: 0, y: 0 });
  assert.deepEqual(contained({ scale: 4, x: -9999, y: -9999 }, VIEW, IMAGE), { scale: 4, x: -800, y: -800 });
});

test('a pixel is that of the stored image, whatever its turn', () => {
  const image = { width: 4, height: 3 };
  const place = { scale: 10, x: 0, y: 0 };
  const at = (x, y, turns) => pixelAt(place, { x: x * 10 + 5, y: y * 10 + 5 }, image, turns);
  // the stored pixel (3, 0), at the right top, turns clockwise around the image
  assert.deepEqual(at(3, 0, 0), { x: 3, y: 0 });
  assert.deepEqual(at(2, 3, 1), { x: 3, y: 0 });
  assert.deepEqual(at(0, 2, 2), { x: 3, y: 0 });
  assert.deepEqual(at(0, 0, 3), { x: 3, y: 0 });
  assert.equal(at(4, 0, 0), null);
  assert.equal(at(3, 0, 1), null);
  assert.equal(at(-1, 0, 0), null);
  assert.deepEqual(turnedSize(image, 1), { width: 3, height: 4 });
});

test('several images are as large as the room allows', () => {
  const columns = (count, room, image = IMAGE) => bestColumns(Array(count).fill(image), room, 24);
  assert.equal(columns(2, { width: 1280, height: 456 }), 2);
  assert.equal(columns(3, { width: 1440, height: 564 }), 3);
  assert.equal(columns(3, { width: 390, height: 340 }), 2); // on a phone
  assert.equal(columns(2, { width: 390, height: 700 }), 1);
  assert.equal(columns(2, { width: 1280, height: 456 }, { width: 2000, height: 200 }), 1);
  assert.equal(columns(1, { width: 10, height: 10 }), 1);
});
