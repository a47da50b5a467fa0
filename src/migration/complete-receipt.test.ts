import { describe, expect, test } from 'vitest';
import { sampleReceipt } from '../../test/doubles/cli-samples.ts';
import { completeReceipt, pendingReceipt, STILL_MEASURED, type TrafficReport } from './complete-receipt.ts';

const seen: TrafficReport = {
  method: 'mirror',
  methodReason: 'frames were mirrored from the last round on',
  counts: { held: 14, replayed: 20, lost: 0, duplicated: 0 },
  countsReason: 'node2 did not report them',
  probe: {
    ...{ kind: 'ARP through the virtual switch of node3', intervalMs: 5, gapMs: 38.4567 },
    seen: { stoppedAtMs: 1000, gapStartedAtMs: 999.04, samples: [{ askedAtMs: 995, waitedMs: 0.44 }] },
    seenReason: 'the guest was never stopped',
  },
  probeReason: 'the guest did not answer the probe',
};

const ended = sampleReceipt({ notMeasured: { clockErrorMs: 'the clocks were not compared' } });
const pending = pendingReceipt(ended);

describe('a receipt right after the end', () => {
  test('is not complete, and says of every figure that is still to come that it is being measured', () => {
    expect(pending.complete).toBe(false);
    const paths = ['networkGapMs', 'network.probe'];
    for (const name of ['Held', 'Replayed', 'Lost', 'Duplicated']) paths.push(`network.frames${name}`);
    for (const path of paths) expect(pending.notMeasured[path]).toBe(STILL_MEASURED);
    expect(pending.notMeasured['clockErrorMs']).toBe('the clocks were not compared');
  });
});

describe('a complete receipt', () => {
  test('has what was seen of the traffic, and no reason for a figure that is there', () => {
    const receipt = completeReceipt(pending, seen);
    expect(receipt).toMatchObject({
      complete: true,
      networkGapMs: 38.5,
      network: {
        ...{ framesHeld: 14, framesReplayed: 20, framesLost: 0, framesDuplicated: 0, method: 'mirror' },
        probe: {
          ...{ kind: 'ARP through the virtual switch of node3', intervalMs: 5 },
          samples: { atMs: [-5], latencyMs: [0.4] },
          gapAtMs: -1,
        },
      },
    });
    expect(receipt.notMeasured).toEqual({ clockErrorMs: 'the clocks were not compared' });
  });

  test('changes nothing else', () => {
    const { notMeasured, network, networkGapMs, complete, ...rest } = completeReceipt(pending, seen);
    expect(pending).toMatchObject(rest);
    expect([notMeasured, network, networkGapMs, complete]).not.toContain(undefined);
  });

  test('keeps what was known of the network already, and why it was not', () => {
    const notMeasured = { ...pending.notMeasured, 'network.connectionsKept': 'nobody counts them' };
    const receipt = completeReceipt({ ...pending, notMeasured }, seen);
    expect(receipt.network.connectionsKept).toBe(pending.network.connectionsKept);
    expect(receipt.notMeasured['network.connectionsKept']).toBe('nobody counts them');
  });

  test('gives the reason for each figure that is missing, and nothing is measured any more', () => {
    const receipt = completeReceipt(pending, { ...seen, method: 'announcement', counts: null, probe: null });
    expect(receipt.network).toMatchObject({ framesHeld: null, framesLost: null, probe: null });
    expect(receipt.notMeasured).toMatchObject({
      'network.framesHeld': 'node2 did not report them',
      'network.framesLost': 'node2 did not report them',
      'network.probe': 'the guest did not answer the probe',
      networkGapMs: 'the guest did not answer the probe',
    });
    expect(Object.values(receipt.notMeasured)).not.toContain(STILL_MEASURED);
  });

  test('keeps the probe that was made, although the guest was not heard twice', () => {
    const probe = { kind: 'ARP', intervalMs: 5, gapMs: null, seen: null, seenReason: 'the guest was never stopped' };
    const receipt = completeReceipt(pending, { ...seen, probe });
    expect(receipt).toMatchObject({ networkGapMs: null, network: { probe: { kind: 'ARP', intervalMs: 5 } } });
    expect(receipt.notMeasured).toHaveProperty('networkGapMs');
    expect(receipt.notMeasured['network.probe.samples']).toBe('the guest was never stopped');
    expect(receipt.notMeasured).not.toHaveProperty(['network.probe']);
  });

  test('says why duplicates alone are not known', () => {
    const receipt = completeReceipt(pending, { ...seen, counts: { held: 1, replayed: 1, lost: 0, duplicated: null } });
    expect(receipt.network).toMatchObject({ framesLost: 0, framesDuplicated: null });
    expect(receipt.notMeasured['network.framesDuplicated']).toMatch(/did not say how many frames/);
    expect(receipt.notMeasured).not.toHaveProperty(['network.framesLost']);
  });

  test('takes a gap of nothing for a gap that was measured', () => {
    const receipt = completeReceipt(pending, {
      ...seen,
      probe: { kind: 'ARP', intervalMs: 5, gapMs: 0, seen: null, seenReason: 'the guest was never stopped' },
    });
    expect(receipt.networkGapMs).toBe(0);
    expect(receipt.notMeasured).not.toHaveProperty('networkGapMs');
  });
});
