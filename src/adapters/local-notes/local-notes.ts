import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalNotes } from '../../ports/notes.ts';

interface StoredNote {
  readonly value: unknown;
  /** SHA-256 of the value's JSON: a file that a failing disk has changed is no note. */
  readonly sha256: string;
}

/**
 * Notes as files `<name>.json` in a directory, which is made if it is missing. Names are letters, digits, `-`, `_` and `.`; anything
 * else throws: it is a bug. Values are JSON. One process writes; of two writes of one note the later one stays.
 */
export function createLocalNotes(directory: string): LocalNotes {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lastWrites = new Map<string, Promise<void>>();
  return {
    read: (name) => readNote(pathOf(directory, name)),
    write: (name, value) => {
      const path = pathOf(directory, name);
      const text = encode(value);
      // One after the other: two writes of a note share its draft, and the order of the calls has to be that on disk.
      const before = lastWrites.get(name) ?? Promise.resolve();
      const written = before.catch(() => undefined).then(() => replaceFile(directory, path, text));
      lastWrites.set(name, written);
      return written;
    },
  };
}

function pathOf(directory: string, name: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(name)) throw new Error(`"${name}" cannot be the name of a note.`);
  return join(directory, `${name}.json`);
}

function encode(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return `{"sha256":"${sha256(text)}","value":${text}}\n`;
}

function readNote(path: string): unknown {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as StoredNote;
    return note.sha256 === sha256(JSON.stringify(note.value)) ? note.value : undefined;
  } catch {
    // There is none, it cannot be read, or it is no JSON.
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** After a crash at any point there is the old note or the new one, whole. */
async function replaceFile(directory: string, path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  // The new name is on disk only once its directory is.
  const parent = await open(directory, 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
