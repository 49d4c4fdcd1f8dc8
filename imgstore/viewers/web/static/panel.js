// The panel with metadata and properties of each store.

import * as api from './api.js';
import * as text from './text.js';

const element = (tag, ...inner) => {
  const made = document.createElement(tag);
  made.append(...inner);
  return made;
};

function list(values) {
  const entries = Object.entries(values);
  return element('dl', ...entries.flatMap(([key, value]) => [element('dt', key), element('dd', shown(value))]));
}

function shown(value) {
  if (value !== null && typeof value === 'object') {
    return Array.isArray(value) && value.every((inner) => inner === null || typeof inner !== 'object')
      ? value.map(String).join(', ') : list(value);
  }
  return value === null ? '–' : String(value); // no separators: it may be a serial number
}

function article(summary, about) {
  const [first, last] = [summary.first, summary.last];
  const facts = {
    frames: text.count(summary.frames),
    image: `${summary.shape[1]} × ${summary.shape[0]}, ${summary.shape[2] === 3 ? 'colour' : 'gray'}, ${summary.dtype}`,
    ...(first && {
      numbers: `${first.number} … ${last.number}`,
      begins: text.moment(first.time, summary.timezone),
      ends: text.moment(last.time, summary.timezone),
    }),
    ...(summary.period && { rate: `${text.value(1 / summary.period)} frames a second` }),
    lossless: summary.lossless ? 'yes' : 'no',
    ...about.store,
  };
  const own = Object.keys(about.user).length ? list(about.user) : element('p', 'none');
  return element('article', element('h2', summary.name), element('h3', 'Metadata'), own,
    element('h3', 'Store'), list(Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null))));
}

export async function fill(panel, summaries, close) {
  const button = element('button', 'Close');
  button.type = 'button';
  button.className = 'close';
  button.addEventListener('click', close);
  try {
    const abouts = await Promise.all(summaries.map((_, store) => api.about(store)));
    panel.replaceChildren(button, ...summaries.map((summary, store) => article(summary, abouts[store])));
  } catch (error) {
    panel.replaceChildren(button, element('h2', 'Metadata'), element('p', error.message));
  }
}
