// A player of a store in a notebook. The kernel sends each frame as JPEG; the keys are those of the page.

const AHEAD = 4; // requested frames that have not come yet, so that the way to the kernel costs no time
const PATIENCE = 3000; // milliseconds until an answer of the kernel is missed
const TOLD = 250; // milliseconds between two messages about the index while playing
const FOLLOWED = 1000; // milliseconds between two looks for new frames of a live store
const SPEEDS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64];

class Player {
  constructor(model, root) {
    this.model = model;
    this.parts = build(root, model.get('facts'));
    this.shown = null; // the answer on the screen
    this.waiting = new Map(); // requests without an answer: id to index and time
    this.request = 0;
    this.stretch = false;
    this.follows = false;
    this.begun = null; // where and when playing began
    this.told = 0;
    this.heard = (message, buffers) => this.answered(message, buffers);
    model.on('msg:custom', this.heard);
    this.changes = {
      'change:index': () => this.moved(),
      'change:playing': () => this.switched(),
      'change:speed': () => this.switched(),
      'change:loop': () => this.draw(),
      'change:facts': () => this.learned(),
    };
    for (const [name, act] of Object.entries(this.changes)) model.on(name, act);
    this.bind(root);
    this.learned();
    this.ask(model.get('index'));
    if (model.get('playing')) this.switched();
  }

  close() {
    cancelAnimationFrame(this.beat);
    clearInterval(this.following);
    this.model.off('msg:custom', this.heard);
    for (const [name, act] of Object.entries(this.changes)) this.model.off(name, act);
  }

  get count() { return this.model.get('facts').frames; }

  // --- frames

  ask(index) {
    const id = ++this.request;
    this.waiting.set(id, { index, at: performance.now() });
    const width = Math.round(this.parts.canvas.clientWidth * (window.devicePixelRatio || 1)) || this.model.get('width');
    this.model.send({ kind: 'frame', request: id, index, width, stretch: this.stretch });
    this.asked = index;
    clearTimeout(this.missing);
    this.missing = setTimeout(() => this.missed(), PATIENCE);
  }

  missed() {
    if (this.waiting.size) this.tell('The kernel does not answer. It may be busy with another cell.');
  }

  answered(message, buffers) {
    if (message.kind === 'frame') this.got(message, buffers);
    else if (message.kind === 'place') this.found(message);
    else if (message.error) this.tell(message.error);
  }

  async got(message, buffers) {
    if (!this.waiting.delete(message.request)) return;
    if (!this.waiting.size) clearTimeout(this.missing);
    if (this.shown && message.request < this.shown.request) return; // a later one is on the screen
    const picture = buffers.length ? await decoded(buffers[0]) : null;
    if (this.shown && message.request < this.shown.request) return;
    this.shown = message;
    this.parts.trouble.textContent = message.error ?? '';
    this.paint(picture);
    this.say(message);
    if (performance.now() - this.told > TOLD || !this.model.get('playing')) this.publish();
  }

