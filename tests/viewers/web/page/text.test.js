import assert from 'node:assert/strict';
import test from 'node:test';

import * as text from '../static/text.js';

test('a time has the digits of its microsecond, and none is early', () => {
  assert.equal(text.moment(1717142400.12, 'UTC'), '2024-05-31 08:00:00.120'); // a double just below
  assert.equal(text.moment(1717142400.001, 'UTC'), '2024-05-31 08:00:00.001');
  assert.equal(text.moment(1717142400.9999996, 'UTC'), '2024-05-31 08:00:01.000');
  for (let millisecond = 0; millisecond < 1000; millisecond += 1) {
    const written = `2024-05-31 08:00:07.${String(millisecond).padStart(3, '0')}`;
    assert.equal(text.moment(Date.parse(`${written.replace(' ', 'T')}Z`) / 1000, 'UTC'), written);
  }
});

test('times before 1970 and in another zone are right', () => {
  assert.equal(text.moment(-86400 * 366 + 0.25, 'UTC'), '1968-12-31 00:00:00.250');
  assert.equal(text.moment(1717142400, 'Europe/Vienna'), '2024-05-31 10:00:00.000');
  assert.equal(text.moment(1717142400, 'Nowhere/Nowhere'), '2024-05-31 08:00:00.000');
});

test('times since the start of a video are seconds, and from an hour on a clock', () => {
  assert.equal(text.moment(12.5, 'UTC'), '12.500 s');
  assert.equal(text.moment(3723.25, 'UTC'), '1:02:03.250');
  assert.equal(text.moment(null, 'UTC'), 'no time');
});

test('labels of ticks follow the scale', () => {
  assert.equal(text.tick(0.5, 'UTC', 0.5), '0.5 s');
  assert.equal(text.tick(90, 'UTC', 30), '90 s');
  assert.equal(text.tick(600, 'UTC', 60), '0:10:00');
  assert.equal(text.tick(7200, 'UTC', 3600), '2:00:00');
  assert.equal(text.tick(2 * 86400, 'UTC', 86400), '2 d');
  assert.equal(text.tick(1717142400, 'UTC', 3600), '08:00');
  assert.equal(text.tick(1717142400, 'UTC', 86400), '2024-05-31');
  assert.equal(text.tick(1717142400.25, 'UTC', 0.05), '08:00:00.250');
});

test('values have their unit', () => {
  assert.equal(text.withUnit(21.5, '°C'), '21.5 °C');
  assert.equal(text.withUnit(true), 'true');
  assert.equal(text.value(1234567), '1\u202f234\u202f567');
});

test('a gap says what is missing', () => {
  const gap = (missing, seconds) => ({ missing, seconds, before: { number: 4 }, after: { number: 5 + missing } });
  assert.equal(text.gapText(gap(1, 0.08)), '1 frame is missing before frame 6 (80 ms)');
  assert.equal(text.gapText(gap(0, 60)), 'An interval of 60 s before frame 5');
  assert.match(text.gapText(gap(-3, null)), /goes back from 4 to 2/);
});

test('playing says how many images it shows, and what it leaves out', () => {
  assert.equal(text.pace({ shown: 25, every: 1, unreadable: 0 }), '25 images a second, every frame');
  assert.equal(text.pace({ shown: 25, every: 2, unreadable: 0 }), '25 images a second, 1 frame of 2');
  assert.equal(text.pace({ shown: 24, every: 1, unreadable: 3 }), '24 images a second, every frame but 3 that cannot be read');
});

test('frames that playing could not show are named', () => {
  assert.equal(text.unreadable(['7']), 'Frame 7 cannot be read.');
  assert.equal(text.unreadable(['7', '9']), '2 frames cannot be read: 7, 9.');
  assert.equal(text.unreadable(['1', '2', '3', '4', '5']), '5 frames cannot be read: 1, 2, 3, 4 and others.');
});

test('one frame is no plural', () => {
  assert.deepEqual([0, 1, 1200].map(text.frames), ['0 frames', '1 frame', '1\u202f200 frames']);
});
