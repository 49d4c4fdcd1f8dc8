// The list of recordings, for a page that was opened from it.

export const HOME = '../../';
export const OPEN = 'open='; // begins what a link to the list says of the recordings to open

// The way back.
export function showHome() {
  if (!/\/open\/[\da-f,]+\/$/.test(location.pathname)) return;
  const link = document.createElement('a');
  link.id = 'home';
  link.href = HOME;
  link.textContent = 'Recordings';
  link.title = 'The list of all recordings';
  document.getElementById('title').before(link);
}

// Where a link to the list leads on to, or null.
export function ledOn(hash) {
  const found = hash.match(/^#open=([\da-f,]+)&(.*)$/);
  return found && `open/${found[1]}/#${found[2]}`;
}
