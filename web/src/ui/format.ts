// Figures as the user reads them, in the language of the page. Units are named in the parameter.
import { currentLanguage } from '../text/i18n.ts';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: digits }).format(value);
}

/** "1.5 GiB". */
export function formatBytes(bytes: number): string {
  const step = bytes <= 0 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * step);
  return `${number(value, value < 10 && step > 0 ? 1 : 0)} ${BYTE_UNITS[step]}`;
}

/** "112 MB/s": rates of links are in powers of ten, as everybody quotes them. */
export function formatRate(bytesPerSecond: number): string {
  const units = ['B/s', 'kB/s', 'MB/s', 'GB/s'] as const;
  const step = bytesPerSecond < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytesPerSecond) / 3));
  const value = bytesPerSecond / 1000 ** step;
  return `${number(value, value < 10 && step > 0 ? 1 : 0)} ${units[step]}`;
}

/** "31.4 ms", "2.3 s", "4 min 10 s". */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${number(ms, ms < 100 ? 1 : 0)} ms`;
  if (ms < 60_000) return `${number(ms / 1000, ms < 10_000 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${number(Math.floor(seconds / 60))} min ${seconds % 60} s`;
  return `${number(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export function formatPercent(ratio: number): string {
  return new Intl.NumberFormat(currentLanguage(), { style: 'percent', maximumFractionDigits: 0 }).format(ratio);
}

/** The time of day for today, with the date for other days. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(currentLanguage(), {
    ...(!today && { dateStyle: 'short' }),
    timeStyle: 'medium',
  }).format(time);
}

export function formatDateTime(iso: string): string {
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
}
