import { describe, expect, test } from 'vitest';
import { sampleNode } from '../../test/doubles/node-samples.ts';
import type { DrainPlan } from '../contract/nodes.ts';
import { plainLook } from './look.ts';
import { renderDrainPlan, renderNode } from './node-text.ts';

const NOW = Date.parse('2026-11-23T10:30:00.000Z');

describe('renderNode', () => {
  test('shows how the node is protected, and what happened to it', () => {
    const event = {
      ...({ id: 'E1', at: '2026-11-23T10:10:00.000Z', by: 'node2', kind: 'node-back', critical: true } as const),
      ...{ node: 'node1', vm: null, text: 'node1 is back.', reason: 'Its heartbeat was seen.' },
    };
    const sample = {
      ...{
        at: '2026-11-23T10:29:58.000Z',
        cpuPercent: 12.5,
        memoryUsedBytes: 1024 ** 3,
        memoryTotalBytes: 4 * 1024 ** 3,
      },
      ...{ receivedBytesPerSecond: 2048, sentBytesPerSecond: 0 },
    };
    const load = { node: 'node1', periodMs: 2000, samples: [sample], vms: [] };
    expect(renderNode({ ...sampleNode({ events: [event] }), load }, plainLook(), NOW)).toMatchInlineSnapshot(`
      "name           node1
      role           node
      state          up
      reason         It is a member, and its heartbeat is current.
      addresses      10.77.0.11, 10.78.0.11
      agent          godwit 0.1.0, started 30 min ago
      memory         768 MiB of 1 GiB free
      CPUs           2
      load           CPU 12.5 %, memory 1 GiB of 4 GiB, network 2 KiB/s in and 0 B/s out
      QEMU           7.2.22 tcg
      VMs            WebServer
      switches       lan
      volumes        shared (/volumes/shared)
      migrations     over the cluster network (10.77.0.11)
      watchdog       2.00 s, as granted; the guard was late by at most 3.2 ms
      takeover       after 7.50 s of silence and 2 of 2 votes (node2, witness)
      power fencing  not configured

      LAST EVENTS
      2026-11-23 10:10:00 UTC ! node1 is back. Its heartbeat was seen."
    `);
  });

  test('says of a node without a watchdog that it is taken over on proof only', () => {
    const takeover = { voters: ['node2'], votesNeeded: 1, afterMs: null, votes: [] };
    const text = renderNode(sampleNode({ guard: null, takeover }), plainLook(), NOW);
    expect(text).toMatch(/watchdog +no guard/);
    expect(text).toMatch(/takeover +only once it is confirmed dead or its power is off/);
  });
});

describe('renderDrainPlan', () => {
  const plan: DrainPlan = {
    node: 'node1',
    moves: [
      { vm: 'Db', how: 'live', to: 'node2', reason: '', memoryBytes: 268_435_456, estimateMs: 3800 },
      { vm: 'Off', how: 'owner', to: 'node3', reason: '', memoryBytes: 268_435_456, estimateMs: 0 },
    ],
    blockers: [{ vm: 'Big', reasons: ['node2 has 1 GiB free.', 'node3 is paused.'] }],
    waiting: [{ vm: 'New', reasons: ['New is starting.'] }],
    ...{ estimateMs: 3800, basis: 'a link of 1 Gbit/s is assumed' },
  };

  test('shows the order, the estimate, and every reason of every blocker', () => {
    expect(renderDrainPlan(plan, plainLook())).toMatchInlineSnapshot(`
      "#  VM   TO     HOW                      MEMORY    TAKES
      1  Db   node2  live migration          256 MiB  ~3.80 s
      2  Off  node3  off: changes its owner  256 MiB        –

      ✘ Big cannot leave node1:
          • node2 has 1 GiB free.
          • node3 is paused.

      … New is starting.

      2 VMs would leave node1 in about 3.80 s (a link of 1 Gbit/s is assumed); 1 could not."
    `);
  });

  test('says that an empty node is empty', () => {
    expect(renderDrainPlan({ ...plan, moves: [], blockers: [], waiting: [] }, plainLook())).toBe('No VM is on node1.');
  });
});
