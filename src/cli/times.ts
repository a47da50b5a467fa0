const STEPS: readonly (readonly [upToSeconds: number, divisor: number, unit: string])[] = [
  [90, 1, 's'],
  [90 * 60, 60, 'min'],
  [36 * 3600, 3600, 'h'],
  [Number.POSITIVE_INFINITY, 86_400, 'days'],
];

/** "3 min ago"; "just now" below two seconds. A time ahead of this clock is shown as it is. */
export function ago(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  if (Number.isNaN(seconds)) return iso;
  if (seconds < -5) return iso;
  if (seconds < 2) return 'just now';
  for (const [upToSeconds, divisor, unit] of STEPS) {
    if (seconds < upToSeconds) return `${Math.floor(seconds / divisor)} ${unit} ago`;
  }
  return iso;
}

/** "2026-11-23 10:00:01 UTC" */
export function formatTime(iso: string): string {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? iso : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
