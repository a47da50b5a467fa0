import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cpuCount, memoryTotalBytes } from './machine-size.ts';

test('memoryTotalBytes is what the kernel has, in bytes', () => {
  const kibibytes = /^MemTotal:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  expect(memoryTotalBytes()).toBe(Number(kibibytes) * 1024);
});

test('cpuCount is at least one', () => {
  expect(cpuCount()).toBeGreaterThanOrEqual(1);
  expect(Number.isInteger(cpuCount())).toBe(true);
});
