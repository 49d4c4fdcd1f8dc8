// Key bindings and their list.

export class Keys {
  constructor(list) {
    this.list = list;
    this.actions = new Map();
    document.addEventListener('keydown', (event) => this.pressed(event));
  }

  // Bind keys, named as in KeyboardEvent.key, with 'Shift+' before if it is held. The list shows them as `shown`.
  on(names, shown, what, act) {
    for (const name of names) this.actions.set(name, act);
    const term = document.createElement('dt');
    const key = document.createElement('kbd');
    key.textContent = shown;
    term.append(key);
    const told = document.createElement('dd');
    told.textContent = what;
    this.list.append(term, told);
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (isWriting(event.target)) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (name === ' ' && event.target.closest('button, a, input')) return; // Space presses the focused button
    const act = this.actions.get(event.shiftKey ? `Shift+${name}` : name) ?? (event.key.length === 1 && this.actions.get(name));
    if (!act) return;
    event.preventDefault();
    act();
  }
}

function isWriting(target) {
  if (target.isContentEditable || target.tagName === 'SELECT' || target.tagName === 'TEXTAREA') return true;
  return target.tagName === 'INPUT' && target.type !== 'checkbox';
}
