import { describe, expect, test } from 'vitest';
import { sampleProgress, sampleReceipt } from '../../test/doubles/cli-samples.ts';
import type { LiveMessages } from '../client/client.ts';
import type { LiveMessage } from '../contract/live.ts';
import type { MigrationView } from '../contract/migrations.ts';
import { type ErrorCode, GodwitError } from '../model/errors.ts';
import { type Follower, followMigration } from './follow-migration.ts';

const ENDED: MigrationView = { state: 'ended', receipt: sampleReceipt() as never };
const OPEN: MigrationView = { state: 'open', progress: sampleProgress() as never };

const EMPTY_SNAPSHOT: LiveMessage = {
  ...{ type: 'snapshot', part: 1, parts: 1, node: 'node1', fresh: false },
  ...{ vms: [], nodes: [], migrations: [], cluster: null, loads: [] },
};

function failing(code: ErrorCode) {
  return () => Promise.reject(new GodwitError({ code, message: 'gone', state: '', nextStep: '' }));
}

/** A node that answers as told and says on its live channel what it is told to. */
function follower(ask: () => Promise<unknown>, say: (live: LiveMessages) => void = () => undefined): Follower {
  return {
    call: () => ask() as never,
    live: (live) => {
      queueMicrotask(() => say(live));
      return { close: () => undefined };
    },
  };
}

function follow(followers: readonly Follower[], patienceMs = 1000) {
  const shown: number[] = [];
  const notes: string[] = [];
  const receipt = followMigration({
    id: sampleReceipt().id,
    vm: 'WebServer',
    followers,
    onProgress: (progress) => void shown.push(progress.elapsedMs),
    onNote: (note) => void notes.push(note),
    periodMs: 2,
    patienceMs,
  });
  return { receipt, shown, notes };
}

describe('followMigration', () => {
  test('takes progress and the receipt from the live channel', async () => {
    const never = () => new Promise<never>(() => undefined);
    const node = follower(
      // The first question is on its way while the live channel opens.
      () => Promise.race([never(), Promise.resolve(OPEN)]),
      (live) => {
        live.onMessage({
          type: 'migration',
          migration: { state: 'open', progress: sampleProgress({ elapsedMs: 1600 }) as never },
        });
        live.onMessage({ type: 'migration', migration: ENDED });
      },
    );
    const { receipt, shown } = follow([node]);
    expect((await receipt).outcome).toBe('completed');
    expect(shown).toContain(1600);
  });

  test('waits for a receipt that is still being measured', async () => {
    const unfinished: MigrationView = {
      state: 'ended',
      receipt: { ...sampleReceipt(), complete: false, networkGapMs: null } as never,
    };
    const finished: MigrationView = { state: 'ended', receipt: { ...sampleReceipt(), networkGapMs: 61 } as never };
    let asked = 0;
    const node = follower(() => Promise.resolve(++asked < 3 ? unfinished : finished));
    expect((await follow([node]).receipt).networkGapMs).toBe(61);
  });

  test('asks while the live channel is broken', async () => {
    const answers = [OPEN, OPEN, ENDED];
    const node = follower(
      () => Promise.resolve(answers.shift()),
      (live) => live.onClose('broken'),
    );
    expect((await follow([node]).receipt).id).toBe(sampleReceipt().id);
  });

  test('goes on with another node when the one that serves dies', async () => {
    const dead = follower(failing('CLUSTER_UNREACHABLE'), (live) => live.onClose('refused'));
    const alive = follower(() => Promise.resolve(ENDED));
    const { receipt, notes } = follow([dead, alive]);
    expect((await receipt).outcome).toBe('completed');
    expect(notes.join()).toContain('does not answer any more');
  });

  test('leaves a node that has lost the store', async () => {
    const stale = follower(
      () => Promise.resolve(OPEN),
      (live) => live.onMessage(EMPTY_SNAPSHOT),
    );
    const current = follower(() => Promise.resolve(ENDED));
    expect((await follow([stale, current]).receipt).outcome).toBe('completed');
  });

  test('waits for a node that has not heard of the migration yet', async () => {
    let asked = 0;
    const late = follower(() => {
      asked += 1;
      return asked < 3 ? failing('MIGRATION_NOT_FOUND')() : Promise.resolve(ENDED);
    });
    expect((await follow([late]).receipt).outcome).toBe('completed');
  });

  test('never shows older progress after newer', async () => {
    const views = [1500, 1200, 1800].map((elapsedMs) => ({ state: 'open', progress: sampleProgress({ elapsedMs }) }));
    const answers: unknown[] = [...views, ENDED];
    const { receipt, shown } = follow([follower(() => Promise.resolve(answers.shift()))]);
    await receipt;
    expect(shown).toEqual([1500, 1800]);
  });

  test('gives up when no node has answered for long, and says that the migration does not', async () => {
    const dead = follower(failing('CLUSTER_UNREACHABLE'));
    await expect(follow([dead, dead], 20).receipt).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      state: expect.stringContaining('goes on'),
      nextStep: expect.stringContaining('godwit migration show'),
    });
  });
});
