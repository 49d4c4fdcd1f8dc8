// Text for numbers, times and durations.

const YEAR = 365 * 24 * 3600;
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

function fraction(seconds, digits) {
  const whole = Math.floor(seconds);
  return (Math.floor((seconds - whole) * 10 ** digits + 1e-4) / 10 ** digits).toFixed(digits).slice(1);
}

export function moment(seconds, zone) {
  if (seconds === null) return 'no time';
  if (!isClock(seconds)) return `${seconds.toFixed(3)} s`;
  const date = new Date(Math.floor(seconds) * 1000);
  return format(zone, { ...DATE, ...CLOCK }).format(date).replace(',', '') + fraction(seconds, 3);
}

export function tick(seconds, zone, step) {
  if (!isClock(seconds)) return `${Number(seconds.toFixed(6))} s`;
  const date = new Date(Math.floor(seconds + 1e-6) * 1000);
  if (step >= 86400) return format(zone, DATE).format(date);
  const clock = format(zone, step >= 60 ? { hour: '2-digit', minute: '2-digit' } : CLOCK).format(date);
  return step >= 1 ? clock : clock + fraction(seconds + 1e-6, step >= 0.1 ? 1 : 3);
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

export function gapText(gap) {
  const length = gap.seconds !== null && gap.seconds > 0 ? duration(gap.seconds) : '';
  if (gap.missing === -1) return `The frame number ${gap.after.number} is repeated${length && `, after ${length}`}`;
  if (gap.missing < 0) return `The frame number goes back from ${gap.before.number} to ${gap.after.number}${length && `, after ${length}`}`;
  if (!gap.missing) return `An interval of ${length} before frame ${gap.after.number}`;
  const missing = gap.missing === 1 ? '1 frame is' : `${count(gap.missing)} frames are`;
  return `${missing} missing before frame ${gap.after.number}${length && ` (${length})`}`;
}
