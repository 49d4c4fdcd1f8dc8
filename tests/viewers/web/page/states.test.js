import assert from 'node:assert/strict';
import test from 'node:test';

import { limited } from '../static/layout.js';
import { damageText, uselessButtons } from '../static/states.js';

const IN_THE_MIDDLE = { isEmpty: false, atFirst: false, atLast: false, playing: false, live: false, following: false, zoomed: true,
  loops: false, canMark: true, readOnly: false };
const useless = (changes) => uselessButtons({ ...IN_THE_MIDDLE, ...changes }).sort();

test('buttons are disabled where they would do nothing', () => {
  assert.deepEqual(useless({}), ['follow']);
  assert.deepEqual(useless({ atFirst: true }), ['back', 'first', 'follow', 'gap-before']);
  assert.deepEqual(useless({ atLast: true }), ['follow', 'forth', 'gap-behind', 'last', 'play']);
  assert.deepEqual(useless({ zoomed: false }), ['follow', 'zoom-all', 'zoom-out']);
});

test('a live recording can be followed, and played at its end', () => {
  assert.deepEqual(useless({ live: true, atLast: true }), ['forth', 'gap-behind', 'last']);
  assert.deepEqual(useless({ following: true }), []);
});

test('a page that may only read neither marks nor exports', () => {
  assert.deepEqual(useless({ readOnly: true, canMark: false }), ['export', 'follow', 'mark-add', 'marks-add']);
});

test('nothing can be done with a recording without frames', () => {
  const ids = ['play', 'first', 'last', 'save', 'export', 'mark-add', 'marks-add', 'jump-go', 'black', 'policy', 'follow'];
  assert.ok(ids.every((id) => useless({ isEmpty: true }).includes(id)));
});

test('a loop can be played from its last frame', () => {
  assert.ok(!useless({ atLast: true, loops: true }).includes('play'));
});

test('the frames leave room for the controls', () => {
  assert.equal(limited(60, 720), 60);
  assert.equal(limited(2, 720), 15);
  assert.ok((limited(100, 720) / 100) * 720 <= 720 - 150 + 1e-9);
});

test('damage is named, of several recordings with their names', () => {
  assert.equal(damageText(['a'], ['']), '');
  assert.equal(damageText(['a'], ['missing chunks: 1']), 'Damaged: missing chunks: 1.');
  assert.equal(damageText(['a', 'b', 'c'], ['x', '', 'y']), 'Damaged: a: x. c: y.');
});
