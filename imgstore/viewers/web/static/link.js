// Links for other browsers, if the server requires links.

import { newLink } from './api.js';

const $ = (id) => document.getElementById(id);
const SESSION = /session-[^/]*\/$/;

export const isDemanded = () => SESSION.test(location.pathname);

// Store the path for again.js: the bare address leads here too. Only pages of this host and port can read it.
export function keepPath() {
  if (!isDemanded()) return;
  try {
    localStorage.setItem(`imgstore ${location.pathname.replace(SESSION, '')}`, location.pathname);
  } catch { /* storage is disabled */ }
}

export async function showLink() {
  const { token, seconds } = await newLink();
  const base = new URL(location.pathname.replace(SESSION, ''), location.origin);
  base.searchParams.set('token', token);
  $('link-minutes').textContent = String(Math.round(seconds / 60));
  $('link-address').value = base.href;
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
