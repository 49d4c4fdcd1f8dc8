// States without a frame to show: no frames, no store, no server. Also the buttons that can do nothing.

const $ = (id) => document.getElementById(id);

export function showState(title, explanation, label, act) {
  const [heading, paragraph] = [document.createElement('h2'), document.createElement('p')];
  heading.textContent = title;
  paragraph.textContent = explanation;
  $('state').replaceChildren(heading, paragraph);
  if (label) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.addEventListener('click', act);
    $('state').append(button);
  }
  $('state').hidden = false;
}

export function hideState() {
  $('state').hidden = true;
}

export function showEmpty(live) {
  const wait = 'The first frame appears here as soon as it is written.';
  showState('No frames yet', live ? wait : `This recording has no frames. If one is added, it appears here.`);
}

export function showUnreadable(why) {
  showState('The recording cannot be shown', why, 'Try again', () => location.reload());
}

// Say that the server does not answer, until it does.
export function showLost(why) {
  $('lost').hidden = !why;
  $('lost').textContent = why ? `${why} Frames that were already fetched can still be shown. Trying again …` : '';
}

const AT_FIRST = ['first', 'back', 'gap-before'];
const AT_LAST = ['last', 'forth', 'gap-behind'];
const ALWAYS_WITH_FRAMES = ['play', 'save', 'zoom-in', 'mark-in', 'mark-out', 'mark-add', 'loop', 'export'];

// The ids of buttons that would do nothing.
export function uselessButtons({ isEmpty, atFirst, atLast, playing, live, following, zoomed, readOnly }) {
  if (isEmpty) return [...AT_FIRST, ...AT_LAST, ...ALWAYS_WITH_FRAMES, 'zoom-out', 'zoom-all', 'follow'];
  return [
    ...(atFirst ? AT_FIRST : []), ...(atLast ? AT_LAST : []), ...(atLast && !playing && !live ? ['play'] : []),
    ...(zoomed ? [] : ['zoom-out', 'zoom-all']), ...(live || following ? [] : ['follow']),
    ...(readOnly ? ['mark-add', 'export'] : []),
  ];
}

export function disableButtons(useless) {
  const all = [...AT_FIRST, ...AT_LAST, ...ALWAYS_WITH_FRAMES, 'zoom-out', 'zoom-all', 'follow'];
  for (const id of all) $(id).disabled = useless.includes(id);
}
