// Text for numbers, times and durations.

const HOUR = 3600; // seconds
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const formats = new Map();

function format(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) {
    try {
      formats.set(key, new Intl.DateTimeFormat('sv-SE', { timeZone: zone, hourCycle: 'h23', ...options }));
    } catch { // a zone that this browser does not know
      formats.set(key, new Intl.DateTimeFormat('sv-SE', { timeZone: 'UTC', hourCycle: 'h23', ...options }));
    }
  }
  return formats.get(key);
}

const DATE = { year: 'numeric', month: '2-digit', day: '2-digit' };
const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit' };

// Times of an imported video count from its start; a date in 1970 would be wrong.
export const isClock = (seconds) => seconds !== null && Math.abs(seconds) >= YEAR && Math.abs(seconds) < 8e12;

export const count = (value) => (typeof value === 'number' ? value.toLocaleString('en-US').replaceAll(',', '\u202f') : String(value));

export const frames = (value) => `${count(value)} ${value === 1 ? 'frame' : 'frames'}`;

// Whole seconds, and the fraction as text, of a time to the microsecond. Further digits are cut off, as in `imgstore info`.
function parts(seconds, digits) {
  const micro = Math.round(seconds * 1e6);
  const whole = Math.floor(micro / 1e6);
  return [whole, digits ? `.${String(micro - whole * 1e6).padStart(6, '0').slice(0, digits)}` : ''];
}

export function moment(seconds, zone) {
  if (seconds === null) return 'no time';
  if (!isClock(seconds)) return Math.abs(seconds) < HOUR ? `${seconds.toFixed(3)} s` : stopwatch(seconds, 3);
  const [whole, fraction] = parts(seconds, 3);
  return format(zone, { ...DATE, ...CLOCK }).format(new Date(whole * 1000)).replace(',', '') + fraction;
}

// Seconds since the start of a video, as hours, minutes and seconds, such as 1:02:03.5.
function stopwatch(seconds, digits) {
  const [whole, fraction] = parts(Math.abs(seconds), digits);
  const two = (value) => String(value).padStart(2, '0');
  const clock = `${Math.floor(whole / HOUR)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}${fraction}`;
  return seconds < 0 ? `−${clock}` : clock;
}

// Label of a tick: the date if `kind` is a day, else the time as far as `step` needs it.
export function tick(seconds, zone, kind, step = kind) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 3;
  if (!isClock(seconds)) {
    if (step >= DAY) return `${Math.round(seconds / DAY)} d`;
    return step < 60 && Math.abs(seconds) < HOUR ? `${Number(seconds.toFixed(digits))} s` : stopwatch(seconds, digits);
  }
  const [whole, fraction] = parts(seconds, digits);
  const date = new Date(whole * 1000);
  if (kind >= DAY) return format(zone, DATE).format(date);
  return format(zone, kind >= 60 ? { hour: '2-digit', minute: '2-digit' } : CLOCK).format(date) + fraction;
}

export function duration(seconds) {
  if (seconds === null) return '';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${Number(seconds.toFixed(2))} s`;
  const rounded = Math.round(seconds), minutes = Math.floor(rounded / 60);
  if (minutes < 120) return `${minutes} min ${rounded % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// UTC offset of a time zone at a time, in seconds. With it, daily ticks are at local midnight.
export function offset(seconds, zone) {
  if (!isClock(seconds)) return 0;
  const shown = format(zone, { ...DATE, ...CLOCK }).format(new Date(seconds * 1000)).replace(' ', 'T');
  return Math.round((Date.parse(`${shown}Z`) - seconds * 1000) / 60000) * 60;
}

export function value(what) {
  if (what === null || what === undefined) return '–';
  if (typeof what !== 'number') return typeof what === 'object' ? JSON.stringify(what) : String(what);
  return Number.isInteger(what) ? count(what) : String(Number(what.toPrecision(6)));
}

export const withUnit = (what, unit) => (unit ? `${value(what)} ${unit}` : value(what));

export function gapText(gap) {
  const length = gap.seconds !== null && gap.seconds > 0 ? duration(gap.seconds) : '';
  if (gap.missing === -1) return `The frame number ${gap.after.number} is repeated${length && `, after ${length}`}`;
  if (gap.missing < 0) return `The frame number goes back from ${gap.before.number} to ${gap.after.number}${length && `, after ${length}`}`;
  if (!gap.missing) return `An interval of ${length} before frame ${gap.after.number}`;
  const missing = gap.missing === 1 ? '1 frame is' : `${count(gap.missing)} frames are`;
  return `${missing} missing before frame ${gap.after.number}${length && ` (${length})`}`;
}

// What playing shows: images a second, frames that are skipped, frames that cannot be read.
export function pace({ shown, every, unreadable }) {
  const skipped = every > 1 ? `1 frame of ${every}` : 'every frame';
  return `${shown} images a second, ${unreadable ? `${skipped} but ${unreadable} that cannot be read` : skipped}`;
}

const FEW = 4; // numbers that are named

// Which frames playing could not show.
export function unreadable(numbers) {
  if (numbers.length === 1) return `Frame ${numbers[0]} cannot be read.`;
  const named = numbers.slice(0, FEW).join(', ');
  return `${count(numbers.length)} frames cannot be read: ${named}${numbers.length > FEW ? ' and others' : ''}.`;
}
