// The page with the list of recordings.

import { recordings, recordingThumbnail, Trouble } from './api.js';
import { COLUMNS, found, isBad, kind, sorted } from './catalog.js';
import { ledOn } from './home.js';
import { copyLink, isDemanded, keepPath, showLink } from './link.js';
import * as text from './text.js';

const SOON = 500, AGAIN = 5000; // milliseconds between requests: during the first search, and later

const $ = (id) => document.getElementById(id);

const element = (tag, attributes, ...inner) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inner);
  return made;
};

class Recordings {
  constructor() {
    Object.assign(this, { rows: [], complete: false, told: '', order: 'name', descending: false, marked: new Set() });
    this.elements = new Map();
  }

  start() {
    keepPath();
    $('link').hidden = !isDemanded();
    $('head').append(element('th', { class: 'mark', scope: 'col', 'aria-label': 'Mark' }),
      element('th', { class: 'picture', scope: 'col', 'aria-label': 'Picture' }), ...COLUMNS.map((column) => this.head(column)));
    $('order').append(...COLUMNS.map(({ key, label }) => element('option', { value: key }, label)));
    $('order').addEventListener('change', () => this.sort($('order').value, false));
    $('search').addEventListener('input', () => this.show());
    $('open').addEventListener('click', () => this.open());
    $('link').addEventListener('click', () => showLink().catch((error) => this.trouble(error.message)));
    $('link-copy').addEventListener('click', copyLink);
    document.addEventListener('keydown', (event) => {
      if (event.key !== '/' || event.target.tagName === 'INPUT') return;
      event.preventDefault();
      $('search').focus();
    });
    return this.look();
  }

  head({ key, label, isNumber }) {
    const button = element('button', { type: 'button' }, label);
    button.addEventListener('click', () => this.sort(key, this.order === key && !this.descending));
    return element('th', { scope: 'col', 'data-key': key, class: isNumber ? 'number' : '' }, button);
  }

  // --- what there is

  async look() {
    try {
      if (!document.hidden) this.heard(await recordings());
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.trouble(error.message);
    }
    setTimeout(() => this.look(), this.complete ? AGAIN : SOON);
  }

  heard({ folders, recordings: rows, complete, error }) {
    this.trouble(error);
    this.complete = complete;
    this.folders = folders;
    const told = JSON.stringify([rows, complete]);
    if (told === this.told) return;
    Object.assign(this, { rows, told });
    this.show();
  }

  trouble(what) {
    $('trouble').textContent = what;
    $('trouble').hidden = !what;
  }

  // --- the table

  sort(key, descending) {
    Object.assign(this, { order: key, descending });
    $('order').value = key;
    this.show();
  }

  show() {
    const search = $('search').value;
    const shown = sorted(found(this.rows, search), this.order, this.descending);
    for (const cell of $('head').querySelectorAll('[data-key]')) {
      const order = this.descending ? 'descending' : 'ascending';
      cell.setAttribute('aria-sort', cell.dataset.key === this.order ? order : 'none');
    }
    $('rows').replaceChildren(...shown.map((row) => this.row(row)));
    this.tell(shown, search);
    this.showMarked();
  }

  tell(shown, search) {
    const frames = shown.reduce((sum, row) => sum + (row.frames ?? 0), 0);
    const count = shown.length === this.rows.length ? text.count(shown.length) : `${shown.length} of ${this.rows.length}`;
    const folders = this.folders?.join(', ') ?? '';
    $('facts').textContent = `${count} in ${folders} · ${text.count(frames)} frames${this.complete ? '' : ' · searching …'}`;
    const why = this.complete ? 'There is no recording in this folder any more.' : 'Looking for recordings …';
    $('empty').textContent = search && this.rows.length ? `No recording matches “${search}”.` : why;
    $('empty').hidden = shown.length > 0;
  }

  // A row's elements are made once, so that its picture is not loaded again.
  row(row) {
    const content = JSON.stringify(row);
    const known = this.elements.get(row.key);
    if (known?.content === content) return known.made;
    const made = element('tr', {}, this.mark(row), this.picture(row), ...COLUMNS.map((column) => this.cell(row, column)));
    this.elements.set(row.key, { content, made });
    return made;
  }

  mark(row) {
    const box = element('input', { type: 'checkbox', 'aria-label': `Mark ${row.name}`, 'data-key': row.key });
    box.checked = this.marked.has(row.key);
    box.disabled = !row.frames;
    box.addEventListener('change', () => {
      if (box.checked) this.marked.add(row.key);
      else this.marked.delete(row.key);
      this.showMarked();
    });
    return element('td', { class: 'mark' }, box);
  }

  picture(row) {
    const none = (why) => element('span', {}, why);
    if (!row.frames) return element('td', { class: 'picture' }, none(row.frames === 0 ? 'no frames' : 'not readable'));
    const source = recordingThumbnail(row.key, row.frames);
    const image = element('img', { src: source, alt: '', loading: 'lazy', decoding: 'async' });
    image.addEventListener('error', () => image.replaceWith(none('not readable')));
    return element('td', { class: 'picture' }, image);
  }

  cell(row, column) {
    const { key, label, isNumber } = column;
    const shown = column.text(row);
    if (key === 'name') {
      const name = row.frames ? element('a', { href: `open/${row.key}/` }, shown) : element('b', {}, shown);
      return element('td', { class: 'name' }, name, element('small', {}, kind(row)));
    }
    if (key === 'health') {
      const problem = row.problem ? [element('small', {}, row.problem)] : [];
      return element('td', { class: isBad(row) ? 'health bad' : 'health' }, element('b', {}, shown), ...problem);
    }
    return element('td', { class: isNumber ? 'number' : '', 'data-label': label }, shown);
  }

  // --- several

  showMarked() {
    const there = new Set(this.rows.filter((row) => row.frames).map((row) => row.key));
    this.marked = new Set([...this.marked].filter((key) => there.has(key)));
    const count = this.marked.size;
    $('open').disabled = count < 1;
    $('open').textContent = ['Open side by side', 'Open'][count] ?? `Open ${count} side by side`;
  }

  open() {
    location.href = `open/${[...this.marked].join(',')}/`;
  }
}

const further = ledOn(location.hash);
if (further) {
  keepPath();
  location.replace(further);
} else {
  new Recordings().start();
}
