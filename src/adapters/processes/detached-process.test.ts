import { expect, it } from 'vitest';
import { isAlive, parseProcessStat, processIdentity } from './detached-process.ts';

it('a process name with spaces and parentheses does not shift the fields', () => {
  const rest = Array.from({ length: 18 }, (_, index) => String(index + 4)).join(' ');
  expect(parseProcessStat(`42 (a) b (c)) S ${rest} 12345 0 0`)).toEqual({ state: 'S', startTime: '12345' });
});

it('this process is alive, and a process that had its pid before is not', () => {
  const own = processIdentity(process.pid);
  expect(own && isAlive(own)).toBe(true);
  expect(isAlive({ pid: process.pid, startTime: '1' })).toBe(false);
});
