// Loads the page's own path again, so that the browser sends the session's cookie.
//
// The browser sends no cookie if another site or a file led here. It sends none to the bare address either, because the
// cookie has the session's path. Only pages of this host and port can read the stored path.

const base = location.pathname.replace(/session-[^/]*\/$/, '');

function kept() {
  try {
    return localStorage.getItem(`imgstore ${base}`);
  } catch {
    return null; // storage is disabled
  }
}

const path = location.pathname === base ? kept() : location.pathname;
const isOwn = path?.startsWith(`${base}session-`) && /^[\w./~-]+$/.test(path) && !path.startsWith('//');
if (isOwn && !new URLSearchParams(location.search).has('again')) location.replace(`${path}?again${location.hash}`);
