// Links for other browsers, if the server requires links.

import { newLink } from './api.js';
import { HOME, OPEN } from './home.js';

const $ = (id) => document.getElementById(id);
const SESSION = /session-[^/]*\/(open\/[^/]*\/)?$/;
const OPENED = /open\/([^/]*)\/$/;

export const isDemanded = () => SESSION.test(location.pathname);

// Store the path for again.js: the bare address leads here too. Only pages of this host and port can read it.
export function keepPath() {
  if (!isDemanded()) return;
  try {
    localStorage.setItem(`imgstore ${location.pathname.replace(SESSION, '')}`, location.pathname.replace(OPENED, ''));
  } catch { /* storage is disabled */ }
}

// A link to the view, without the session. If links are demanded, it opens a session of another browser. That begins
// at the list of recordings, which goes on to those that were opened here.
export async function showLink() {
  const address = new URL(location.pathname.replace(SESSION, ''), location.origin);
  const opened = isDemanded() && location.pathname.match(OPENED)?.[1];
  $('link-once').hidden = !isDemanded();
  $('link-error').textContent = '';
  $('link-copy').textContent = 'Copy';
  try {
    if (isDemanded()) {
      const { token, seconds } = await newLink(opened ? HOME : '');
      address.searchParams.set('token', token);
      $('link-minutes').textContent = String(Math.round(seconds / 60));
    }
    address.hash = opened ? `${OPEN}${opened}&${location.hash.slice(1)}` : location.hash;
    $('link-address').value = address.href;
  } catch (error) {
    $('link-error').textContent = error.message;
    $('link-address').value = '';
  }
  $('link-dialog').showModal();
  $('link-address').select();
}

export async function copyLink() {
  $('link-address').select();
  try {
    await navigator.clipboard.writeText($('link-address').value);
    $('link-copy').textContent = 'Copied';
  } catch { /* not allowed: the user can copy the selected text */ }
}
