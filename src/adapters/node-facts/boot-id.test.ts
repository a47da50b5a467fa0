import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBootId, readOrMakeBootId } from './boot-id.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'godwit-boot-id-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('readBootId', () => {
  test('gives the same id as long as the runtime directory lives', async () => {
    const first = await readBootId(directory);
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(await readBootId(directory)).toBe(first);
    expect(await readdir(directory)).toEqual(['boot-id']);
  });

  test('gives another id once the runtime directory was emptied, although the kernel is the same', async () => {
    const first = await readBootId(directory);
    await rm(join(directory, 'boot-id'));
    expect(await readBootId(directory)).not.toBe(first);
  });

  test('gives another id under another kernel, although the file survived', async () => {
    const first = await readOrMakeBootId(directory, 'kernel-1');
    expect(await readOrMakeBootId(directory, 'kernel-2')).not.toBe(first);
  });

  test('agrees with itself when two ask at once', async () => {
    const ids = await Promise.all([readBootId(directory), readBootId(directory), readBootId(directory)]);
    expect(new Set(ids).size).toBe(1);
  });

  test('replaces a damaged file', async () => {
    await writeFile(join(directory, 'boot-id'), '');
    expect(await readBootId(directory)).toMatch(/^[0-9a-f-]{36}$/);
  });
});