  paint(picture) {
    const { canvas } = this.parts, drawing = canvas.getContext('2d');
    if (!picture) {
      drawing.clearRect(0, 0, canvas.width, canvas.height);
      return;
    }
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      [canvas.width, canvas.height] = [picture.width, picture.height];
    }
    drawing.drawImage(picture, 0, 0);
    picture.close();
  }

  say(message) {
    this.parts.root.dataset.index = message.index;
    this.parts.readout.textContent = `frame ${message.number}   #${message.index}   ${message.text}`;
    if (!this.parts.dragged) this.parts.timeline.value = message.index;
    this.draw();
  }

  publish() {
    this.told = performance.now();
    if (this.model.get('index') === this.shown.index) return;
    this.silent = true; // our own change asks for no frame
    this.model.set('index', this.shown.index);
    this.model.save_changes();
    this.silent = false;
  }

  moved() {
    const index = this.model.get('index');
    if (this.silent || index === this.asked) return;
    this.go(index);
  }

  // --- moving

  go(index) {
    const to = Math.min(Math.max(index, 0), this.count - 1);
    if (!this.count) return;
    this.tell('');
    this.ask(to);
    if (this.model.get('playing')) this.restart(to);
  }

  step(by) {
    this.pause();
    this.go((this.asked ?? 0) + by);
  }

  gap(direction) {
    this.pause();
    this.model.send({ kind: 'gap', index: this.asked ?? 0, direction });
  }

  found(message) {
    if (message.index !== null) this.go(message.index);
    this.tell(message.note);
  }

  // --- playing

  toggle() {
    if (this.model.get('playing')) return this.pause();
    if ((this.asked ?? 0) >= this.count - 1) this.ask(0);
    this.set('playing', true);
  }

  pause() { if (this.model.get('playing')) this.set('playing', false); }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  switched() {
    cancelAnimationFrame(this.beat);
    this.draw();
    if (!this.model.get('playing')) {
      if (this.shown) this.publish();
      return;
    }
    this.restart(this.asked ?? 0);
    this.beat = requestAnimationFrame(() => this.play());
  }

  restart(index) { this.begun = { index, at: performance.now() }; }

  // Ask for the frame that is due. A slow kernel skips frames; it is not asked for more than it has answered.
  play() {
    if (!this.model.get('playing')) return;
    const { index, at } = this.begun, { period } = this.model.get('facts');
    const due = index + Math.floor(((performance.now() - at) / 1000 / period) * this.model.get('speed'));
    if (due >= this.count) this.ended();
    else if (due > this.asked && this.waiting.size < AHEAD) this.ask(due);
    if (this.model.get('playing')) this.beat = requestAnimationFrame(() => this.play());
  }

  ended() {
    if (this.model.get('loop')) {
      this.ask(0);
      this.restart(0);
      return;
    }
    if (this.asked !== this.count - 1) this.ask(this.count - 1);
    this.pause();
  }

  faster(by) {
    const now = this.model.get('speed');
    const at = SPEEDS.findIndex((speed) => speed >= now);
    this.set('speed', SPEEDS[Math.min(Math.max((at < 0 ? SPEEDS.length : at) + by, 0), SPEEDS.length - 1)]);
  }

  follow() {
    this.follows = !this.follows;
    clearInterval(this.following);
    if (this.follows) {
      this.pause();
      this.following = setInterval(() => this.model.send({ kind: 'refresh' }), FOLLOWED);
      this.model.send({ kind: 'refresh' });
    }
    this.draw();
  }

  learned() {
    const { timeline, gaps } = this.parts, facts = this.model.get('facts');
    timeline.max = Math.max(0, this.count - 1);
    gaps.replaceChildren(...facts.gaps.map((index) => mark(index / Math.max(1, this.count - 1))));
    if (!this.count) this.tell('This store has no frames yet.');
    if (this.follows && this.asked !== this.count - 1) this.go(this.count - 1);
    if (this.follows && !facts.live) this.follow();
    this.draw();
  }

  contrast() {
    this.stretch = !this.stretch;
    this.ask(this.asked ?? 0);
    this.draw();
  }

  // --- controls

  tell(text) { this.parts.note.textContent = text; }

  draw() {
    const { buttons, readout } = this.parts, playing = this.model.get('playing');
    buttons.play.textContent = playing ? '❚❚' : '▶';
    buttons.play.setAttribute('aria-label', playing ? 'Pause' : 'Play');
    buttons.speed.textContent = `${rounded(this.model.get('speed'))}×`;
    buttons.loop.setAttribute('aria-pressed', this.model.get('loop'));
    buttons.contrast.setAttribute('aria-pressed', this.stretch);
    buttons.follow.setAttribute('aria-pressed', this.follows);
    buttons.follow.hidden = !this.model.get('facts').live && !this.follows;
    const at = this.asked ?? 0;
    for (const name of ['first', 'back']) buttons[name].disabled = at <= 0;
    for (const name of ['forth', 'last']) buttons[name].disabled = at >= this.count - 1;
    readout.classList.toggle('empty', !this.count);
  }

  bind(root) {
    const { buttons, timeline, jump, go, canvas } = this.parts;
    const acts = {
      first: () => this.step(-Infinity), back: () => this.step(-1), play: () => this.toggle(), forth: () => this.step(1),
      last: () => this.step(Infinity), before: () => this.gap(-1), after: () => this.gap(1), speed: () => this.faster(1),
      loop: () => this.set('loop', !this.model.get('loop')), contrast: () => this.contrast(), follow: () => this.follow(),
    };
    for (const [name, act] of Object.entries(acts)) buttons[name].addEventListener('click', act);
    canvas.addEventListener('click', acts.play);
    timeline.addEventListener('input', () => { this.parts.dragged = true; this.go(Number(timeline.value)); });
    timeline.addEventListener('change', () => { this.parts.dragged = false; });
    jump.addEventListener('submit', (event) => {
      event.preventDefault();
      this.pause();
      this.model.send({ kind: 'find', text: go.value });
    });
    root.addEventListener('keydown', (event) => this.pressed(event, acts));
  }

  pressed(event, acts) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === this.parts.go) {
      if (event.key === 'Escape') this.parts.root.focus();
      event.stopPropagation(); // so that the notebook takes no letter for a command
      return;
    }
    const keys = {
      ' ': acts.play, k: acts.play, ArrowRight: acts.forth, '.': acts.forth, ArrowLeft: acts.back, ',': acts.back,
      l: () => this.step(10), j: () => this.step(-10), PageDown: () => this.step(100), PageUp: () => this.step(-100),
      Home: acts.first, End: acts.last, n: acts.after, b: acts.before, ArrowUp: () => this.faster(1), ']': () => this.faster(1),
      ArrowDown: () => this.faster(-1), '[': () => this.faster(-1), r: acts.loop, c: acts.contrast, f: acts.follow,
      g: () => this.parts.go.focus(),
    };
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (event.key === ' ' && event.target.closest('button'))) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

