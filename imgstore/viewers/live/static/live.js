'use strict';
// The state once a second, and pictures as fast as they come, at most four a second for each camera.
const figures = new Map();
const SILENT = 'the recorder does not answer';
const byId = (id) => document.getElementById(id);

async function ask(path, body) {
  const options = body === undefined ? {} : { method: 'POST', headers: { 'X-Imgstore': '1' }, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  return answer.json();
}

function figureOf(name) {
  if (!figures.has(name)) {
    const figure = document.createElement('figure');
    const image = document.createElement('img');
    image.alt = name;
    figure.append(image, document.createElement('figcaption'));
    byId('cameras').append(figure);
    figures.set(name, figure);
    image.onload = () => setTimeout(showNext, 250, image);
    image.onerror = () => setTimeout(showNext, 1000, image);
  }
  return figures.get(name);
}

function showNext(image) {
  image.src = `api/preview?camera=${encodeURIComponent(image.alt)}&at=${Date.now()}`;
}

function lineOf(camera) {
  const parts = [`${camera.frames} frames`, `${camera.missing} missing`];
  if (camera.state === 'ended') return `${camera.name}: ${parts.join(', ')}, ended: ${camera.reason}`;
  if (camera.rate !== null) parts.unshift(`${camera.rate.toFixed(1)} frames/s`);
  parts.push(`queue ${Math.round(100 * camera.queue)} %`, `disk ${(camera.disk_free / 1e9).toFixed(1)} GB free`);
  if (camera.hours_left !== null) parts.push(`full in ${camera.hours_left.toFixed(1)} h`);
  return `${camera.name}: ${camera.state === 'ready' ? 'ready, ' : ''}${parts.join(', ')}`;
}

let hasEnded = false;

async function refresh() {
  try {
    const state = await ask('api/status');
    byId('folder').textContent = state.folder;
    byId('start').disabled = state.cameras.some((camera) => camera.state !== 'ready');
    hasEnded = state.cameras.every((camera) => camera.state === 'ended');
    byId('stop').disabled = hasEnded;
    if (byId('answer').textContent === SILENT) byId('answer').textContent = '';
    for (const camera of state.cameras) {
      const figure = figureOf(camera.name);
      const image = figure.querySelector('img');
      if (camera.frames && !image.src) showNext(image);
      figure.className = `${camera.missing ? 'missing ' : ''}${camera.state}`;
      figure.querySelector('figcaption').textContent = lineOf(camera);
    }
  } catch {
    byId('answer').textContent = hasEnded ? 'the recording has ended' : SILENT;
  }
  setTimeout(refresh, 1000);
}

async function command(path, body, done) {
  const answer = await ask(path, body).catch(() => ({ error: SILENT }));
  byId('answer').textContent = answer.ok ? done : answer.error;
}

byId('start').onclick = () => command('api/start', {}, 'started');
byId('stop').onclick = () => command('api/stop', {}, 'stopped');
byId('mark').onsubmit = (event) => {
  event.preventDefault();
  command('api/mark', { name: byId('name').value }, `marked: ${byId('name').value}`);
};
refresh();
