import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testDefinition } from '../../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../../test/doubles/manual-clock.ts';
import type { VmDefinition } from '../../model/vm.ts';
import { DirtyTracking } from './dirty-tracking.ts';
import { type InstancePaths, instancePaths } from './instance-notes.ts';

let [directory, paths]: [string, InstancePaths] = ['', instancePaths('', '')];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-rehearsal-'));
  paths = instancePaths(directory, 'i1');
  mkdirSync(paths.directory, { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Sleeping takes its time. */
class SlowClock extends ManualClock {
  override sleep(ms = 0): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }
}

interface FakeQemu {
  status: string | undefined;
  /** Whether it gets out of a transfer when it is told to. */
  obeys: readonly string[];
  guest: string;
}

/** A QEMU that looks for as long as nobody sets its status. */
function tracking(
  changes: Partial<FakeQemu> & { readonly definition?: Partial<VmDefinition>; migrates?: boolean } = {},
) {
  const qemu: FakeQemu = { status: undefined, obeys: ['migrate_cancel'], guest: 'running', ...changes };
  const asked: string[] = [];
  const clock = new SlowClock();
  const tracked = new DirtyTracking({
    ask: async (command) => {
      if (command === 'query-migrate') return { status: qemu.status };
      asked.push(command);
      if (command === 'query-status') return { status: qemu.guest };
      if (command === 'migrate') qemu.status = 'setup';
      if (qemu.obeys.includes(command)) qemu.status = 'cancelled';
      return {};
    },
    ...{ clock, paths, log: { debug() {}, info() {}, warn() {}, error() {} } },
    definition: { ...testDefinition('WebServer'), ...changes.definition },
    migrates: () => changes.migrates ?? false,
  });
  /** Lets that much time pass, in ms, with what is waited for in between. */
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      clock.advance(50);
    }
  };
  return { tracked, qemu, asked, pass };
}

const note = () => (existsSync(paths.rehearsal) ? readFileSync(paths.rehearsal, 'utf8') : 'none');

describe('preparing dirty tracking', () => {
  test('begins a transfer to nowhere, and cancels it once QEMU has looked', async () => {
    const { tracked, qemu, asked, pass } = tracking();
    const prepared = tracked.prepare();
    await pass(200);
    expect([tracked.underWay, tracked.hidesTransfer, note()]).toEqual([true, true, 'begun']);
    expect(asked.at(-1)).toBe('migrate');
    qemu.status = 'active';
    await pass(200);
    await prepared;
    expect(asked.slice(-3)).toEqual(['migrate_cancel', 'migrate-set-capabilities', 'migrate-set-parameters']);
    expect([tracked.underWay, tracked.hidesTransfer, note()]).toEqual([false, true, 'ended']);
    await tracked.prepare();
    await tracked.makeWay();
    expect([tracked.hidesTransfer, note()]).toEqual([false, 'superseded']);
    expect(asked.filter((command) => command === 'migrate')).toHaveLength(1);
  });

  test.each([
    ['under KVM', { definition: { accelerator: 'kvm' } }, 0],
    ['with free-page hinting', { definition: { freePageHinting: true } }, 0],
    ['during a migration', { migrates: true }, 0],
    ['while the guest does not run', { guest: 'paused' }, 1],
    ['when QEMU knows of a transfer that nobody noticed', { status: 'active' }, 1],
  ] as const)('is not done %s', async (_when, changes, questions) => {
    const { tracked, asked } = tracking(changes);
    await tracked.prepare();
    expect(asked).toHaveLength(questions);
    expect(asked).not.toContain('migrate_cancel');
    expect(note()).toBe('none');
  });

  test('is not begun any more when a migration is wanted meanwhile', async () => {
    const { tracked, asked } = tracking();
    const prepared = tracked.prepare();
    await tracked.makeWay();
    await prepared;
    expect(asked).not.toContain('migrate');
    expect(note()).toBe('none');
  });

  test('is cancelled by a migration that has waited a second for it, and cut if that does not help', async () => {
    const { tracked, asked, pass } = tracking({ obeys: ['yank'] });
    const prepared = tracked.prepare();
    await pass(100);
    const free = tracked.makeWay();
    await pass(900);
    expect(asked).not.toContain('migrate_cancel');
    await pass(1000);
    await Promise.all([free, prepared]);
    expect(asked).toEqual(expect.arrayContaining(['migrate_cancel', 'yank']));
    expect(note()).toBe('superseded');
  });

  test('that QEMU does not get out of lets no migration begin, until it does', async () => {
    const { tracked, qemu, pass } = tracking({ obeys: [] });
    const prepared = tracked.prepare();
    await pass(100);
    const refused = expect(tracked.makeWay()).rejects.toThrow('does not get out');
    await pass(8000);
    await Promise.all([refused, prepared]);
    expect([tracked.underWay, note()]).toEqual([false, 'begun']);
    qemu.status = 'failed';
    await tracked.makeWay();
    expect(note()).toBe('superseded');
  });
});

describe('a note of another agent', () => {
  test('that a rehearsal began: it is cancelled, and not repeated', async () => {
    writeFileSync(paths.rehearsal, 'begun');
    const { tracked, asked } = tracking({ status: 'active' });
    await tracked.prepare();
    expect(asked).toEqual([]);
    await tracked.settle();
    expect(asked[0]).toBe('migrate_cancel');
    expect(note()).toBe('ended');
  });

  test('that it began is all that came of it: nothing remains', async () => {
    writeFileSync(paths.rehearsal, 'begun');
    const { tracked, asked } = tracking();
    await tracked.settle();
    expect(asked).not.toContain('migrate_cancel');
    expect([tracked.hidesTransfer, note()]).toEqual([false, 'none']);
  });

  test.each(['ended', 'superseded', ''])(
    'that says "%s": a transfer that is under way is a migration',
    async (text) => {
      writeFileSync(paths.rehearsal, text);
      const { tracked, asked } = tracking({ status: 'active' });
      await tracked.settle();
      expect(asked).toEqual([]);
    },
  );
});
