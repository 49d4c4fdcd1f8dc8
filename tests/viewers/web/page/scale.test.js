import assert from 'node:assert/strict';
import test from 'node:test';

import { between, nearestRank, rankOf, rounded, runs, ticks } from '../static/scale.js';

test('a search finds the first value that is not less', () => {
  const values = [1, 3, 3, 7];
  assert.deepEqual([0, 1, 2, 3, 4, 7, 9].map((value) => rankOf(values, value)), [0, 0, 1, 1, 3, 3, 3]);
  assert.deepEqual([0, 1.9, 2.1, 5, 6, 99].map((value) => nearestRank(values, value)), [0, 0, 1, 3, 3, 3]);
});

test('positions between known frames are interpolated', () => {
  assert.equal(between([0, 10], [100, 200], 5), 150);
  assert.equal(between([0, 10], [100, 200], -1), 100);
  assert.equal(between([0, 10], [100, 200], 11), 200);
  assert.equal(between([], [], 1), 0);
});

test('ticks are round numbers at least so far apart', () => {
  assert.equal(rounded(3), 5);
  assert.equal(rounded(0.02), 0.02);
  const numbers = ticks({ low: 3, high: 42 }, 8, 'number', 'UTC');
  assert.deepEqual(numbers, [{ at: 10, label: '10' }, { at: 20, label: '20' }, { at: 30, label: '30' }, { at: 40, label: '40' }]);
});

test('ticks of days are at midnight of the zone, and say the date', () => {
  const low = 1717142400; // 2024-05-31 10:00 in Vienna
  const found = ticks({ low, high: low + 3 * 86400 }, 43200, 'time', 'Europe/Vienna');
  assert.deepEqual(found.map(({ label }) => label), ['12:00', '2024-06-01', '12:00', '2024-06-02', '12:00', '2024-06-03']);
});

test('runs join samples of equal density', () => {
  const lane = { at: [0, 1, 2, 3], index: [0, 10, 20, 30], missing: [0, 0, 10] };
  assert.deepEqual(runs(lane).map(({ first, last }) => [first, last]), [[0, 2], [2, 3]]);
  assert.deepEqual(runs({ at: [], index: [], missing: [] }), []);
});
