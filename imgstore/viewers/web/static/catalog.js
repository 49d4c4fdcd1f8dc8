// The list of recordings as data: what is shown of each, searching and sorting.

import * as text from './text.js';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function size(bytes) {
  const rank = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** rank;
  return `${rank && value < 99.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[rank]}`;
}

// Seconds at which a recording begins: of its first frame, or of its creation if its times count from the start.
export function begin(row) {
  if (text.isClock(row.first_time)) return row.first_time;
  return row.created_utc ? Date.parse(`${row.created_utc}Z`) / 1000 : null;
}

function beginText(row) {
  const seconds = begin(row);
  return seconds === null ? '–' : text.moment(seconds, row.timezone ?? 'UTC').slice(0, 19);
}

const span = (row) => (row.frames ? row.duration : null);

const orNone = (value, show) => (value === null || value === undefined ? '–' : show(value));

// A column has the value that sorts it, and its text.
export const COLUMNS = [
  { key: 'name', label: 'Name', value: (row) => row.name, text: (row) => row.name },
  { key: 'begins', label: 'Begins', value: begin, text: beginText },
  { key: 'span', label: 'Span', isNumber: true, value: span, text: (row) => orNone(span(row), text.duration) },
  { key: 'frames', label: 'Frames', isNumber: true, value: (row) => row.frames, text: (row) => orNone(row.frames, text.count) },
  { key: 'missing', label: 'Missing', isNumber: true, value: (row) => row.missing_numbers, text: (row) => orNone(row.missing_numbers, text.count) },
  { key: 'size', label: 'Size', isNumber: true, value: (row) => row.bytes_on_disk, text: (row) => size(row.bytes_on_disk) },
  { key: 'health', label: 'Health', value: (row) => HEALTH.indexOf(row.state), text: (row) => row.state },
];

const HEALTH = ['unreadable', 'damaged', 'not closed', 'live', 'good']; // what needs care comes first

export const isBad = (row) => !['good', 'live'].includes(row.state);

// What is said of a recording below its name.
export function kind(row) {
  const shape = row.image_shape;
  return [row.format, shape && `${shape[1]} × ${shape[0]}`, shape?.[2] === 3 && 'colour', row.dtype !== 'uint8' && row.dtype]
    .filter(Boolean).join(', ');
}

// The recordings in which every word occurs.
export function found(rows, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const content = (row) => [row.name, row.format, row.state, row.problem, beginText(row)].join(' ').toLowerCase();
  return rows.filter((row) => words.every((word) => content(row).includes(word)));
}

// 2 comes before 10, and what is unknown comes last.
export function sorted(rows, key, descending) {
  const { value } = COLUMNS.find((column) => column.key === key);
  const sign = descending ? -1 : 1;
  const compare = (one, other) => {
    if (one === null || other === null) return (one === null) - (other === null);
    return sign * (typeof one === 'string' ? one.localeCompare(other, 'en', { numeric: true }) : one - other);
  };
  const byName = (one, other) => one.name.localeCompare(other.name, 'en', { numeric: true });
  return [...rows].sort((one, other) => compare(value(one) ?? null, value(other) ?? null) || byName(one, other));
}
