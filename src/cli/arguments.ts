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

export function rateArgument(text: string): number {
  return required(parseBitRate(text), 'It is not a rate such as 500mbit or 1gbit.');
}

export function countArgument(text: string): number {
  return required(/^\d+$/.test(text) ? Number(text) : undefined, 'It is not a whole number.');
}

function required(value: number | undefined, complaint: string): number {
  if (value === undefined) throw new InvalidArgumentError(complaint);
  return value;
}
