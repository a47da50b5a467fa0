import { describe, expect, test } from 'vitest';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { SAMPLE_PHASES, SAMPLE_ROUNDS, sampleProgress, sampleReceipt } from '../../../test/doubles/cli-samples.ts';
import { blackoutParts, drawnParts } from './blackout-parts.ts';
import { clientSight } from './client-sight.ts';
import { memoryTimeline } from './memory-timeline.ts';
import { averageRate, budgetVerdict, canBeCancelled, doneRatio, phaseSteps, waitsFor } from './migration-figures.ts';

const MEBIBYTE = 2 ** 20;
const open = (changes: Parameters<typeof sampleProgress>[0] = {}): MigrationView => ({
  state: 'open',
  progress: sampleProgress({ phases: SAMPLE_PHASES.slice(0, 3), ...changes }),
});
const ended = (changes: Parameters<typeof sampleReceipt>[0] = {}): MigrationView => ({
  state: 'ended',
  receipt: sampleReceipt(changes),
});

describe('the five phases', () => {
  const states = (view: MigrationView) => phaseSteps(view).map(({ state }) => state);

  test('while it runs, one is now, and those behind it are ahead', () => {
    expect(states(open())).toEqual(['done', 'done', 'now', 'ahead', 'ahead']);
  });

  test('all are done when it completed', () => {
    expect(states(ended())).toEqual(['done', 'done', 'done', 'done', 'done']);
  });

  test('where it ended early, the others were not reached', () => {
    const view = ended({ outcome: 'failed', endedIn: 'iterative-pre-copy', phases: SAMPLE_PHASES.slice(0, 3) });
    expect(states(view)).toEqual(['done', 'done', 'ended', 'skipped', 'skipped']);
    expect(phaseSteps(view)[3]?.durationMs).toBeNull();
  });
});

describe('progress', () => {
  test('says nothing before memory is copied, and is never complete before the end', () => {
    expect(doneRatio(sampleProgress({ phase: 'reservation' }))).toBeNull();
    expect(doneRatio(sampleProgress({ transferredBytes: 0 }))).toBeNull();
    expect(doneRatio(sampleProgress())).toBeCloseTo(0.625);
    expect(doneRatio(sampleProgress({ remainingBytes: 0 }))).toBe(0.99);
    expect(doneRatio(sampleProgress({ phase: 'commitment-and-activation' }))).toBe(0.99);
  });

  test('says what it waits for only while it waits', () => {
    const decisions = [{ at: '2026-11-23T10:00:00.000Z', what: 'wait', why: 'Database uses the link' }];
    expect(waitsFor(sampleProgress({ phase: 'pre-migration', decisions }))).toBe('Database uses the link');
    expect(waitsFor(sampleProgress({ decisions }))).toBeNull();
  });

  test('it can be cancelled up to the commit point', () => {
    expect(canBeCancelled(sampleProgress({ phase: 'stop-and-copy' }))).toBe(true);
    expect(canBeCancelled(sampleProgress({ phase: 'commitment-and-activation' }))).toBe(false);
  });
});

test('a budget is kept, was widened with leave, or was exceeded', () => {
  expect(budgetVerdict(sampleReceipt())).toBe('kept');
  expect(budgetVerdict(sampleReceipt({ blackoutMs: 80, budgetUsedMs: 100 }))).toBe('widened');
  expect(budgetVerdict(sampleReceipt({ blackoutMs: 80 }))).toBe('exceeded');
  expect(budgetVerdict(sampleReceipt({ blackoutMs: null }))).toBeNull();
});

test('the average rate counts the time in which something was sent', () => {
  expect(averageRate(sampleReceipt())).toBeCloseTo((254_803_968 / 2418.2) * 1000, 0);
  expect(averageRate(sampleReceipt({ transferredBytes: null }))).toBeNull();
});

