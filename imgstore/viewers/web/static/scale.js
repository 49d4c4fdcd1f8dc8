// Positions on the timeline's axis: interpolation, search, ticks. No page is needed for these.

import * as text from './text.js';

const DAY = 86400; // seconds
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 14400, 21600, 43200, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY];

export const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

// Rank of the first of ascending values that is not less than a value; the last rank if all are less.
export function rankOf(ascending, value) {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function nearestRank(ascending, value) {
  const rank = rankOf(ascending, value);
  return rank > 0 && value - ascending[rank - 1] < ascending[rank] - value ? rank - 1 : rank;
}

// Position at an index, between known ones. Both lists ascend with the index.
export function between(indices, positions, index) {
  if (!indices.length) return 0;
  const rank = rankOf(indices, index);
  if (rank === 0 || indices[rank] <= index) return positions[rank];
  const [from, to] = [indices[rank - 1], indices[rank]];
  return positions[rank - 1] + ((index - from) / (to - from)) * (positions[rank] - positions[rank - 1]);
}

// The next 1, 2 or 5 times a power of ten.
export function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((times) => times * power >= value) * power;
}

// Ticks of a view, at least a distance apart: their positions and labels.
export function ticks({ low, high }, least, axis, zone) {
  const found = [];
  const isTime = axis === 'time';
  const step = isTime ? STEPS.find((size) => size >= least) ?? STEPS.at(-1) : Math.max(1, rounded(least));
  const shift = isTime ? text.offset(low, zone) : 0;
  for (let rank = Math.ceil((low + shift) / step); rank * step <= high + shift; rank += 1) {
    const value = rank * step;
    const label = isTime ? text.tick(value - shift, zone, value % DAY ? step : DAY, step) : text.count(value);
    found.push({ at: value - shift, label });
  }
  return found;
}

// Runs of samples with the same density of frames.
export function runs(lane) {
  const found = lane.at.length ? [{ first: 0, last: 0, density: 1 }] : [];
  lane.missing.forEach((missing, rank) => {
    const frames = Math.max(1, Math.abs(lane.index[rank + 1] - lane.index[rank]));
    const density = 0.75 + (0.25 * frames) / (frames + Math.max(0, missing)); // still seen on the ground
    const run = found.at(-1);
    if (run.density === density || run.first === run.last) Object.assign(run, { last: rank + 1, density });
    else found.push({ first: rank, last: rank + 1, density });
  });
  return found;
}
