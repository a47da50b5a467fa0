import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLocalNotes } from './local-notes.ts';

let parent: string;
let directory: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'godwit-notes-'));
  directory = join(parent, 'notes');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const fileOf = (name: string) => join(directory, `${name}.json`);

describe('createLocalNotes', () => {
  test('keeps a note for the next agent, and nobody else can read it', async () => {
    await createLocalNotes(directory).write('votes', { node2: '17', nested: [1.5, null, 'ü'] });
    expect(createLocalNotes(directory).read('votes')).toEqual({ node2: '17', nested: [1.5, null, 'ü'] });
    expect(statSync(fileOf('votes')).mode & 0o077).toBe(0);
    expect(readdirSync(directory)).toEqual(['votes.json']);
  });

  test('has nothing to say of a note that was never written', () => {
    expect(createLocalNotes(directory).read('votes')).toBeUndefined();
  });

  test('of writes that overlap the last one stays', async () => {
    const notes = createLocalNotes(directory);
    await Promise.all(Array.from({ length: 20 }, (_, index) => notes.write('terms', { index })));
    expect(notes.read('terms')).toEqual({ index: 19 });
  });

  test.each([
    ['cut off', (path: string) => truncateSync(path, 20)],
    ['empty', (path: string) => truncateSync(path, 0)],
    ['full of zeros', (path: string) => writeFileSync(path, Buffer.alloc(100))],
    ['changed in one digit', (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('"17"', '"18"'))],
  ])('takes a file that is %s for no note, and writes it anew', async (_how, damage) => {
    const notes = createLocalNotes(directory);
    await notes.write('votes', { node2: '17' });
    damage(fileOf('votes'));
    expect(notes.read('votes')).toBeUndefined();
    await notes.write('votes', { node2: '19' });
    expect(notes.read('votes')).toEqual({ node2: '19' });
  });

  test('a draft that an agent left when it died does not matter', async () => {
    const notes = createLocalNotes(directory);
    await notes.write('votes', 1);
    writeFileSync(`${fileOf('votes')}.new`, '{"sha');
    expect(notes.read('votes')).toBe(1);
    await notes.write('votes', 2);
    expect(notes.read('votes')).toBe(2);
  });

  test('throws when it cannot be on disk, and goes on once it can', async () => {
    const notes = createLocalNotes(directory);
    rmSync(directory, { recursive: true });
    await expect(notes.write('votes', 1)).rejects.toThrow('ENOENT');
    createLocalNotes(directory);
    await notes.write('votes', 2);
    expect(notes.read('votes')).toBe(2);
  });

  test.each(['', '../votes', 'a/b', '.hidden'])('refuses "%s" as a name', (name) => {
    expect(() => createLocalNotes(directory).read(name)).toThrow('cannot be the name of a note');
  });
});