describe('memory over time', () => {
  test('is a saw: in each round what is left falls to nothing, then what was rewritten is left', () => {
    const timeline = memoryTimeline(ended());
    expect(timeline?.leftBytes).toEqual([256 * MEBIBYTE, 0, 12 * MEBIBYTE, 0, MEBIBYTE / 2, 0]);
    expect(timeline?.roundEndsS).toEqual([2.1, 2.4]);
    expect(timeline?.sentBytes.at(-1)).toBe(254_803_968);
    expect(timeline?.atS).toEqual([...(timeline?.atS ?? [])].sort((left, right) => left - right));
  });

  test('looks the same while it runs, as far as it has come', () => {
    const running = memoryTimeline(open({ rounds: SAMPLE_ROUNDS.slice(0, 1), remainingBytes: 6 * MEBIBYTE }));
    expect(running?.leftBytes).toEqual([256 * MEBIBYTE, 0, 12 * MEBIBYTE, 6 * MEBIBYTE]);
    expect(running?.atS.slice(0, 3)).toEqual(memoryTimeline(ended())?.atS.slice(0, 3));
  });

  test('of one that was cancelled in its first round, the part that was sent is shown', () => {
    const phases = SAMPLE_PHASES.slice(0, 3);
    const view = ended({ outcome: 'cancelled', rounds: [], phases, transferredBytes: 100 * MEBIBYTE });
    expect(memoryTimeline(view)?.leftBytes).toEqual([256 * MEBIBYTE, 156 * MEBIBYTE]);
  });

  test('is nothing before the copy has begun', () => {
    expect(memoryTimeline(open({ phases: SAMPLE_PHASES.slice(0, 2) }))).toBeNull();
  });
});

describe('the blackout, taken apart', () => {
  const parts = (changes: Parameters<typeof sampleReceipt>[0]) => blackoutParts(sampleReceipt(changes));
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

  test('has each part once', () => {
    expect(names(parts({}))).toEqual(['stopToLastPage', 'deviceState', 'go', 'resume']);
    const sumMs = drawnParts(parts({})).reduce((sum, { ms }) => sum + ms, 0);
    expect(sumMs).toBeCloseTo(21.3);
  });

  test('where QEMU does not tell the first two apart, their sum is drawn, and they say why they are missing', () => {
    const list = parts({
      blackout: { stopToLastPageMs: null, deviceStateMs: null, stopToCompletedMs: 18.2, goMs: 0.9, resumeMs: 2.2 },
      notMeasured: { 'blackout.deviceStateMs': 'no event' },
    });
    expect(names(drawnParts(list))).toEqual(['stopToCompleted', 'go', 'resume']);
    expect(list.find(({ name }) => name === 'deviceState')).toEqual({
      ...{ name: 'deviceState', ms: null, reason: 'no event' },
    });
  });

  test('what the two clocks leave over is not hidden', () => {
    expect(parts({ blackoutMs: 23 }).at(-1)).toMatchObject({ name: 'other' });
    expect(parts({ blackoutMs: 23 }).at(-1)?.ms).toBeCloseTo(1.7);
  });
});

describe('what a client saw', () => {
  const atMs = [-8, -4, 0, 4, 8, 12, 16, 20];
  const latencyMs = [0.4, 0.6, 11, 7, 3, 0.5, 0.5, null];

  test('the worst, the usual, and what was never answered', () => {
    const sight = clientSight({ atMs, latencyMs }, { networkGapMs: 15, gapAtMs: -3.4 });
    expect(sight).toMatchObject({ worstMs: 11, usualMs: 0.6, unanswered: 1 });
    expect(sight.gap).toEqual([-3.4, 11.6]);
  });

  test('a silence at another time is not drawn where it was not', () => {
    expect(clientSight({ atMs, latencyMs }, { networkGapMs: 187, gapAtMs: -2300 }).gap).toBeNull();
    expect(clientSight({ atMs, latencyMs }, { networkGapMs: 15, gapAtMs: undefined }).gap).toBeNull();
  });

  test('shows what is around the stop first', () => {
    const wide = Array.from({ length: 300 }, (_, index) => -400 + 4 * index);
    const sight = clientSight({ atMs: wide, latencyMs: wide.map(() => 0.5) }, { networkGapMs: 40, gapAtMs: -2 });
    expect(sight.around).toEqual([-82, 118]);
  });
});