const LABELS = {
  first: ['⏮', 'First frame (Home)'], before: ['↤', 'Previous gap (B)'], back: ['◀', 'One frame back (Left)'],
  play: ['▶', 'Play and pause (Space)'], forth: ['▶', 'One frame forward (Right)'], after: ['↦', 'Next gap (N)'],
  last: ['⏭', 'Last frame (End)'], speed: ['1×', 'Faster (Up), slower (Down)'], loop: ['↻', 'Repeat (R)'],
  contrast: ['◐', 'Contrast (C)'], follow: ['Follow', 'Show each new frame (F)'],
};

function build(root, facts) {
  root.classList.add('imgstore-player');
  root.tabIndex = 0;
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', `Player of ${facts.name}`);
  const canvas = make('canvas', { width: facts.shape[1] || 1, height: facts.shape[0] || 1 });
  const trouble = make('p', { className: 'trouble' }), stage = make('div', { className: 'stage' }, canvas, trouble);
  const timeline = make('input', { type: 'range', min: 0, value: 0, step: 1 });
  timeline.setAttribute('aria-label', 'Position in the recording');
  const gaps = make('div', { className: 'gaps' }), buttons = {};
  for (const [name, [text, title]] of Object.entries(LABELS)) {
    buttons[name] = make('button', { type: 'button', textContent: text, title });
    buttons[name].setAttribute('aria-label', title);
  }
  const readout = make('output', {}), note = make('span', { className: 'note' });
  note.setAttribute('role', 'status');
  const go = make('input', { className: 'go', placeholder: 'number, #index, 12.5s', title: 'Go to (G)' });
  go.setAttribute('aria-label', 'Go to a number, #index or time');
  const jump = make('form', {}, go), row = make('div', { className: 'row' }, ...Object.values(buttons), readout, jump, note);
  root.append(stage, make('div', { className: 'timeline' }, timeline), gaps, row);
  return { root, canvas, trouble, timeline, gaps, buttons, readout, note, go, jump, dragged: false };
}

function make(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function mark(share) {
  const made = document.createElement('i');
  made.style.left = `${share * 100}%`;
  return made;
}

const rounded = (speed) => (speed < 1 ? `1/${Math.round(1 / speed)}` : String(Number(speed.toPrecision(3))));

// The bytes come as a DataView, which may be a part of a larger buffer.
const decoded = (data) => createImageBitmap(new Blob([data], { type: 'image/jpeg' }));

export default {
  render({ model, el }) {
    const root = document.createElement('div');
    root.style.width = `${model.get('width')}px`;
    el.append(root);
    const player = new Player(model, root);
    return () => player.close();
  },
};
