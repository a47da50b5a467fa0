import { describe, expect, test } from 'vitest';
import { type AskedSample, CLIENT_VIEW_POINTS_MAX, clientView } from './client-view.ts';

const STOPPED_AT_MS = 1_764_000_000_000;

/** A request every 4 ms; those between `gap` wait for its end. */
function asked(fromMs: number, toMs: number, gap: readonly [number, number]): AskedSample[] {
  const samples: AskedSample[] = [];
  for (let atMs = fromMs; atMs <= toMs; atMs += 4) {
    const waitedMs = atMs >= gap[0] && atMs < gap[1] ? gap[1] - atMs : 0.6;
    samples.push({ askedAtMs: STOPPED_AT_MS + atMs, waitedMs });
  }
  return samples;
}

describe('what a client sees of a guest', () => {
  test('is told by the time of the stop', () => {
    const view = clientView(asked(-8, 12, [0, 9]), STOPPED_AT_MS);
    expect(view).toEqual({ atMs: [-8, -4, 0, 4, 8, 12], latencyMs: [0.6, 0.6, 9, 5, 1, 0.6] });
  });

  test('begins shortly before it, however long the guest was watched', () => {
    const { atMs } = clientView(asked(-60_000, 500, [0, 30]), STOPPED_AT_MS);
    expect(atMs[0]).toBe(-400);
    expect(atMs.at(-1)).toBe(500);
  });

  test('keeps a request that was never answered', () => {
    const lost = [{ askedAtMs: STOPPED_AT_MS + 4, waitedMs: null }];
    expect(clientView([...asked(-4, 0, [0, 0]), ...lost], STOPPED_AT_MS).latencyMs).toEqual([0.6, 0.6, null]);
  });

  test('of a long standstill few points are kept, and among them the worst', () => {
    const samples = asked(-400, 30_000, [2, 20_000]);
    samples[3] = { askedAtMs: STOPPED_AT_MS - 388, waitedMs: 44 };
    const { atMs, latencyMs } = clientView(samples, STOPPED_AT_MS);
    expect(atMs.length).toBeLessThanOrEqual(CLIENT_VIEW_POINTS_MAX);
    expect(atMs.length).toBe(latencyMs.length);
    expect(latencyMs).toContain(19_996);
    expect(latencyMs).toContain(44);
    expect(atMs).toEqual([...atMs].sort((left, right) => left - right));
    // Beside the rest of a receipt this must fit well into what etcd likes to keep.
    expect(JSON.stringify({ atMs, latencyMs }).length).toBeLessThan(6 * 1024);
  });

  test('the worst of all is one that was never answered', () => {
    const samples = asked(-400, 30_000, [2, 20_000]);
    samples[6000] = { askedAtMs: STOPPED_AT_MS + 23_600, waitedMs: null };
    expect(clientView(samples, STOPPED_AT_MS).latencyMs).toContain(null);
  });

  test('of nothing is nothing', () => {
    expect(clientView([], STOPPED_AT_MS)).toEqual({ atMs: [], latencyMs: [] });
  });
});
