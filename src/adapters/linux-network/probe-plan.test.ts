import { describe, expect, test } from 'vitest';
import {
  type AnswerTrack,
  closePortLine,
  hasProbePort,
  nextDueMs,
  NO_ANSWERS,
  observerLine,
  probeMacAddress,
  probePortLines,
  probePortName,
  withAnswer,
} from './probe-plan.ts';

const plan = {
  vni: 42,
  bridge: 'br0',
  mtuBytes: 9000,
  local: { address: '10.0.0.1', port: 4789 },
  exists: false,
};

describe('names', () => {
  test('are those of the identifier, and fit the 15 characters of the kernel', () => {
    expect([1, 0xab_cd, 0xff_ff_ff].map(probePortName)).toEqual(['gwp000001', 'gwp00abcd', 'gwpffffff']);
  });

  test('the address is locally administered, unicast and that of the identifier', () => {
    expect(probeMacAddress(0x01_ab_cd)).toBe('02:67:70:01:ab:cd');
  });
});

describe('lines', () => {
  test('silence the device before it comes up, with the MTU of the bridge and an address higher than any other', () => {
    expect(probePortLines(plan)).toEqual([
      'link add gwp00002a address fe:67:70:00:00:2a mtu 9000 type vxlan id 42 local 10.0.0.1 dstport 4789 nolearning noudpcsum',
      'link set dev gwp00002a addrgenmode none master br0',
      'link set dev gwp00002a type bridge_slave flood off mcast_flood off bcast_flood off learning on',
      'link set dev gwp00002a up',
    ]);
  });

  test('make it anew when it is there', () => {
    const lines = probePortLines({ ...plan, exists: true });
    expect(lines).toEqual(['link delete dev gwp00002a', ...probePortLines(plan)]);
  });

  test('send everything to the observer', () => {
    expect(observerLine(42, { address: '10.0.0.2', port: 4790 })).toBe(
      'fdb append 00:00:00:00:00:00 dev gwp00002a dst 10.0.0.2 port 4790',
    );
  });

  test('remove the device', () => {
    expect(closePortLine(42)).toBe('link delete dev gwp00002a');
  });
});

describe('hasProbePort', () => {
  test('finds the device of that identifier only', () => {
    const json = JSON.stringify([{ ifname: 'lo' }, { ifname: 'gwp00002a' }, {}]);
    expect(hasProbePort(json, 42)).toBe(true);
    expect(hasProbePort(json, 43)).toBe(false);
    expect(hasProbePort('', 42)).toBe(false);
  });
});

describe('nextDueMs', () => {
  test('keeps the rhythm when a timer is a little early or late', () => {
    expect(nextDueMs(100, 100)).toBe(104);
    expect(nextDueMs(100, 99.2)).toBe(104);
    expect(nextDueMs(100, 101.9)).toBe(104);
  });

  test('leaves out what was missed, and never asks twice at once', () => {
    expect(nextDueMs(100, 102.1)).toBe(108);
    expect(nextDueMs(100, 150)).toBe(156);
    for (let lateMs = 0; lateMs < 40; lateMs += 0.1) {
      const waitMs = nextDueMs(100, 100 + lateMs) - (100 + lateMs);
      expect(waitMs).toBeGreaterThanOrEqual(2 - 1e-9);
      expect(waitMs).toBeLessThanOrEqual(6 + 1e-9);
    }
  });
});

describe('withAnswer', () => {
  const afterAnswersAt = (...instants: (readonly [monotonicMs: number, wallMs: number])[]): AnswerTrack =>
    instants.reduce((track, [monotonicMs, wallMs]) => withAnswer(track, { monotonicMs, wallMs }), NO_ANSWERS);

  test('knows no gap before the second answer', () => {
    expect(NO_ANSWERS).toMatchObject({ answered: 0, longestGapMs: null, gapStartedAtMs: null });
    expect(afterAnswersAt([5, 1005])).toMatchObject({ answered: 1, longestGapMs: null, gapStartedAtMs: null });
  });

  test('keeps the longest gap and when it began', () => {
    const track = afterAnswersAt([0, 1000], [4, 1004], [104, 1104], [108, 1108], [158, 1158]);
    expect(track).toMatchObject({ answered: 5, longestGapMs: 100, gapStartedAtMs: 1004 });
  });

  test('of two gaps of equal length keeps the first', () => {
    expect(afterAnswersAt([0, 1000], [4, 1004], [8, 1008])).toMatchObject({ longestGapMs: 4, gapStartedAtMs: 1000 });
  });

  test('does not take a wall clock that was set for a gap', () => {
    expect(afterAnswersAt([0, 1000], [4, 61_004], [8, 61_008])).toMatchObject({ longestGapMs: 4 });
  });

  test('answers that come at once are a gap of nothing', () => {
    expect(afterAnswersAt([7, 1007], [7, 1007])).toMatchObject({ answered: 2, longestGapMs: 0, gapStartedAtMs: 1007 });
  });
});
