// Requests to the page's own server.

export class Trouble extends Error {}

export const LOST = 'the server does not answer; has imgstore-view ended?';

async function answerOf(response) {
  if (response.ok) return response;
  const text = await response.text();
  let why = text;
  try {
    why = JSON.parse(text).error;
  } catch { /* not every error is JSON */ }
  throw new Trouble(why || `the server answered with status ${response.status}`);
}

async function ask(path, options) {
  try {
    return await answerOf(await fetch(path, options));
  } catch (error) {
    if (error instanceof Trouble) throw error;
    throw new Trouble(LOST);
  }
}

function get(path, values = {}) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  const query = new URLSearchParams(given).toString();
  return ask(query ? `${path}?${query}` : path);
}

const json = async (path, values) => (await get(path, values)).json();
const of = (store) => `api/stores/${store}`;

export const stores = () => json('api/stores');
export const about = (store) => json(of(store));
export const damage = async (store) => (await json(`${of(store)}/damage`)).damage;
export const rows = (store, start, count) => json(`${of(store)}/rows`, { start, count });
export const find = (store, axis, value) => json(`${of(store)}/find`, { axis, value });
export const place = (store, text) => json(`${of(store)}/place`, { text });
export const histogram = (store, index) => json(`${of(store)}/histogram/${index}`);
export const pixel = (store, index, x, y) => json(`${of(store)}/pixel/${index}`, { x, y });
export const gap = (store, index, direction) => json(`${of(store)}/gap`, { index, direction });
export const timeline = (store, axis, low, high, bins) => json(`${of(store)}/timeline`, { axis, low, high, bins });
export const aligned = (number, direction, count, policy) =>
  json('api/aligned', { number, direction, count, policy });
export const extra = (store, low, high, bins) => json(`${of(store)}/extra`, { low, high, bins });
export const packets = async (store, values) => (await get(`${of(store)}/packets`, values)).arrayBuffer();
export const extraAt = (store, index) => json(`${of(store)}/extra/${index}`);

export const recordings = () => json('api/recordings');
export const recordingThumbnail = (key, frames) => `api/recordings/${key}/thumbnail.jpg?width=240&frames=${frames}`;

// Other sites cannot send this header.
async function post(path, content, keepalive = false) {
  const headers = { 'X-Imgstore': 'page' };
  return (await ask(path, { method: 'POST', headers, body: content && JSON.stringify(content), keepalive })).json();
}

// `home` leads to the list of recordings, for a page that was opened from it.
export const newLink = (home) => post(`${home}api/links`);

export const marks = (store) => json(`${of(store)}/marks`);
export const saveMarks = (store, content, leaving) => post(`${of(store)}/marks`, content, leaving);
export const selection = (store, start, end) => json(`${of(store)}/selection`, { start, end });
export const sounds = (store) => json(`${of(store)}/sounds`);
export const startExport = (store, order) => post(`${of(store)}/exports`, order);
export const exportState = (key) => json(`api/exports/${key}`);
export const exportFile = (key) => `api/exports/${key}/file`;
export const cancelExport = (key) => post(`api/exports/${key}/cancel`);

export const thumbnail = (store, index, width) => `${of(store)}/thumbnail/${index}.jpg?width=${width}`;
export const download = (store, index, kind) => `${of(store)}/image/${index}.${kind}?download=1`;

export async function image(store, index, look) {
  const exact = look.quality === 'exact';
  const [black, white, gamma] = look.tone ?? [];
  const values = exact ? {} : { quality: look.quality, width: look.width, stretch: look.stretch ? 1 : 0, black, white, gamma };
  const response = await get(`${of(store)}/image/${index}.${exact ? 'png' : 'jpg'}`, values);
  return createImageBitmap(await response.blob());
}
