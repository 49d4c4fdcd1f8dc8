// The way back to the list of recordings, if the page was opened from it.

export function showHome() {
  if (!/\/open\/[\da-f,]+\/$/.test(location.pathname)) return;
  const link = document.createElement('a');
  link.id = 'home';
  link.href = '../../';
  link.textContent = 'Recordings';
  link.title = 'The list of all recordings';
  document.getElementById('title').before(link);
}
