const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** A duration as kubectl shows it: the two largest units, the second one only while the first is small. */
export function humanDuration(durationMs: number): string {
  if (durationMs < -second) return '<invalid>';
  if (durationMs < second) return '0s';
  const seconds = Math.floor(durationMs / second);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(durationMs / minute);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(durationMs / hour);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(durationMs / day);
  if (hours < 192) return withRest(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.floor(hours / 24 / 365);
  if (hours < 24 * 365 * 8) return withRest(years, 'y', days % 365, 'd');
  return `${years}y`;
}

const withRest = (first: number, firstUnit: string, rest: number, restUnit: string): string =>
  rest === 0 ? `${first}${firstUnit}` : `${first}${firstUnit}${rest}${restUnit}`;

/** Time since an RFC 3339 timestamp. */
export function age(since: unknown, nowMs: number): string {
  const sinceMs = typeof since === 'string' ? Date.parse(since) : Number.NaN;
  return Number.isNaN(sinceMs) ? '<unknown>' : humanDuration(nowMs - sinceMs);
}
