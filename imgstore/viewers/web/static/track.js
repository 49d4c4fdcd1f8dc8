// The order of frames: by index in one store, by frame number in several, as in StoreAligner.
//
// A row has number, time and, for each store, its frame index (null: no frame) and whether an earlier image is repeated.

import * as api from './api.js';

export const single = (row) => ({ number: row.number, time: row.time, index: [row.index], held: [false] });

export class SingleTrack {
  constructor(summary) {
    this.count = summary.frames;
  }

  first() {
    return this.at(0);
  }

  last() {
    return this.at(this.count - 1);
  }

  // The nearest row to an index; null without frames.
  async at(index) {
    const [row] = await api.rows(0, Math.max(0, Math.min(index, this.count - 1)), 1);
    return row ? single(row) : null;
  }

  step(row, by) {
    return this.at(row.index[0] + by);
  }

  async after(row, count) {
    return (await api.rows(0, row.index[0] + 1, count)).map(single);
  }

  async find(axis, value) {
    const found = await api.find(0, axis, value);
    return { ...single(found), exact: found.exact };
  }

  // The frame at a number, #index or time as a person writes it, and a note if it is only the nearest.
  async place(written) {
    const found = await api.place(0, written);
    return { ...single(found), note: found.note };
  }
}

const plus = (number, by) => String(BigInt(number) + BigInt(by)); // 64-bit integers

export class AlignedTrack {
  constructor(summaries, policy) {
    Object.assign(this, { summaries, policy });
  }

  async first() {
    return this.from(this.end('first', (one, other) => Number(one) < Number(other)));
  }

  async last() {
    return this.from(this.end('last', (one, other) => Number(one) > Number(other)), -1);
  }

  // The number at an end of all stores; null without frames.
  end(name, isBeyond) {
    const numbers = this.summaries.filter((summary) => summary.frames).map((summary) => summary[name].number);
    return numbers.length ? numbers.reduce((one, other) => (isBeyond(one, other) ? one : other)) : null;
  }

  // The row of a number, else the next one, else the previous one.
  async from(number, direction = 1) {
    if (number === null) return null;
    for (const way of [direction, -direction]) {
      const [row] = await api.aligned(number, way, 1, this.policy);
      if (row) return row;
    }
    throw new api.Trouble('the stores have no frame in common');
  }

  async step(row, by) {
    const way = Math.sign(by);
    const rows = await api.aligned(plus(row.number, way), way, Math.abs(by), this.policy);
    return rows.at(-1) ?? row;
  }

  after(row, count) {
    return api.aligned(plus(row.number, 1), 1, count, this.policy);
  }

  async find(axis, value) {
    const number = axis === 'number' ? value : (await api.find(0, axis, value)).number;
    const row = await this.nearest(number);
    return { ...row, exact: axis !== 'number' || String(row.number) === String(number).trim() };
  }

  // As that of one store. Indexes and times are those of the first store.
  async place(written) {
    if (!/^-?\d{1,18}$/.test(written)) {
      const { number, note } = await api.place(0, written);
      return { ...await this.nearest(number), note };
    }
    const row = await this.nearest(written);
    const isExact = BigInt(row.number) === BigInt(written);
    return { ...row, note: isExact ? '' : `there is no frame ${written}; this is the nearest` };
  }

  // The row with the nearest number. Ties go to the earlier one.
  async nearest(number) {
    const sides = await Promise.all([-1, 1].map((way) => api.aligned(number, way, 1, this.policy)));
    const rows = sides.flat();
    if (!rows.length) throw new api.Trouble('the stores have no frame in common');
    const far = (row) => Math.abs(Number(row.number) - Number(number));
    return rows.length === 2 && far(rows[1]) < far(rows[0]) ? rows[1] : rows[0];
  }
}
