// Marks of the first store: listed, labelled, jumped to, kept in its marks.csv.

import * as api from './api.js';
import * as text from './text.js';

const $ = (id) => document.getElementById(id);
const SOON = 600; // milliseconds between a change and saving it

const element = (tag, values = {}, ...inner) => {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...inner);
  return made;
};

export const rangeText = ({ start, end }) => (end === null ? String(start) : `${start} – ${end}`);

export const addedText = (mark) =>
  (mark.end === null ? `Marked frame ${mark.start}.` : `Marked ${rangeText(mark)}. In and Out are removed.`);

// The mark after (direction 1) or before (-1) a frame number; null without one. Numbers may exceed 2^53.
export function nextMark(marks, number, direction) {
  const beyond = marks.filter((mark) => (direction > 0 ? BigInt(mark.start) > BigInt(number) : BigInt(mark.start) < BigInt(number)));
  const nearer = (one, other) => (direction > 0) === (BigInt(one.start) < BigInt(other.start));
  return beyond.reduce((best, mark) => (best && nearer(best, mark) ? best : mark), null);
}

export class Marks extends EventTarget {
  constructor(player, range, timeline) {
    super();
    Object.assign(this, { player, range, timeline, list: [], version: '', writable: false, isLoaded: false });
    $('marks-add').addEventListener('click', () => this.add());
    $('marks-export').addEventListener('click', () => this.ask(this.list));
    addEventListener('pagehide', () => this.leave());
  }

  get readOnly() {
    return this.isLoaded && !this.writable;
  }

  get canAdd() {
    return this.isLoaded && this.writable;
  }

  ask(marks) {
    this.dispatchEvent(new CustomEvent('export', { detail: marks }));
  }

  async load() {
    try {
      const { marks, version, writable } = await api.marks(0);
      Object.assign(this, { list: marks, version, writable, isLoaded: true });
      this.note(writable ? '' : 'On this page marks can only be read.');
    } catch (error) {
      this.note(`The marks cannot be shown. ${error.message}`, true);
    }
    this.show();
  }

  // Mark the range between In and Out, else the shown frame.
  add() {
    const { row } = this.player;
    if (!row || !this.canAdd) return;
    const { start, end } = this.range;
    const [first, last] = start && end ? [start, end] : [row, row];
    const mark = { start: String(first.number), end: start && end ? String(last.number) : null, label: '', first: plain(first), last: plain(last) };
    this.list.push(mark);
    this.list.sort((one, other) => Math.sign(Number(BigInt(one.start) - BigInt(other.start))));
    if (mark.end !== null) this.range.clear();
    this.show();
    this.changed();
    $('marks-list').children[this.list.indexOf(mark)].querySelector('input').focus();
    this.dispatchEvent(new CustomEvent('added', { detail: addedText(mark) }));
  }

  remove(mark) {
    this.list.splice(this.list.indexOf(mark), 1);
    this.show();
    this.changed();
    $('marks-add').focus();
  }

  jump(direction) {
    const mark = this.player.row && nextMark(this.list, this.player.row.number, direction);
    if (mark) this.goTo(mark);
    return mark;
  }

  async goTo(mark) {
    return this.player.go(this.player.track.find('number', mark.start));
  }

  // --- saving

  changed() {
    this.isChanged = true;
    clearTimeout(this.soon);
    this.note('Not saved yet …');
    this.soon = setTimeout(() => this.save(), SOON);
  }

  // One after the other, so that each has the version of the one before.
  save() {
    clearTimeout(this.soon);
    this.saving = (this.saving ?? Promise.resolve()).then(() => this.send());
    return this.saving;
  }

  content() {
    return { marks: this.list.map(({ start, end, label }) => ({ start, end, label })), version: this.version };
  }

  // The last change, if the page is left before it is saved. Browsers send at most 64 KiB then.
  leave() {
    if (this.isChanged) api.saveMarks(0, this.content(), true).catch(() => {});
  }

  async send() {
    this.isChanged = false;
    try {
      this.version = (await api.saveMarks(0, this.content())).version;
      this.note('Saved in marks.csv, in the folder of the recording.');
    } catch (error) {
      this.note(`Not saved: ${error.message}`, true);
    }
  }

  note(what, isError = false) {
    $('marks-note').textContent = what;
    $('marks-note').classList.toggle('bad', isError);
  }

  // --- the list

  show() {
    $('marks-export').disabled = !this.list.length || !this.writable;
    $('marks-empty').hidden = this.list.length > 0;
    $('marks-list').replaceChildren(...this.list.map((mark) => this.item(mark)));
    this.timeline.marks = this.list;
    this.timeline.draw();
  }

  item(mark) {
    const name = rangeText(mark);
    const seconds = mark.first && mark.last ? mark.last.time - mark.first.time : 0;
    const jump = element('button', { type: 'button', className: 'jump', title: 'Go to this mark' }, name);
    jump.addEventListener('click', () => this.goTo(mark));
    const label = element('input', { value: mark.label, placeholder: 'note', maxLength: 500, readOnly: !this.writable });
    label.setAttribute('aria-label', `Note of mark ${name}`);
    label.addEventListener('input', () => { mark.label = label.value; this.changed(); });
    label.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === 'Escape') label.blur(); });
    const save = element('button', { type: 'button', title: 'Export this mark', disabled: !this.writable }, 'Export');
    save.setAttribute('aria-label', `Export mark ${name}`);
    save.addEventListener('click', () => this.ask([mark]));
    const remove = element('button', { type: 'button', title: 'Delete this mark', disabled: !this.writable }, '×');
    remove.setAttribute('aria-label', `Delete mark ${name}`);
    remove.addEventListener('click', () => this.remove(mark));
    return element('li', {}, element('div', { className: 'group' }, jump, element('small', {}, seconds > 0 ? text.duration(seconds) : ''), save, remove), label);
  }
}

const plain = (row) => ({ index: row.index[0], number: String(row.number), time: row.time });
