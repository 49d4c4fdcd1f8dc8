import assert from 'node:assert/strict';
import test from 'node:test';

import { describeMarks, describeResult, describeSelection, progressOf, secondsOf } from '../static/exporting.js';
import { addedText, nextMark, rangeText } from '../static/marks.js';
import { corners } from '../static/plotpaint.js';
import { gammaAt, heights, valueAt } from '../static/tone.js';

const MARKS = [{ start: '10', end: '20' }, { start: '30', end: null }, { start: '9007199254740993', end: null }];

test('the next mark is the nearest one beyond', () => {
  assert.equal(nextMark(MARKS, 10, 1), MARKS[1]);
  assert.equal(nextMark(MARKS, '9007199254740992', 1), MARKS[2]);
  assert.equal(nextMark(MARKS, '9007199254740993', 1), null);
  assert.equal(nextMark(MARKS, 31, -1), MARKS[1]);
  assert.equal(nextMark(MARKS, 10, -1), null);
  assert.equal(rangeText(MARKS[0]), '10 – 20');
  assert.equal(rangeText(MARKS[1]), '30');
});

test('progress is that of all exports together', () => {
  assert.equal(progressOf([{ state: 'waiting', done: 0, total: 0 }]), null);
  assert.equal(progressOf([{ state: 'done', done: 9, total: 9 }, { state: 'running', done: 1, total: 2 }]), 0.75);
});

test('a result says what was exported, or why it was not', () => {
  const done = { state: 'done', total: 61, name: 'a.mp4', note: 'copied without re-encoding', beside: false };
  assert.equal(describeResult([done]), '61 frames exported: a.mp4, copied without re-encoding');
  assert.match(describeResult([{ ...done, beside: true }, done]), /^122 frames saved next to the recording as a.mp4, a.mp4$/);
  assert.equal(describeResult([done, { state: 'failed', note: 'the disk is full' }]), 'the disk is full');
  assert.equal(describeResult([{ state: 'cancelled' }]), 'Cancelled.');
});

test('lines of integers and of true and false are steps, and end at gaps', () => {
  const rows = [[0, 1, 1], [10, 0, 0], [20, 0, 2]];
  assert.deepEqual(corners(rows, false), [[0, 1], [10, 0], [20, 0], [20, 2]]);
  assert.deepEqual(corners(rows, true), [[0, 1], [10, 1], [10, 0], [20, 0], [20, 0], [20, 2]]);
  assert.deepEqual(corners(rows.slice(0, 2), true, () => true), [[0, 1], [10, null], [10, 0]]);
});

test('sliders cover the range of the values', () => {
  const range = { low: 100, high: 4195 };
  assert.equal(valueAt(0, range, true), 100);
  assert.equal(valueAt(1000, range, true), 4195);
  assert.equal(valueAt(500, { low: 0, high: 1 }, false), 0.5);
  assert.equal(gammaAt(0), 1);
  assert.equal(gammaAt(1000), 5);
  assert.equal(gammaAt(-1000), 0.2);
  assert.deepEqual(heights([0, 1, 4]), [0, 0.5, 1]);
});

test('an export says exactly what it will have', () => {
  const one = { frames: 1, first: '7', last: '7', all: false };
  const some = { frames: 61, first: '1010', last: '1070', all: false };
  assert.equal(describeSelection(some), '61 frames, from 1010 to 1070.');
  assert.equal(describeSelection({ ...some, all: true }), 'The complete recording: 61 frames, from 1010 to 1070.');
  assert.equal(describeSelection(one), 'One frame, 7.');
  assert.equal(describeMarks(MARKS.slice(0, 2), [some, one]), '2 files, one for each mark: 10 – 20, 30, together 62 frames.');
  assert.equal(describeMarks(Array(9).fill(MARKS[1]), null), '9 files, one for each mark: 30, 30, 30, 30, 30, 30 and 3 more.');
});

test('a new mark says what became of the range', () => {
  assert.equal(addedText(MARKS[0]), 'Marked 10 – 20. In and Out are removed.');
  assert.equal(addedText(MARKS[1]), 'Marked frame 30.');
});

test('an offset that is no number is not taken for 0', () => {
  assert.deepEqual(['1.5', ' 1,5', '', '-2'].map(secondsOf), [1.5, 1.5, 0, -2]);
  assert.equal(secondsOf('1.5 s'), '1.5 s');
});
