/** Words on the command line to values with units. Throws what commander reports as wrong usage. */
import { InvalidArgumentError } from 'commander';
import { parseBitRate, parseBytes, parseMs } from '../model/units.ts';

export function sizeArgument(text: string): number {
  return required(parseBytes(text), 'It is not a size such as 256M or 8G.');
}

/** For options that may be given several times. */
export function sizesArgument(text: string, before: readonly number[]): readonly number[] {
  return [...before, sizeArgument(text)];
}

export function durationArgument(text: string): number {
  return required(parseMs(text), 'It is not a duration such as 50ms or 1.5s.');
}

/** "none" stays: a null would not get through commander. */
export function durationOrNoneArgument(text: string): number | 'none' {
  if (text === 'none') return text;
  return required(parseMs(text), 'It is neither a duration such as 50ms or 1.5s, nor "none".');
}

export function rateArgument(text: string): number {
  return required(parseBitRate(text), 'It is not a rate such as 500mbit or 1gbit.');
}

/** Something that can be read. */
export function textArgument(text: string): string {
  return required(text.trim() === '' ? undefined : text.trim(), 'It is empty.');
}

export function countArgument(text: string): number {
  return required(/^\d+$/.test(text) ? Number(text) : undefined, 'It is not a whole number.');
}

/** A parser for whole numbers from `least` to `most`, both allowed. */
export function countWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = countArgument(text);
    return required(count >= least && count <= most ? count : undefined, `It must be from ${least} to ${most}.`);
  };
}

/** For options that may be given several times, or once with commas. */
export function namesArgument(text: string, before: readonly string[] | undefined): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  return [...(before ?? []), ...names.filter((name) => name !== '')];
}

export interface NamedSize {
  readonly name: string;
  readonly sizeBytes: number;
}

/** "disk0=20G", several times. */
export function growthArgument(text: string, before: readonly NamedSize[] | undefined): readonly NamedSize[] {
  const [name, size] = required(splitPair(text), 'It is not of the form disk0=20G.');
  return [...(before ?? []), { name, sizeBytes: sizeArgument(size) }];
}

/** `key=value`, several times. */
export function pairsArgument(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const [key, value] = required(splitPair(text), 'It is not of the form key=value.');
  return { ...before, [key]: value };
}

function splitPair(text: string): readonly [string, string] | undefined {
  const at = text.indexOf('=');
  return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : undefined;
}

const AGE_FACTORS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "30m", "1h", "2d" back from now, or an ISO time, to milliseconds since 1970. */
export function sinceArgument(text: string): number {
  const age = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d)$/i.exec(text.trim());
  if (age !== null) {
    const ageMs = Number(age[1]) * (AGE_FACTORS_MS[(age[2] ?? '').toLowerCase().charAt(0)] ?? 0);
    // Before 1970 there was no event, and far before that there is no date.
    return Math.max(0, Date.now() - ageMs);
  }
  const atMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return required(
    Number.isNaN(atMs) ? undefined : atMs,
    'It is not an age such as 30m, 1h or 2d, nor a time such as 2026-11-23T10:00Z.',
  );
}

export interface HourWindow {
  readonly fromHour: number;
  readonly toHour: number;
}

/** "22-6" to hours of the day; "any" stays: a null would not get through commander. */
export function hoursArgument(text: string): HourWindow | 'any' {
  if (text === 'any') return text;
  const match = /^(\d{1,2})-(\d{1,2})$/.exec(text.trim());
  const [fromHour, toHour] = [Number(match?.[1] ?? 99), Number(match?.[2] ?? 99)];
  const fits = fromHour <= 24 && toHour <= 24 && fromHour !== toHour;
  return required(
    fits ? { fromHour, toHour } : undefined,
    'It is neither hours of the day (UTC) such as 22-6, nor "any".',
  );
}

function required<T>(value: T | undefined, complaint: string): T {
  if (value === undefined) throw new InvalidArgumentError(complaint);
  return value;
}
