/**
 * What an agent notes of a rehearsal (see dirty-tracking.ts) in the instance's directory, for the next agent: QEMU itself does
 * not tell its transfer from one that moves the guest.
 */
import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { InstancePaths } from './instance-notes.ts';

/**
 *     none ──► begun ──► ended ──► superseded
 *
 * - `begun`: whatever QEMU says of an outgoing transfer is about the rehearsal; one that is under way with no agent is cancelled.
 * - `ended`: what QEMU says is still about the rehearsal, until a migration begins.
 * - `superseded`: written ahead of the migration's first command; from then on QEMU speaks of the migration.
 */
export type RehearsalNote = 'none' | 'begun' | 'ended' | 'superseded';

const NOTES: ReadonlySet<string> = new Set(['begun', 'ended', 'superseded'] satisfies RehearsalNote[]);

export function readRehearsalNote({ rehearsal }: InstancePaths): RehearsalNote {
  try {
    const file = lstatSync(rehearsal);
    // QEMU may make files in this directory, and has no say in this.
    if (!file.isFile() || file.uid !== process.getuid?.()) return 'none';
    const text = readFileSync(rehearsal, 'utf8');
    return NOTES.has(text) ? (text as RehearsalNote) : 'none';
  } catch {
    // It is not there: there was no rehearsal, or the whole instance is gone.
    return 'none';
  }
}

/** Replaced as a whole. Throws what the file system says. */
export function writeRehearsalNote({ rehearsal }: InstancePaths, note: RehearsalNote): void {
  if (note === 'none') {
    rmSync(rehearsal, { force: true });
    return;
  }
  const draft = `${rehearsal}.new`;
  rmSync(draft, { force: true });
  // `wx` follows no link that QEMU may have put there.
  writeFileSync(draft, note, { mode: 0o600, flag: 'wx' });
  renameSync(draft, rehearsal);
}
