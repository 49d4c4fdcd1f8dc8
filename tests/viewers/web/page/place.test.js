import assert from 'node:assert/strict';
import test from 'node:test';

import { formatPlace, parsePlace } from '../static/place.js';

const NOTHING = { axis: null, value: null, start: null, end: null, loops: false, view: null, zoom: null, turns: 0 };

test('an address is read as it was written', () => {
  const place = { axis: 'index', value: '42', start: '10', end: '99', view: [1.5, 9], zoom: [4, 320, 200], turns: 1, loops: true };
  assert.equal(formatPlace(place), 'index=42&in=10&out=99&view=1.5,9&zoom=4,320,200&turn=1&loop=1');
  assert.deepEqual(parsePlace(`#${formatPlace(place)}`), place);
});

test('a frame alone is as short as it was', () => {
  assert.equal(formatPlace({ axis: 'index', value: 7, start: null, end: null, view: null, zoom: null, turns: 0, loops: false }), 'index=7');
});

test('numbers beyond 2^53 stay exact', () => {
  assert.equal(parsePlace('#number=9007199254740993').value, '9007199254740993');
});

test('what is not valid is left out', () => {
  assert.deepEqual(parsePlace(''), NOTHING);
  const odd = parsePlace('#index=abc&in=1e5&view=9,1&zoom=0,1,2&turn=7&out=-3');
  assert.deepEqual(odd, { ...NOTHING, end: '-3' });
  assert.equal(parsePlace('#view=1,2,3').view, null);
  assert.equal(parsePlace('#view=NaN,2').view, null);
  assert.equal(parsePlace('#index=<img src=x>').value, null);
});
