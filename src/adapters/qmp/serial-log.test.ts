import { appendFileSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { beginSerialLog, readSerialEnd, serialLogPath, trimSerialLog } from './serial-log.ts';

const MEBIBYTE = 1024 * 1024;
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-serial-'));
  path = serialLogPath(directory, 'WebServer');
});

afterEach(() => rmSync(directory, { recursive: true }));

test('each start begins a new file, and a few old ones are kept', () => {
  for (const text of ['one', 'two', 'three', 'four', 'five']) {
    beginSerialLog(path, null);
    beginSerialLog(path, null); // A QEMU that wrote nothing leaves nothing to keep.
    expect(statSync(path).size).toBe(0);
    appendFileSync(path, text);
  }
  expect(readdirSync(directory)).toHaveLength(4);
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('four');
  expect(readFileSync(`${path}.3`, 'utf8')).toBe('two');
});

test('a file that is too large is emptied behind the back of who appends to it', async () => {
  const qemu = openSync(path, 'a');
  writeSync(qemu, 'x'.repeat(MEBIBYTE));
  await trimSerialLog(path);
  expect(statSync(path).size).toBe(MEBIBYTE);
  writeSync(qemu, 'last');
  await trimSerialLog(path);
  writeSync(qemu, 'next');
  expect(readFileSync(path, 'utf8')).toBe('next');
  expect(readFileSync(`${path}.1`, 'utf8').endsWith('last')).toBe(true);
});

test('its end can be read, also where there is no file', () => {
  expect(readSerialEnd(path, 10)).toHaveLength(0);
  appendFileSync(path, '0123456789abc');
  expect(Buffer.from(readSerialEnd(path, 5)).toString()).toBe('89abc');
  expect(Buffer.from(readSerialEnd(path, 500)).toString()).toBe('0123456789abc');
});
