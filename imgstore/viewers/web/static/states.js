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

// What is damaged: a text for each store, '' for one without damage.
export function damageText(names, damages) {
  const found = damages.map((damage, store) => damage && (names.length > 1 ? `${names[store]}: ${damage}` : damage));
  return found.some(Boolean) ? `Damaged: ${found.filter(Boolean).join('. ')}.` : '';
}

export function showDamage(text) {
  $('damage').hidden = !text;
  $('damage').textContent = text;
}

const AT_FIRST = ['first', 'back', 'gap-before'];
const AT_LAST = ['last', 'forth', 'gap-behind'];
const ZOOMED = ['zoom-out', 'zoom-all'];
const NEW_MARKS = ['mark-add', 'marks-add'];
const OF_FRAMES = ['play', 'save', 'zoom-in', 'mark-in', 'mark-out', 'loop', 'export', 'jump-value', 'jump-go', 'policy',
  'stretch', 'black', 'white', 'gamma', 'tone-reset', 'turn'];
const ALL = [...AT_FIRST, ...AT_LAST, ...ZOOMED, ...NEW_MARKS, ...OF_FRAMES, 'follow'];

// The ids of buttons and fields that would do nothing.
export function uselessButtons({ isEmpty, atFirst, atLast, playing, live, following, loops, zoomed, canMark, readOnly }) {
  if (isEmpty) return ALL;
  return [
    ...(atFirst ? AT_FIRST : []), ...(atLast ? AT_LAST : []), ...(atLast && !playing && !live && !loops ? ['play'] : []),
    ...(zoomed ? [] : ZOOMED), ...(live || following ? [] : ['follow']),
    ...(canMark ? [] : NEW_MARKS), ...(readOnly ? ['export'] : []),
  ];
}

export function disableButtons(useless) {
  for (const id of ALL) $(id).disabled = useless.includes(id);
}
