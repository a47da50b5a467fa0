import { describe, expect, test } from 'vitest';
import { SAMPLE_PHASES, SAMPLE_ROUNDS, sampleProgress } from '../../test/doubles/cli-samples.ts';
import { plainLook, textWidth } from './look.ts';
import { describeChanges, progressPercent, renderProgress } from './progress-view.ts';

const FRAME = { tick: 0, percentMin: 0, sinceHeardMs: 0, note: '' };

describe('renderProgress', () => {
  test('shows the five phases and the bar at 80 columns', () => {
    expect(renderProgress(sampleProgress(), FRAME, plainLook(80)).join('\n')).toMatchInlineSnapshot(`
      "Live migration of WebServer: node1 → node2
        ✔ Pre-Migration                  12 ms
        ✔ Reservation                   288 ms
        ⠋ Iterative Pre-Copy            1.20 s  round 1
        · Stop-and-Copy
        · Commitment and Activation
        ██████████████████▏░░░░░░░░░░  62 %  110 MiB/s  96 MiB left  about 880 ms"
    `);
  });

  test('marks all phases and fills the bar when the migration is completed', () => {
    const done = sampleProgress({
      phase: 'commitment-and-activation',
      phases: SAMPLE_PHASES,
      rounds: SAMPLE_ROUNDS,
      outcome: 'completed',
    });
    const lines = renderProgress(done, FRAME, plainLook(80));
    expect(lines.filter((line) => line.includes('✔'))).toHaveLength(5);
    expect(lines.at(-1)).toContain('100 %');
  });

  test('marks the phase in which it was cancelled', () => {
    const text = renderProgress(sampleProgress({ outcome: 'cancelled' }), FRAME, plainLook(80)).join('\n');
    expect(text).toContain('✘ Iterative Pre-Copy');
  });

  test.each([40, 80])('stays within %d columns, whatever is noted', (columns) => {
    const frame = {
      ...FRAME,
      note: 'the node that answered does not answer any more; the migration does not depend on it',
    };
    const lines = renderProgress(sampleProgress(), frame, plainLook(columns));
    expect(lines.filter((line) => textWidth(line) > Math.max(columns, 50))).toEqual([]);
  });
});

describe('progressPercent', () => {
  test('counts nothing before pre-copy and is not done before the end', () => {
    expect(progressPercent(sampleProgress({ phase: 'reservation' }))).toBe(0);
    expect(progressPercent(sampleProgress())).toBeCloseTo(62.5);
    expect(progressPercent(sampleProgress({ phase: 'stop-and-copy' }))).toBe(99);
    expect(progressPercent(sampleProgress({ phase: 'commitment-and-activation', outcome: 'completed' }))).toBe(100);
  });

  test('takes no figures for no memory, not for all of it', () => {
    expect(progressPercent(sampleProgress({ transferredBytes: 0, remainingBytes: 0 }))).toBe(0);
  });
});

describe('describeChanges', () => {
  test('says each phase and each round once, also those that were passed unseen', () => {
    const first = sampleProgress({ phase: 'pre-migration', phases: [] });
    const middle = sampleProgress({ rounds: SAMPLE_ROUNDS.slice(0, 1) });
    const last = sampleProgress({
      phase: 'commitment-and-activation',
      phases: SAMPLE_PHASES,
      rounds: SAMPLE_ROUNDS,
      outcome: 'completed',
    });
    const lines = [
      ...describeChanges(null, first),
      ...describeChanges(first, middle),
      ...describeChanges(middle, last),
    ];
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "WebServer: live migration from node1 to node2 (01M843DF6JW6V022KY1SDPY2V2)
      phase 1 of 5: Pre-Migration
      phase 2 of 5: Reservation, after 12 ms of Pre-Migration
      phase 3 of 5: Iterative Pre-Copy, after 288 ms of Reservation
      round 1: sent 230 MiB in 2.10 s (110 MiB/s), 12 MiB left
      round 2: sent 12 MiB in 300 ms (40 MiB/s), 512 KiB left
      phase 4 of 5: Stop-and-Copy, after 2.40 s of Iterative Pre-Copy
      phase 5 of 5: Commitment and Activation, after 18 ms of Stop-and-Copy"
    `);
    expect(describeChanges(last, last)).toEqual([]);
  });

  test('says why a migration waits, once, and what was decided', () => {
    const decisions = [{ at: '', what: 'wait', why: 'db uses 93 % of the link out of node1' }];
    const before = sampleProgress({ phase: 'pre-migration', phases: [] });
    const waiting = { ...before, decisions };
    expect(describeChanges(before, waiting)).toEqual(['wait: db uses 93 % of the link out of node1']);
    expect(describeChanges(waiting, waiting)).toEqual([]);
    expect(renderProgress(waiting, FRAME, plainLook(80)).at(-1)).toBe('  waits: db uses 93 % of the link out of node1');
  });
});
