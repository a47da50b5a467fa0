import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import { KnownRevisions } from './known-revisions.ts';

function machine() {
  const disk = new Map<string, unknown>();
  const writes: string[] = [];
  const faults = { diskIsFull: false };
  const notes: LocalNotes = {
    read: (name) => disk.get(name),
    write: async (name, value) => {
      writes.push(name);
      if (faults.diskIsFull) throw new Error('no space');
      disk.set(name, structuredClone(value));
    },
  };
  const errors: string[] = [];
  const log: Log = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) };
  const clock = new ManualClock();
  const agent = (cluster = 'A7:35') => new KnownRevisions({ cluster, notes, clock, log });
  return { disk, writes, faults, errors, clock, agent };
}

const read = (known: string, revision: string) => ({ known, revision, through: 'read' as const });
const logged = (known: string, revision: string) => ({ known, revision, through: 'log' as const });

describe('the newest revision of the store that a machine has seen', () => {
  test('grows with the answers; one that was overtaken is believed and changes nothing', () => {
    const known = machine().agent();
    expect(known.take(logged('0', '120'))).toBe('believe');
    expect(known.take(read('0', '99'))).toBe('believe');
    expect(known.newest()).toBe('120');
    expect(known.goneBack()).toBeNull();
  });

  test('is noted every few seconds, not with every answer', async () => {
    const { agent, clock, disk, writes } = machine();
    const known = agent();
    for (let revision = 1; revision <= 50; revision += 1) known.take(logged('0', String(revision)));
    expect(writes).toHaveLength(0);
    clock.advance(5000);
    expect(writes).toEqual(['store-revision']);
    expect(disk.get('store-revision')).toMatchObject({ newest: '50' });
    clock.advance(60_000);
    expect(writes).toHaveLength(1);
  });

  test('a store that has gone back is refused for good, by the next agent too, until the note is moved away', async () => {
    const { agent, clock, disk, errors } = machine();
    const known = agent();
    known.take(logged('0', '1200'));
    expect(known.take(logged('1200', '950'))).toBe('refuse');
    expect(errors).toHaveLength(1);
    expect(known.goneBack()?.message).toContain('revision 950, and revision 1200 was seen');
    // It has grown past what was known meanwhile: it is still another one.
    expect(known.take(logged('1200', '1300'))).toBe('refuse');
    expect(known.newest()).toBe('1200');
    clock.advance(10_000);
    const next = agent();
    expect(next.goneBack()?.message).toContain('revision 950');
    expect(next.take(logged('1200', '1300'))).toBe('refuse');
    disk.clear();
    expect(agent().take(logged('0', '950'))).toBe('believe');
  });

  test('that it has gone back is noted as soon as the disk takes it', async () => {
    const { agent, clock, faults } = machine();
    const known = agent();
    known.take(logged('0', '1200'));
    faults.diskIsFull = true;
    known.take(logged('1200', '950'));
    await Promise.resolve();
    expect(agent().goneBack()).toBeNull();
    faults.diskIsFull = false;
    await new Promise(setImmediate);
    clock.advance(5000);
    await new Promise(setImmediate);
    expect(agent().goneBack()?.message).toContain('revision 950');
  });

  test('an agent that was started after the store was set back knows it by its note, at the first answer', async () => {
    const { agent, clock } = machine();
    agent().take(logged('0', '1200'));
    clock.advance(5000);
    const next = agent();
    expect(next.newest()).toBe('1200');
    expect(next.take(logged(next.newest(), '950'))).toBe('refuse');
  });

  test('a read alone proves nothing', () => {
    const known = machine().agent();
    known.take(logged('0', '1200'));
    expect(known.take(read('1200', '950'))).toBe('ask-again');
    expect(known.goneBack()).toBeNull();
    expect(known.take(logged('1200', '1201'))).toBe('believe');
  });

  test.each([
    ['of another cluster', { cluster: 'B0:11', newest: '5000', goneBack: 'it was' }],
    ['that is no text', { cluster: 'A7:35', newest: 12, goneBack: null }],
    ['that is no number', { cluster: 'A7:35', newest: 'x', goneBack: null }],
    ['of somebody else', ['store']],
    ['that is damaged', undefined],
  ])('a note %s says nothing', (_what, note) => {
    const { agent, disk } = machine();
    disk.set('store-revision', note);
    const known = agent();
    expect(known.newest()).toBe('0');
    expect(known.goneBack()).toBeNull();
  });
});
