// Goes once more to the page's own path, where the browser sends the session's cookie.
//
// The cookie is not sent when the way here began at another site or in a file, nor to the bare address, since it has the
// session's path. The path is kept where only pages of this host and port can read it.

const base = location.pathname.replace(/session-[^/]*\/$/, '');

function kept() {
  try {
    return localStorage.getItem(`imgstore ${base}`);
  } catch {
    return null; // the user allows no storage
  }
}

const path = location.pathname === base ? kept() : location.pathname;
const isOwn = path?.startsWith(`${base}session-`) && /^[\w./~-]+$/.test(path) && !path.startsWith('//');
if (isOwn && !new URLSearchParams(location.search).has('again')) location.replace(`${path}?again${location.hash}`);
