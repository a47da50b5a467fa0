import { describe, expect, test } from 'vitest';
import { decideMigration } from './decide.ts';
import type { MigrationObservation, MigrationState } from './migration.ts';
import { MIGRATION_PHASES, type MigrationPhase } from './phases.ts';

const seen: MigrationObservation = {
  sourceAlive: true,
  guestRunsOnSource: true,
  sourceStatus: 'none',
  committed: false,
  transferStarted: false,
  connected: false,
  stoppedForMs: null,
  silentForMs: null,
  destination: 'unknown',
  destinationMayHaveRun: true,
  sourceChecked: false,
  destinationPrepared: false,
  cancelRequested: null,
  waitingFor: null,
  gaveUp: null,
  expectedBlackoutMs: 45,
};

function state(phase: MigrationPhase, more: Partial<MigrationState> = {}): MigrationState {
  return { phase, aborting: null, destinationDiscarded: false, announceNeeded: false, ...more };
}

const aborting = { outcome: 'failed', reason: 'why not' } as const;
const copying = {
  ...seen,
  transferStarted: true,
  connected: true,
  sourceStatus: 'active',
  sourceChecked: true,
  destinationPrepared: true,
} as const;

describe('decideMigration', () => {
  test('waits in phase 1 while others use the link, and can be cancelled there', () => {
    const checked = { ...seen, sourceChecked: true };
    const waiting = { ...checked, waitingFor: 'WebServer uses 93 % of the link' };
    expect(decideMigration(state('pre-migration'), waiting)).toEqual({
      kind: 'wait',
      reason: 'WebServer uses 93 % of the link',
    });
    expect(decideMigration(state('pre-migration'), { ...waiting, cancelRequested: 'by the user' }).kind).toBe('abort');
    expect(decideMigration(state('pre-migration'), checked).kind).toBe('advance');
  });

  test('does not begin a transfer that cannot keep the budget', () => {
    expect(decideMigration(state('pre-migration'), { ...seen, gaveUp: 'the budget is 5 ms' })).toMatchObject({
      kind: 'abort',
      outcome: 'failed',
      reason: 'the budget is 5 ms',
    });
  });

  test('walks an undisturbed migration from the first check to the hand-over', () => {
    const commands = [
      decideMigration(state('pre-migration'), seen),
      decideMigration(state('reservation'), { ...seen, sourceChecked: true }),
      decideMigration(state('iterative-pre-copy'), { ...seen, sourceChecked: true, destinationPrepared: true }),
      decideMigration(state('commitment-and-activation'), { ...copying, committed: true }),
      decideMigration(state('commitment-and-activation'), { ...copying, committed: true, destination: 'running' }),
      decideMigration(state('commitment-and-activation'), {
        ...copying,
        committed: true,
        destination: 'running',
        sourceAlive: false,
      }),
    ].map((decision) => (decision.kind === 'run' ? decision.command : decision.kind));
    expect(commands).toEqual([
      'check-source',
      'prepare-destination',
      'start-transfer',
      'send-go',
      'retire-source',
      'hand-over-ownership',
    ]);
  });

  test('sends GO in no phase and no state before the source has completed', () => {
    const statuses = [
      'none',
      'setup',
      'active',
      'pre-switchover',
      'device',
      'failed',
      'cancelling',
      'cancelled',
    ] as const;
    for (const { phase } of MIGRATION_PHASES.slice(0, 4)) {
      for (const sourceStatus of statuses) {
        for (const destination of ['unknown', 'receiving', 'loaded', 'dead', 'absent'] as const) {
          for (const abort of [null, aborting]) {
            const decision = decideMigration(state(phase, { aborting: abort }), {
              ...copying,
              sourceStatus,
              destination,
            });
            expect(decision).not.toMatchObject({ command: 'send-go' });
            expect(decision).not.toMatchObject({ command: 'hand-over-ownership' });
          }
        }
      }
    }
  });

  test('never lets the source continue after the commit point unless the destination is dead and never ran', () => {
    for (const destination of ['unknown', 'receiving', 'loaded', 'running', 'absent', 'dead'] as const) {
      for (const destinationMayHaveRun of [true, false]) {
        for (const abort of [null, aborting]) {
          const decision = decideMigration(state('commitment-and-activation', { aborting: abort }), {
            ...copying,
            ...{
              committed: true,
              sourceStatus: 'completed',
              destination,
              destinationMayHaveRun,
              guestRunsOnSource: false,
            },
          });
          const command = decision.kind === 'run' ? decision.command : '';
          expect(['cancel-transfer', 'close-intent', 'discard-destination']).not.toContain(command);
          const provenDead = (destination === 'absent' || destination === 'dead') && !destinationMayHaveRun;
          expect(command === 'close-intent-and-continue-source').toBe(provenDead);
        }
      }
    }
  });

  test('takes back a cancel that crosses the commit point', () => {
    const late = { ...copying, committed: true, cancelRequested: 'changed my mind' };
    expect(
      decideMigration(state('stop-and-copy', { aborting: { outcome: 'cancelled', reason: 'x' } }), late),
    ).toMatchObject({
      kind: 'advance',
      to: 'commitment-and-activation',
    });
  });

  test('cancels in every phase before the commit point', () => {
    for (const { phase } of MIGRATION_PHASES.slice(0, 4)) {
      expect(decideMigration(state(phase), { ...copying, cancelRequested: 'by the user' })).toMatchObject({
        kind: 'abort',
        outcome: 'cancelled',
      });
    }
  });

  test('takes back a switchover that does not end, and waits for one that may still', () => {
    const stopped = { ...copying, guestRunsOnSource: false };
    expect(decideMigration(state('stop-and-copy'), { ...stopped, stoppedForMs: 1400 }).kind).toBe('wait');
    expect(decideMigration(state('stop-and-copy'), { ...stopped, stoppedForMs: 1501 }).kind).toBe('abort');
  });

  test('gives up a transfer over a broken network', () => {
    expect(decideMigration(state('iterative-pre-copy'), { ...copying, silentForMs: 10_001 })).toMatchObject({
      kind: 'abort',
    });
    expect(decideMigration(state('iterative-pre-copy'), { ...copying, silentForMs: 9000 }).kind).toBe('wait');
  });

  test('gives up a destination that is gone before QEMU was connected to it', () => {
    const connecting = { ...copying, connected: false } as const;
    for (const sourceStatus of ['none', 'setup'] as const) {
      const decide = (more: Partial<MigrationObservation>) =>
        decideMigration(state('iterative-pre-copy'), { ...connecting, sourceStatus, ...more });
      expect(decide({}).kind).toBe('wait');
      expect(decide({ destination: 'dead' })).toMatchObject({ kind: 'abort', outcome: 'failed' });
      // A large guest's memory is looked through first.
      expect(decide({ silentForMs: 59_000 }).kind).toBe('wait');
      expect(decide({ silentForMs: 60_001 })).toMatchObject({ kind: 'abort', outcome: 'failed' });
    }
  });

  test('follows an idle guest that was committed before the policy had spoken', () => {
    expect(
      decideMigration(state('iterative-pre-copy'), { ...copying, committed: true, sourceStatus: 'completed' }),
    ).toMatchObject({
      kind: 'advance',
      to: 'commitment-and-activation',
    });
  });

  describe('undo', () => {
    const undo = (more: Partial<MigrationObservation>, flags: Partial<MigrationState> = {}) => {
      const decision = decideMigration(state('stop-and-copy', { aborting, ...flags }), { ...copying, ...more });
      return decision.kind === 'run' ? decision.command : decision.kind;
    };

    test('does not wait for a connect that QEMU cannot break off', () => {
      const connecting = { connected: false, guestRunsOnSource: true } as const;
      expect(undo({ ...connecting, sourceStatus: 'setup' })).toBe('cancel-transfer');
      expect(undo({ ...connecting, sourceStatus: 'cancelling' })).toBe('discard-destination');
      expect(undo({ ...connecting, sourceStatus: 'cancelling' }, { destinationDiscarded: true })).toBe('close-intent');
      expect(undo({ connected: true, guestRunsOnSource: true, sourceStatus: 'cancelling' })).toBe('cancel-transfer');
    });

    test('cancels, waits for the guest, announces it, discards the copy, closes the intent: in this order', () => {
      expect(undo({ guestRunsOnSource: false })).toBe('cancel-transfer');
      expect(undo({ guestRunsOnSource: false, sourceStatus: 'cancelled' })).toBe('wait');
      expect(undo({ sourceStatus: 'cancelled' }, { announceNeeded: true })).toBe('announce-source');
      expect(undo({ sourceStatus: 'cancelled' })).toBe('discard-destination');
      expect(undo({ sourceStatus: 'cancelled' }, { destinationDiscarded: true })).toBe('close-intent');
    });

    test('asks the destination before anything else when the source has died: GO may have been sent by an earlier agent', () => {
      expect(undo({ sourceAlive: false })).toBe('ask-destination');
      expect(undo({ sourceAlive: false, destination: 'running' })).toBe('hand-over-ownership');
      expect(undo({ sourceAlive: false, destination: 'loaded' })).toBe('discard-destination');
      expect(undo({ sourceAlive: false, destination: 'absent' }, { destinationDiscarded: true })).toBe(
        'close-intent-as-lost',
      );
    });
  });
});
