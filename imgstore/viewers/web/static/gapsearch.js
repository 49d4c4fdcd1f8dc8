// The next and the previous gap, of one or several stores.

import * as api from './api.js';
import * as text from './text.js';

// The nearest gap of all stores: its store and row, or null.
export async function findGap(summaries, row, direction) {
  const several = summaries.length > 1;
  const found = await Promise.all(summaries.map((summary, store) => findGapOf(summary, store, row, direction)));
  const beyond = (gap) => gap && (!several || Math.sign(Number(gap.number) - Number(row.number)) === direction);
  const distance = (gap) => Math.abs(Number(gap.number) - Number(row.number));
  return found.filter(beyond).sort((one, other) => distance(one) - distance(other))[0] ?? null;
}

async function findGapOf(summary, store, row, direction) {
  if (!summary.frames) return null;
  let index = row.index[store] ?? (await api.find(store, 'number', row.number)).index;
  while (index !== null) {
    const { found, searched } = await api.gap(store, index, direction);
    if (found !== null) return { store, ...(await api.rows(store, found, 1))[0] };
    index = searched;
  }
  return null;
}

export async function describeGap(summaries, { store, index }) {
  const [before, after] = await api.rows(store, index - 1, 2);
  const seconds = after.time === null || before.time === null ? null : after.time - before.time;
  const description = text.gapText({ before, after, missing: Number(after.number) - Number(before.number) - 1, seconds });
  return summaries.length > 1 ? `${summaries[store].name}: ${description}` : description;
}
